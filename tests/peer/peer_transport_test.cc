// Nodes ask each other over real connections on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "base/checksum.h"
#include "server/node/peer_codec.h"
#include "server/peer/peer_client.h"
#include "server/peer/peer_server.h"
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
  void HandleGossip(GossipMessage /*message*/, std::string /*address*/) override {}

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
class TestNode {
 public:
  explicit TestNode(EchoSink* sink, CallSink* calls = nullptr)
      : sink_(sink),
        server_(PeerServer::Start(sink, calls, &metrics_)),
        acceptor_(io_, Loopback()) {
    thread_ = std::thread([this] {
      AcceptNext();
      io_.run();
    });
  }
  ~TestNode() { Stop(); }

  void Stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] { acceptor_.close(); });
    thread_.join();
    sink_->Forget();
    server_->Stop();
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  int port() const { return port_; }
  const Metrics& metrics() const { return metrics_; }

 private:
  using Tcp = boost::asio::ip::tcp;
  static Tcp::endpoint Loopback() { return {boost::asio::ip::address_v4::loopback(), 0}; }
  void AcceptNext() {
    acceptor_.async_accept([this](const boost::system::error_code& error, Tcp::socket socket) {
      if (error) return;
      server_->Take(socket.release());
      AcceptNext();
    });
  }

  EchoSink* const sink_;
  Metrics metrics_;
  std::unique_ptr<PeerServer> server_;
  boost::asio::io_context io_;
  Tcp::acceptor acceptor_;
  const int port_ = acceptor_.local_endpoint().port();
  std::thread thread_;
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
  const TestNode server(&sink);
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
  const TestNode server(&sink);
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
  const TestNode server(&sink);
  PeerClient client(SampleUuid(1), nullptr);
  for (const PeerMessage& message : SampleRequests()) {
    Replies replies;
    client.Ask(AskOf(server.address(), message), replies.Expect());
    EXPECT_TRUE(replies.WaitFor(1).front().status.ok()) << KindName(message);
    EXPECT_EQ(sink.last().message.index(), message.index());
  }
  EXPECT_EQ(client.counters().links, 2u);  // what is live, and what is not
}

TEST(PeerTransportTest, ManySmallPutsAreEachAnsweredWithTheirOwnValue) {
  EchoSink sink;
  const TestNode server(&sink);
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
  const TestNode server(&sink);
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
  const TestNode server(&sink);
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
  TestNode server(&sink);
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
  TestNode server(&sink);
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
  TestNode server(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr);
  client.Ask(AskOf(server.address(), EchoRequest{}, 10min), replies.Expect());
  sink.WaitFor(1);
  server.Stop();
  EXPECT_EQ(replies.WaitFor(1).front().status.code(), StatusCode::kUnavailable);
}

TEST(PeerTransportTest, IsToldWhenTheSinkDropsARequest) {
  EchoSink sink(EchoSink::Habit::kDrops);
  const TestNode server(&sink);
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
  TestNode server(&sink);
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

// A client that reads when it is told to. Threads: one.
class RawFrames {
 public:
  explicit RawFrames(int port) : socket_(io_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
    Write(FramePreamble());
  }
  void Send(FrameKind kind, std::uint64_t id, ByteSpan body) {
    const FrameHeadBytes head = EncodeFrameHead(
        {.kind = kind, .id = id, .body_bytes = static_cast<std::uint32_t>(body.size())});
    Write({head.data(), head.size()});
    Write(body);
  }
  Frame Receive() {
    while (frames_.empty()) {
      const auto spaces = reader_.Prepare();
      const std::array<boost::asio::mutable_buffer, 2> buffers = {
          boost::asio::buffer(spaces[0].data, spaces[0].size),
          boost::asio::buffer(spaces[1].data, spaces[1].size)};
      std::vector<Frame> came;
      const Status status = reader_.Take(socket_.read_some(buffers), &came);
      EXPECT_TRUE(status.ok()) << ToString(status);
      for (Frame& frame : came) frames_.push_back(std::move(frame));
    }
    Frame first = std::move(frames_.front());
    frames_.pop_front();
    return first;
  }

 private:
  void Write(ByteSpan bytes) {
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()));
  }
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  FrameReader reader_{kMaxPeerRequestBytes};
  std::deque<Frame> frames_;
};

// Answers each call with the same large value, on the thread that asks.
class LargeCalls final : public CallSink {
 public:
  static constexpr std::size_t kValueBytes = std::size_t{1} << 20;

  void HandleCall(SharedBytes /*call*/, std::function<void(StatusOr<Rope>)> done) override {
    ++asked_;
    asked_.notify_all();
    done(Rope(value_));
  }
  std::uint64_t asked() const { return asked_; }
  void WaitFor(std::uint64_t count) const {
    for (std::uint64_t seen = asked_; seen < count; seen = asked_) asked_.wait(seen);
  }

 private:
  const SharedBytes value_{Bytes(kValueBytes, 'v')};
  std::atomic<std::uint64_t> asked_{0};
};

