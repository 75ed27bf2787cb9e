// Nodes ask each other over real gRPC on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "base/checksum.h"
#include "server/api/peer_client.h"
#include "server/api/peer_service.h"
#include "tests/peer/peer_samples.h"

namespace carillon {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Answers what it is told to; keeps what it was asked.
class EchoSink final : public PeerSink {
 public:
  enum class Habit { kAnswers, kKeepsSilent, kDrops };
  explicit EchoSink(Habit habit = Habit::kAnswers) : habit_(habit) {}

  void HandlePeer(PeerSender sender, PeerMessage message,
                  std::function<void(PeerReply)> done) override {
    PeerReply reply{.version = StateVersion(7), .value = WriteReply{.already_stored = true}};
    if (const auto* put = std::get_if<ReplicaPut>(&message)) {
      reply.value = ReadReply{
          .values = {{.value = SharedBytes(put->value.Flatten()), .value_crc = put->value_crc}}};
    }
    if (std::holds_alternative<JoinCluster>(message)) {
      reply.value = StateReply{.state = SampleState()};
    }
    const std::lock_guard lock(mutex_);
    ++asked_;
    last_ = {.sender = sender, .message = std::move(message)};
    if (habit_ == Habit::kKeepsSilent && !forgets_) held_.push_back(std::move(done));
    came_.notify_all();
    if (habit_ == Habit::kAnswers) done(std::move(reply));
  }
  void HandleGossip(GossipMessage /*message*/) override {}

  void WaitFor(int asked) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return asked_ >= asked; });
  }
  DecodedPeerRequest last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  // Lets go of what was never answered, and of what comes later.
  void Forget() {
    const std::lock_guard lock(mutex_);
    forgets_ = true;
    held_.clear();
  }

 private:
  const Habit habit_;
  std::mutex mutex_;
  std::condition_variable came_;
  int asked_ = 0;
  bool forgets_ = false;
  DecodedPeerRequest last_;
  std::vector<std::function<void(PeerReply)>> held_;
};

// A node that answers as its sink does.
class PeerServer {
 public:
  explicit PeerServer(EchoSink* sink) : sink_(sink), service_(sink, &metrics_) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxPeerRequestBytes));
    builder.SetMaxSendMessageSize(-1);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~PeerServer() { Stop(); }

  void Stop() {
    if (!server_) return;
    sink_->Forget();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  const Metrics& metrics() const { return metrics_; }

 private:
  EchoSink* const sink_;
  Metrics metrics_;
  PeerService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// The replies to one client's asks, in the order in which they came.
class Replies {
 public:
  PeerClient::Done Expect() {
    return [this](PeerReply reply) {
      const std::lock_guard lock(mutex_);
      replies_.push_back(std::move(reply));
      came_.notify_all();
    };
  }
  std::vector<PeerReply> WaitFor(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return replies_.size() >= count; });
    return replies_;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return replies_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<PeerReply> replies_;
};

AskPeer AskOf(const std::string& address, PeerMessage message, Duration timeout = 10s) {
  return {.operation = OperationId(1),
          .to = NodeId(SampleUuid(3)),
          .address = address,
          .sender = SampleSender(),
          .message = std::move(message),
          .timeout = timeout};
}

TEST(PeerTransportTest, CarriesAValueThereAndBack) {
  EchoSink sink;
  const PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  const Bytes value = Bytes(100'000, 'a') + "z";
  client.Ask(AskOf(server.address(), SamplePut(value)), replies.Expect());
  const PeerReply reply = replies.WaitFor(1).front();
  ASSERT_TRUE(reply.status.ok()) << ToString(reply.status);
  EXPECT_EQ(reply.version, StateVersion(7));
  const auto& values = std::get<ReadReply>(reply.value).values;
  ASSERT_EQ(values.size(), 1u);
  EXPECT_TRUE(values[0].status.ok());
  EXPECT_EQ(values[0].value.view(), value);
  const DecodedPeerRequest asked = sink.last();
  EXPECT_EQ(asked.sender.node, SampleSender().node);
  EXPECT_EQ(std::get<ReplicaPut>(asked.message).value.Flatten(), value);
}

TEST(PeerTransportTest, CarriesTheLargestValue) {
  EchoSink sink;
  const PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf(server.address(), SamplePut(Bytes(kMaxChunkBytesLimit, 'v')), 60s),
             replies.Expect());
  const PeerReply reply = replies.WaitFor(1).front();
  ASSERT_TRUE(reply.status.ok()) << ToString(reply.status);
  EXPECT_EQ(std::get<ReadReply>(reply.value).values[0].value.size(), kMaxChunkBytesLimit);
}

