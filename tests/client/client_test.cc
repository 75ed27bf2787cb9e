#include "client/client.h"

#include <atomic>
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "tests/client/map_server.h"

namespace carillon {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

ClientOptions QuickOptions(std::vector<std::string> endpoints) {
  return {.endpoints = std::move(endpoints),
          .retry = {.max_attempts = 5, .first_delay = std::chrono::milliseconds(1)}};
}

ChunkKey Key(std::uint64_t epoch, std::uint64_t number) {
  return {Epoch(epoch), "1", "c", "T", "", number};
}

class ClientTest : public ::testing::Test {
 protected:
  StatusOr<PutReply> Put(const ChunkKey& key, const std::string& value) {
    return client_->PutChunk("events", key, SharedBytes(value));
  }
  // Stores chunks of one second and commits them.
  void Commit(std::uint64_t epoch, const std::vector<std::string>& values) {
    carillon::Commit commit{.bucket = "events", .epoch = Epoch(epoch), .dc = "1"};
    for (const std::string& value : values) {
      const ChunkKey key = Key(epoch, commit.chunks.size());
      ASSERT_TRUE(Put(key, value).ok());
      commit.chunks.push_back({.key = key,
                               .events = 1,
                               .value_bytes = static_cast<std::uint32_t>(value.size()),
                               .value_crc = Crc32c(value)});
    }
    ASSERT_TRUE(client_->CommitSecond(commit).ok());
  }
  // The items of [0, 100) as text: "epoch=value", "epoch." for an end, "epoch!" for an error.
  std::vector<std::string> ReadAll() {
    std::vector<std::string> items;
    const auto stream = client_->ReadRange({.range = {Epoch(0), Epoch(100)}});
    while (true) {
      const auto item = stream->Next();
      if (!item.ok()) {
        items.push_back(std::string(CodeName(item.status().code())));
        return items;
      }
      if (!*item) return items;
      const RangeItem& it = **item;
      const std::string what = !it.chunk ? "." : it.status.ok() ? "=" + it.value : "!";
      items.push_back(fmt::format("{}{}", it.epoch, what));
    }
  }

  MapServer server_;
  std::unique_ptr<Client> client_ = *Client::Connect(QuickOptions({server_.endpoint()}));
};

TEST_F(ClientTest, ClaimsForTheFirstOwnerAndTriesAgain) {
  const ClaimId a(Uuid{{1}});
  const ClaimId b(Uuid{{2}});
  ClaimOrder order{.bucket = "claims", .owner = ClaimOwner(Uuid{{7}}), .ids = {a}};
  EXPECT_EQ(*client_->Claim(order), std::vector{ClaimVerdict::kMine});
  order.ids = {b, a};
  order.owner = ClaimOwner(Uuid{{8}});
  server_.FailNext({kAway, kAway});
  EXPECT_EQ(*client_->Claim(order), (std::vector{ClaimVerdict::kMine, ClaimVerdict::kTaken}));
  EXPECT_EQ(client_->counters().retries, 2u);
}

TEST_F(ClientTest, RefusesAClaimOfNothingOrOfTooMuchUnasked) {
  ClaimOrder order{.bucket = "claims", .owner = ClaimOwner(Uuid{{7}})};
  EXPECT_EQ(client_->Claim(order).status().code(), StatusCode::kInvalidArgument);
  order.ids.resize(kMaxClaims + 1);
  EXPECT_EQ(client_->Claim(order).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.calls(), 0);
}

TEST_F(ClientTest, EndsAClaimWithinItsOwnTime) {
  ClientOptions options = QuickOptions({server_.endpoint()});
  options.retry.max_attempts = 1'000'000;
  const auto patient = *Client::Connect(options);
  server_.FailNext(std::vector<grpc::Status>(1'000'000, kAway));
  std::promise<Status> ended;
  patient->ClaimAsync({.bucket = "claims", .owner = ClaimOwner(Uuid{{7}}), .ids = {ClaimId()}},
                      std::chrono::milliseconds(50),
                      [&](const auto& verdicts) { ended.set_value(verdicts.status()); });
  // The last attempt was refused, or cut off by the end of the time: both are said.
  EXPECT_THAT(ended.get_future().get().code(),
              AnyOf(StatusCode::kUnavailable, StatusCode::kDeadlineExceeded));
}

TEST_F(ClientTest, StoresAChunkAndReadsItBack) {
  const std::string value(3'000'000, 'v');
  const auto reply = Put(Key(5, 1), value);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_FALSE(reply->already_stored);
  EXPECT_EQ(reply->replicas_written, 1u);
  const auto read = client_->GetChunk("events", Key(5, 1));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == value);
}

