// A client that knows the ring, and a real node: what it asks goes by frames.
#include "server/api/frame_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "base/checksum.h"
#include "client/client.h"
#include "client/node_frames.h"
#include "frames/call.h"
#include "server/api/acceptor.h"
#include "server/api/grpc_server.h"
#include "server/peer/peer_server.h"

namespace carillon {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Duration kLong = std::chrono::minutes(10);

// A node of a cluster of its own, with its sockets.
class FrameCallsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "carillon-api-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto acceptor = Acceptor::Listen({.address = "127.0.0.1:0"}, &acceptor_metrics_);
    ASSERT_TRUE(acceptor.ok());
    ServerCoreOptions options;
    options.directories = {directory_ + "/data"};
    options.address = (*acceptor)->address();
    options.store.ballast_bytes = 0;
    options.store.min_free = 0;
    options.store.allocate_bytes = 1u << 20;
    options.threads.scrub_bytes_per_second = 0;
    auto core = ServerCore::Open(std::move(options));
    ASSERT_TRUE(core.ok()) << ToString(core.status());
    core_ = *std::move(core);
    calls_ = std::make_unique<FrameCalls>(core_->node(), core_->metrics());
    peers_ = PeerServer::Start(core_->node(), calls_.get(), core_->metrics());
    auto server = GrpcServer::Start(*std::move(acceptor), core_.get(), peers_.get());
    ASSERT_TRUE(server.ok()) << ToString(server.status());
    server_ = *std::move(server);
    auto client = Client::Connect({.endpoints = {server_->address()}});
    ASSERT_TRUE(client.ok());
    client_ = *std::move(client);
  }

  void TearDown() override {
    client_.reset();
    server_->Stop(Duration::zero());
    peers_->Stop();
    (void)core_->Stop();
    server_.reset();
    core_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  static ChunkKey Key(std::uint64_t number) {
    return {.epoch = Epoch(WallSeconds(SystemClock().WallNow()) - 10),
            .dc = "1",
            .cell = "cell0",
            .type = "WEB",
            .number = number};
  }
  std::string metrics() { return core_->metrics()->Render(); }

  // The answer to a call with these bytes.
  StatusOr<SharedBytes> Call(Bytes body) {
    std::promise<StatusOr<SharedBytes>> answer;
    FrameLinks links({.max_reply_bytes = kMaxCallBytes});
    links.Ask(server_->address(), 0, FrameKind::kCall, Rope(std::move(body)), kLong,
              [&answer](StatusOr<SharedBytes> body) { answer.set_value(std::move(body)); });
    return answer.get_future().get();
  }

  std::string directory_;
  Metrics acceptor_metrics_;
  std::unique_ptr<FrameCalls> calls_;
  std::unique_ptr<PeerServer> peers_;
  std::unique_ptr<ServerCore> core_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(FrameCallsTest, PutsCommitsAndGetsByFrames) {
  const ChunkKey key = Key(1);
  const Bytes value(100'000, 'v');
  const auto put = client_->PutChunk("events", key, SharedBytes(value));
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_FALSE(put->already_stored);
  EXPECT_EQ(put->replicas_written, 1u);
  Commit commit{.bucket = "events", .epoch = key.epoch, .dc = key.dc};
  commit.chunks.push_back({.key = key,
                           .events = 1,
                           .raw_bytes = 1,
                           .value_bytes = 100'000,
                           .value_crc = Crc32c(value)});
  EXPECT_TRUE(client_->CommitSecond(commit).ok());
  const auto got = client_->GetChunk("events", key);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, value);
  for (const char* method : {"PutChunk", "CommitSecond", "GetChunk"}) {
    EXPECT_THAT(metrics(),
                HasSubstr(fmt::format(
                    R"(carillon_requests_total{{api="frames",code="OK",method="{}"}} 1)", method)));
  }
  EXPECT_THAT(metrics(), Not(HasSubstr(R"(api="grpc",code="OK",method="PutChunk")")));
}

TEST_F(FrameCallsTest, GetsManyInTheOrderOfTheirKeysAndSaysWhichAreMissing) {
  std::vector<ChunkKey> keys;
  for (std::uint64_t number = 0; number < 100; ++number) {
    keys.push_back(Key(number));
    if (number % 10 == 7) continue;
    ASSERT_TRUE(
        client_
            ->PutChunk("events", keys.back(), SharedBytes(Bytes(20'000, static_cast<char>(number))))
            .ok());
  }
  std::uint64_t next = 0;
  const Status status =
      client_->GetChunks("events", keys, [&](const ChunkKey& key, const StatusOr<Bytes>& value) {
        EXPECT_EQ(key.number, next);
        if (next % 10 == 7) {
          EXPECT_EQ(value.status().code(), StatusCode::kNotFound);
        } else {
          EXPECT_TRUE(value.ok() && *value == Bytes(20'000, static_cast<char>(next)));
        }
        ++next;
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(next, 100u);
}

TEST_F(FrameCallsTest, SmallChunksTravelTogetherAndARefusedOneFailsAlone) {
  ASSERT_TRUE(client_->PutChunk("events", Key(5), SharedBytes(Bytes("other"))).ok());
  std::atomic<int> stored = 0, refused = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    client_->PutChunkAsync("events", Key(i), SharedBytes(Bytes("v")),
                           [&](const StatusOr<PutReply>& reply) {
                             stored += reply.ok() ? 1 : 0;
                             refused += reply.status().code() == StatusCode::kAlreadyExists ? 1 : 0;
                           });
  }
  client_.reset();  // waits for them
  EXPECT_EQ(stored, 999);
  EXPECT_EQ(refused, 1);
  EXPECT_THAT(metrics(), HasSubstr(R"(api="frames",code="OK",method="PutChunks")"));
  EXPECT_THAT(metrics(), Not(HasSubstr(R"(method="PutChunk"})")));
}

TEST_F(FrameCallsTest, ReadsARangeByFrames) {
  const ChunkKey key = Key(1);
  ASSERT_TRUE(client_->PutChunk("events", key, SharedBytes(Bytes("value"))).ok());
  Commit commit{.bucket = "events", .epoch = key.epoch, .dc = key.dc};
  commit.chunks.push_back(
      {.key = key, .events = 1, .raw_bytes = 1, .value_bytes = 5, .value_crc = Crc32c("value")});
  ASSERT_TRUE(client_->CommitSecond(commit).ok());
  const auto stream =
      client_->ReadRange({.bucket = "events", .range = {key.epoch, Epoch(key.epoch.value() + 1)}});
  const auto item = stream->Next();
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->value, "value");
}

TEST_F(FrameCallsTest, WhatIsMalformedIsRefusedAndTheConnectionServesOn) {
  EXPECT_EQ(Call("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Call("\x7f").status().code(), StatusCode::kUnimplemented);
  for (const char method : {'\1', '\2', '\3', '\4'}) {
    EXPECT_EQ(Call(Bytes(1, method) + "\xff\xff\xff").status().code(), StatusCode::kInvalidArgument)
        << static_cast<int>(method);
  }
  EXPECT_EQ(Call("\2").status().code(), StatusCode::kInvalidArgument) << "an empty commit";
  EXPECT_TRUE(client_->PutChunk("events", Key(1), SharedBytes(Bytes("value"))).ok());
}

}  // namespace
}  // namespace carillon