TEST(PeerTransportTest, CarriesEveryKindOfRequest) {
  EchoSink sink;
  const PeerServer server(&sink);
  PeerClient client(SampleUuid(1), nullptr);
  for (const PeerMessage& message : SampleRequests()) {
    Replies replies;
    client.Ask(AskOf(server.address(), message), replies.Expect());
    EXPECT_TRUE(replies.WaitFor(1).front().status.ok()) << KindName(message);
    EXPECT_EQ(sink.last().message.index(), message.index());
  }
  EXPECT_EQ(client.counters().channels, 1u);
}

TEST(PeerTransportTest, ManySmallPutsAreEachAnsweredWithTheirOwnValue) {
  EchoSink sink;
  const PeerServer server(&sink);
  PeerClient client(SampleUuid(1), nullptr);
  std::vector<std::promise<PeerReply>> replies(2000);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    client.Ask(AskOf(server.address(), SamplePut(fmt::format("value {}", i))),
               [&replies, i](PeerReply reply) { replies[i].set_value(std::move(reply)); });
  }
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const PeerReply reply = replies[i].get_future().get();
    ASSERT_TRUE(reply.status.ok()) << ToString(reply.status);
    const auto& values = std::get<ReadReply>(reply.value).values;
    ASSERT_EQ(values.size(), 1u);
    EXPECT_EQ(values[0].value.view(), fmt::format("value {}", i));
  }
  EXPECT_EQ(client.counters().requests, 2000u);
  EXPECT_EQ(client.counters().unanswered, 0u);
}

TEST(PeerTransportTest, SmallPutsThatWaitForASilentNodeEndAtTheirTime) {
  EchoSink sink(EchoSink::Habit::kKeepsSilent);
  const PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  for (int i = 0; i < 50; ++i) {
    client.Ask(AskOf(server.address(), SamplePut("v"), 50ms), replies.Expect());
  }
  for (const PeerReply& reply : replies.WaitFor(50)) {
    EXPECT_EQ(reply.status.code(), StatusCode::kDeadlineExceeded) << ToString(reply.status);
  }
}

TEST(PeerTransportTest, CountsTheBytesOfMessages) {
  EchoSink sink;
  const PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  const ReplicaPut put = SamplePut(Bytes(30'000, 'v'));
  client.Ask(AskOf(server.address(), put), replies.Expect());
  const PeerReply reply = replies.WaitFor(1).front();
  const PeerTraffic traffic = client.counters();
  EXPECT_EQ(traffic.requests, 1u);
  EXPECT_EQ(traffic.unanswered, 0u);
  EXPECT_EQ(traffic.bytes_sent, EncodePeerRequest(SampleSender(), put).size());
  EXPECT_EQ(traffic.bytes_received, EncodePeerReply(reply).size());
}

TEST(PeerTransportTest, GivesUpWhenItsTimeIsOver) {
  EchoSink sink(EchoSink::Habit::kKeepsSilent);
  PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf(server.address(), EchoRequest{}, 50ms), replies.Expect());
  const PeerReply reply = replies.WaitFor(1).front();
  EXPECT_EQ(reply.status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(reply.version, StateVersion(0));
  server.Stop();
  client.Stop();
  EXPECT_EQ(replies.size(), 1u);
}

TEST(PeerTransportTest, SaysAtOnceThatANodeIsAway) {
  EchoSink sink;
  PeerServer server(&sink);
  const std::string address = server.address();
  server.Stop();
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf(address, EchoRequest{}, 10min), replies.Expect());
  const PeerReply reply = replies.WaitFor(1).front();  // long before its timeout
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(reply.version, StateVersion(0));
  EXPECT_EQ(client.counters().unanswered, 1u);
}

TEST(PeerTransportTest, EndsACallWhoseNodeStops) {
  EchoSink sink(EchoSink::Habit::kKeepsSilent);
  PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf(server.address(), EchoRequest{}, 10min), replies.Expect());
  sink.WaitFor(1);
  server.Stop();
  EXPECT_EQ(replies.WaitFor(1).front().status.code(), StatusCode::kUnavailable);
}