TEST_F(ClientTest, SaysThatTheSameBytesWereThere) {
  EXPECT_TRUE(Put(Key(5, 1), "value").ok());
  EXPECT_TRUE(Put(Key(5, 1), "value")->already_stored);
  EXPECT_EQ(Put(Key(5, 1), "other").status().code(), StatusCode::kAlreadyExists);
}

TEST_F(ClientTest, RefusesABadKeyWithoutACall) {
  EXPECT_EQ(Put({Epoch(1), "", "c", "T", "", 0}, "v").status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.calls(), 0);
}

TEST_F(ClientTest, TriesAgainWhileTheNodeIsAway) {
  server_.FailNext({kAway, kAway, {grpc::StatusCode::RESOURCE_EXHAUSTED, "full"}});
  EXPECT_TRUE(Put(Key(5, 1), "value").ok());
  EXPECT_EQ(server_.calls(), 4);
}

TEST_F(ClientTest, GivesUpAfterItsAttemptsAndSaysWhere) {
  server_.FailNext(std::vector<grpc::Status>(100, kAway));
  const Status status = Put(Key(5, 1), "value").status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(ToString(status), HasSubstr(server_.endpoint() + ", attempt 5: away"));
  EXPECT_EQ(server_.calls(), 5);
}

TEST_F(ClientTest, TakesAnAnswerThatWillNotPassAtOnce) {
  server_.FailNext({{grpc::StatusCode::INVALID_ARGUMENT, "no"}});
  EXPECT_EQ(Put(Key(5, 1), "value").status(), InvalidArgument("no"));
  EXPECT_EQ(server_.calls(), 1);
}

TEST_F(ClientTest, EndsWithDeadlineExceededWhenTheNodeIsStuck) {
  ClientOptions options = QuickOptions({server_.endpoint()});
  options.timeout = std::chrono::milliseconds(50);
  const auto client = *Client::Connect(options);
  server_.HoldPuts();
  EXPECT_EQ(client->PutChunk("events", Key(5, 1), SharedBytes(Bytes("v"))).status().code(),
            StatusCode::kDeadlineExceeded);
  server_.Release();
}

TEST_F(ClientTest, GoesOnToTheNextEndpoint) {
  MapServer gone;
  const std::string gone_endpoint = gone.endpoint();
  gone.Stop();
  client_ = *Client::Connect(QuickOptions({gone_endpoint, server_.endpoint()}));
  EXPECT_TRUE(Put(Key(5, 1), "value").ok());
  EXPECT_TRUE(client_->GetChunk("events", Key(5, 1)).ok());
  EXPECT_EQ(server_.calls(), 2);
}

