#include "server/shell/gossip_socket.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace carillon {
namespace {

using std::chrono::seconds;

Uuid Cluster(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[0] = number;
  return uuid;
}
GossipKey Key(std::uint8_t number) {
  GossipKey key{};
  key[0] = number;
  return key;
}

// Collects what a socket receives.
class Inbox {
 public:
  GossipSocket::Receive Receiver() {
    return [this](const std::string& from, Bytes message) {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
      from_ = from;
      arrived_.notify_all();
    };
  }
  // The messages, once there are `count`.
  std::vector<Bytes> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(arrived_.wait_for(lock, seconds(20), [&] { return messages_.size() >= count; }));
    return messages_;
  }
  std::string from() {
    const std::lock_guard lock(mutex_);
    return from_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Bytes> messages_;
  std::string from_;
};

class GossipSocketTest : public testing::Test {
 protected:
  static std::unique_ptr<GossipSocket> Open(const GossipSeal& seal, Inbox* inbox,
                                            GossipSocketOptions options = {}) {
    auto opened = GossipSocket::Open("127.0.0.1:0", &seal, options, inbox->Receiver());
    EXPECT_TRUE(opened.ok()) << ToString(opened.status());
    return *std::move(opened);
  }

  GossipSeal seal_{Cluster(1), {LoopbackGossipKey(Cluster(1))}};
  Inbox inbox_a_;
  Inbox inbox_b_;
};

TEST_F(GossipSocketTest, CarriesAMessageAndSaysFromWhom) {
  const auto a = Open(seal_, &inbox_a_);
  const auto b = Open(seal_, &inbox_b_);
  a->Send(b->address(), "hello");
  EXPECT_EQ(inbox_b_.Await(1).at(0), "hello");
  EXPECT_EQ(inbox_b_.from(), a->address());
  b->Send(a->address(), Bytes(kMaxGossipMessageBytes, 'x'));
  EXPECT_EQ(inbox_a_.Await(1).at(0).size(), kMaxGossipMessageBytes);
  EXPECT_EQ(b->counters().sent, 1u);
}

TEST_F(GossipSocketTest, DropsAndCountsWhatItsKeysDoNotOpen) {
  const GossipSeal other(Cluster(1), {Key(9)});
  const auto stranger = Open(other, &inbox_a_);
  const auto friendly = Open(seal_, &inbox_a_);
  const auto b = Open(seal_, &inbox_b_);
  stranger->Send(b->address(), "let me in");
  friendly->Send(b->address(), "hello");
  EXPECT_EQ(inbox_b_.Await(1).at(0), "hello");
  while (b->counters().received < 2) std::this_thread::yield();
  EXPECT_EQ(b->counters().dropped_bad_seal, 1u);
}

TEST_F(GossipSocketTest, DropsAndCountsWhatIsTooMuchInASecond) {
  const auto a = Open(seal_, &inbox_a_);
  const auto b = Open(seal_, &inbox_b_, {.packets_per_second = 0});
  a->Send(b->address(), "hello");
  while (b->counters().dropped_rate == 0) std::this_thread::yield();
  EXPECT_EQ(b->counters().received, 1u);
}

TEST_F(GossipSocketTest, CountsWhatCannotBeSent) {
  const auto a = Open(seal_, &inbox_a_);
  a->Send("no-such-name:1", "hello");
  a->Send("127.0.0.1", "hello");
  EXPECT_EQ(a->counters().send_failed, 2u);
  EXPECT_EQ(a->counters().sent, 0u);
}

TEST_F(GossipSocketTest, SendsToANameItHasLearned) {
  const auto a = Open(seal_, &inbox_a_);
  const auto b = Open(seal_, &inbox_b_);
  const std::string named = "localhost" + b->address().substr(b->address().rfind(':'));
  a->Send(named, "too early");
  EXPECT_EQ(a->counters().send_failed, 1u);
  ASSERT_TRUE(a->Learn(named).ok());
  // Where localhost is ::1 first, an IPv4 socket cannot send there: counted as any failure.
  a->Send(named, "hello");
  EXPECT_EQ(a->counters().sent + a->counters().send_failed, 2u);
  EXPECT_EQ(a->Learn("nonsense").code(), StatusCode::kInvalidArgument);
}

TEST_F(GossipSocketTest, RefusesAnAddressThatIsTakenOrNone) {
  const auto a = Open(seal_, &inbox_a_);
  EXPECT_EQ(GossipSocket::Open(a->address(), &seal_, {}, inbox_b_.Receiver()).status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(GossipSocket::Open("nonsense", &seal_, {}, inbox_b_.Receiver()).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(GossipSocketTest, SendsFromManyThreadsAtOnce) {
  const auto a = Open(seal_, &inbox_a_);
  const auto b = Open(seal_, &inbox_b_);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) a->Send(b->address(), "hello");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(inbox_b_.Await(80).size(), 80u);
}

}  // namespace
}  // namespace carillon