TEST(PeerTransportTest, IsToldWhenTheSinkDropsARequest) {
  EchoSink sink(EchoSink::Habit::kDrops);
  const PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf(server.address(), EchoRequest{}, 10min), replies.Expect());
  const PeerReply reply = replies.WaitFor(1).front();
  EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(reply.version, StateVersion(0));
  EXPECT_THAT(server.metrics().Render(), HasSubstr("EchoRequest"));
}

TEST(PeerTransportTest, EndsEveryCallOnceWhenItStops) {
  EchoSink sink(EchoSink::Habit::kKeepsSilent);
  PeerServer server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  for (int i = 0; i < 50; ++i) {
    client.Ask(AskOf(server.address(), EchoRequest{}, 10min), replies.Expect());
  }
  sink.WaitFor(25);
  client.Stop();
  EXPECT_EQ(replies.size(), 50u);
  client.Ask(AskOf(server.address(), EchoRequest{}), replies.Expect());
  for (const PeerReply& reply : replies.WaitFor(51)) {
    EXPECT_EQ(reply.status.code(), StatusCode::kUnavailable);
  }
  server.Stop();
  EXPECT_EQ(replies.size(), 51u);
}

TEST(PeerTransportTest, KnowsNoNodeWithoutAnAddress) {
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf("", EchoRequest{}), replies.Expect());
  EXPECT_EQ(replies.WaitFor(1).front().status.code(), StatusCode::kUnavailable);
  client.Send({.address = "127.0.0.1:1", .message = {}});  // without a socket: lost
}

TEST(PeerTransportTest, BringsTheStateToANodeThatJoins) {
  EchoSink sink;
  const PeerServer server(&sink);
  const Member member{.node = NodeId(SampleUuid(9)), .name = "n9", .address = "127.0.0.1:9"};
  const auto state = AskToJoin(server.address(), Uuid{}, member, 10s);
  ASSERT_TRUE(state.ok()) << ToString(state.status());
  EXPECT_EQ(state->hash, SampleState().hash);
  EXPECT_TRUE(sink.last().sender.cluster.IsNil());
  EXPECT_EQ(std::get<JoinCluster>(sink.last().message).member, member);
}

TEST(PeerChannelsTest, DropsWhatIsUnusedAndKeepsWhatIsLeased) {
  PeerChannels channels({.idle_after = 10min, .most = 2});
  const Instant start{1h};
  ASSERT_TRUE(channels.Take("127.0.0.1:1", start).ok());
  ASSERT_TRUE(channels.Take("127.0.0.1:2", start).ok());
  channels.Return("127.0.0.1:2", start + 1min);
  ASSERT_TRUE(channels.Take("127.0.0.1:1", start + 12min).ok());
  EXPECT_EQ(channels.size(), 1u);
}

TEST(PeerChannelsTest, MakesRoomAsLongAsOneIsUnused) {
  PeerChannels channels({.idle_after = 10min, .most = 2});
  const Instant start{1h};
  ASSERT_TRUE(channels.Take("127.0.0.1:1", start).ok());
  ASSERT_TRUE(channels.Take("127.0.0.1:2", start).ok());
  EXPECT_EQ(channels.Take("127.0.0.1:3", start).status().code(), StatusCode::kResourceExhausted);
  channels.Return("127.0.0.1:1", start);
  EXPECT_TRUE(channels.Take("127.0.0.1:3", start).ok());
  EXPECT_EQ(channels.size(), 2u);
}

}  // namespace
}  // namespace carillon