TEST_F(ClientTest, RefusesMalformedEndpoints) {
  EXPECT_EQ(Client::Connect({.endpoints = {"nowhere"}}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Client::Connect({.endpoints = {}}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, GivesManyChunksInOrderEachWithItsOwnError) {
  ASSERT_TRUE(Put(Key(1, 0), "a").ok());
  ASSERT_TRUE(Put(Key(1, 2), "c").ok());
  server_.BreakStreamsAfter({1, 1});
  std::vector<std::string> answers;
  const Status status = client_->GetChunks(
      "events", {Key(1, 0), Key(1, 1), Key(1, 2)}, [&](const ChunkKey& key, StatusOr<Bytes> value) {
        answers.push_back(fmt::format("{} {}", key.number,
                                      value.ok() ? *value : CodeName(value.status().code())));
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(answers, ElementsAre("0 a", "1 NOT_FOUND", "2 c"));
}

TEST_F(ClientTest, SeesThatAValueWasDamagedOnItsWay) {
  Commit(5, {"value"});
  server_.DamageValues();
  EXPECT_EQ(client_->GetChunk("events", Key(5, 0)).status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(ReadAll(), ElementsAre("5!", "5."));
}

TEST_F(ClientTest, ReadsARangeInOrder) {
  Commit(7, {"d"});
  Commit(5, {"a", "b"});
  EXPECT_THAT(ReadAll(), ElementsAre("5=a", "5=b", "5.", "7=d", "7."));
}

TEST_F(ClientTest, ResumesABrokenRangeWithoutAGapOrARepetition) {
  Commit(5, {"a", "b", "c"});
  Commit(6, {"d"});
  Commit(7, {"e", "f"});
  const auto whole = ReadAll();
  for (int first = 0; first < 9; ++first) {
    for (int second = 0; second < 5; ++second) {
      server_.BreakStreamsAfter({first, second});
      EXPECT_EQ(ReadAll(), whole) << first << " " << second;
    }
  }
}

TEST_F(ClientTest, EndsARangeThatBreaksTooOftenWithoutProgress) {
  Commit(5, {"a"});
  server_.BreakStreamsAfter(std::vector<int>(100, 0));
  EXPECT_THAT(ReadAll(), ElementsAre("UNAVAILABLE"));
}

TEST_F(ClientTest, LetsGoOfARangeThatIsNotReadToItsEnd) {
  for (std::uint64_t epoch = 0; epoch < 40; ++epoch) Commit(epoch, {std::string(500'000, 'v')});
  const auto stream = client_->ReadRange({.range = {Epoch(0), Epoch(100)}});
  EXPECT_TRUE(stream->Next().ok());
}

TEST_F(ClientTest, ListsSeconds) {
  Commit(5, {"abc"});
  const auto page = client_->ListSeconds({.range = {Epoch(0), Epoch(10)}});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->seconds.size(), 1u);
  EXPECT_EQ(page->seconds[0].epoch, Epoch(5));
  EXPECT_EQ(page->seconds[0].chunks[0].key, Key(5, 0));
  EXPECT_EQ(page->seconds[0].chunks[0].value_crc, Crc32c("abc"));
  EXPECT_EQ(page->next_from, Epoch(10));
}

TEST_F(ClientTest, SendsOnlyTheBucketPropertiesThatChange) {
  const auto bucket =
      client_->SetBucket("b", {.n_val = 2, .sync = SyncMode::kOs, .max_chunk_bytes = 100});
  ASSERT_TRUE(bucket.ok()) << bucket.status();
  EXPECT_EQ(bucket->name, "b");
  EXPECT_EQ(bucket->properties.n_val, 2u);
  EXPECT_EQ(bucket->properties.sync, SyncMode::kOs);
  EXPECT_EQ(bucket->properties.max_chunk_bytes, 100u);
}

TEST_F(ClientTest, WaitsForItsCallsWhenItEnds) {
  int answered = 0;
  server_.HoldPuts();
  for (std::uint64_t i = 0; i < 3; ++i) {
    client_->PutChunkAsync("events", Key(1, i), SharedBytes(Bytes("v")),
                           [&answered, this](const StatusOr<PutReply>&) { ++answered; });
  }
  server_.Release();
  client_.reset();
  EXPECT_EQ(answered, 3);
}

}  // namespace
}  // namespace carillon