TEST(PeerTransportTest, AClientThatTakesNoRepliesIsNotReadUntilItDoes) {
  EchoSink sink;
  LargeCalls calls;
  TestNode server(&sink, &calls);
  RawFrames client(server.port());
  constexpr std::uint64_t kCalls = 400;  // more than may be queued at all
  constexpr std::uint64_t kWait = PeerServer::kMaxUnsentBytes / LargeCalls::kValueBytes;
  constexpr std::uint64_t kBuffers = 48;  // of replies: what the sockets hold
  for (std::uint64_t id = 1; id <= kCalls; ++id) client.Send(FrameKind::kCall, id, "x");
  calls.WaitFor(kWait);
  for (std::uint64_t id = 1; id <= kCalls; ++id) {
    EXPECT_LE(calls.asked(), id + kWait + kBuffers);
    const Frame frame = client.Receive();
    ASSERT_EQ(frame.kind, FrameKind::kReply);
    EXPECT_EQ(frame.id, id);
  }
}

TEST(PeerTransportTest, StopsWhileAClientTakesNoReplies) {
  EchoSink sink;
  LargeCalls calls;
  TestNode server(&sink, &calls);
  RawFrames client(server.port());
  for (std::uint64_t id = 1; id <= 400; ++id) client.Send(FrameKind::kCall, id, "x");
  calls.WaitFor(PeerServer::kMaxUnsentBytes / LargeCalls::kValueBytes);
  server.Stop();
  EXPECT_LE(calls.asked(), 400u);
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
  const TestNode server(&sink);
  const Member member{.node = NodeId(SampleUuid(9)), .name = "n9", .address = "127.0.0.1:9"};
  const auto state = AskToJoin(server.address(), Uuid{}, member, 10s);
  ASSERT_TRUE(state.ok()) << ToString(state.status());
  EXPECT_EQ(state->hash, SampleState().hash);
  EXPECT_TRUE(sink.last().sender.cluster.IsNil());
  EXPECT_EQ(std::get<JoinCluster>(sink.last().message).member, member);
}

TEST(PeerTransportTest, DropsAnIdleLinkWhenAnotherNodeIsAsked) {
  EchoSink sink;
  const TestNode one(&sink);
  const TestNode two(&sink);
  PeerClient client(SampleUuid(1), nullptr, 1);
  for (const TestNode* node : {&one, &two, &one}) {
    Replies replies;
    client.Ask(AskOf(node->address(), EchoRequest{}), replies.Expect());
    EXPECT_TRUE(replies.WaitFor(1).front().status.ok());
    EXPECT_EQ(client.counters().links, 1u);
  }
}

TEST(PeerTransportTest, RefusesToAskMoreNodesThanItMayAtOnce) {
  EchoSink sink(EchoSink::Habit::kKeepsSilent);
  TestNode one(&sink);
  Replies replies;
  PeerClient client(SampleUuid(1), nullptr, 1);
  client.Ask(AskOf(one.address(), EchoRequest{}, 10min), replies.Expect());
  client.Ask(AskOf("127.0.0.1:1", EchoRequest{}, 10min), replies.Expect());
  EXPECT_EQ(replies.WaitFor(1).front().status.code(), StatusCode::kUnavailable);
  client.Stop();
}

TEST(PeerTransportTest, ConnectsAnewToANodeThatWasAway) {
  EchoSink sink;
  auto node = std::make_unique<TestNode>(&sink);
  const std::string address = node->address();
  PeerClient client(SampleUuid(1), nullptr);
  Replies first;
  client.Ask(AskOf(address, EchoRequest{}), first.Expect());
  ASSERT_TRUE(first.WaitFor(1).front().status.ok());
  node->Stop();
  // Until it has been noticed, and the address is refused.
  while (client.counters().unanswered == 0) {
    Replies replies;
    client.Ask(AskOf(address, EchoRequest{}), replies.Expect());
    replies.WaitFor(1);
  }
  const TestNode other(&sink);
  Replies again;
  client.Ask(AskOf(other.address(), EchoRequest{}), again.Expect());
  EXPECT_TRUE(again.WaitFor(1).front().status.ok());
}

TEST(PeerTransportTest, AskersOfManyThreadsEachGetTheirOwnReply) {
  EchoSink sink;
  const TestNode server(&sink);
  PeerClient client(SampleUuid(1), nullptr);
  constexpr int kThreads = 4;
  constexpr int kAsks = 200;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::vector<std::promise<PeerReply>> replies(kAsks);
      const auto value = [&](int i) { return Bytes(20'000, static_cast<char>(thread * 31 + i)); };
      for (int i = 0; i < kAsks; ++i) {
        client.Ask(AskOf(server.address(), SamplePut(value(i)), 60s),
                   [&replies, i](PeerReply reply) {
                     replies[static_cast<std::size_t>(i)].set_value(std::move(reply));
                   });
      }
      for (int i = 0; i < kAsks; ++i) {
        const PeerReply reply = replies[static_cast<std::size_t>(i)].get_future().get();
        const auto* read = std::get_if<ReadReply>(&reply.value);
        if (read != nullptr && read->values.at(0).value.view() == value(i)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kAsks);
}

}  // namespace
}  // namespace carillon
