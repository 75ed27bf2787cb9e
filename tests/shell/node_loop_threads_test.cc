// Everything at once on one NodeLoop, for the thread sanitizer: what is asked is answered exactly
// once, also when Stop comes among it.
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <thread>

#include "tests/shell/node_loop_fixture.h"

namespace carillon {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kRounds = 60;

class NodeLoopThreadsTest : public NodeLoopFixture {
 protected:
  struct Asked {
    std::atomic<int> answers{0};
    std::atomic<bool> refused{false};  // UNAVAILABLE
  };
  struct Opened {
    std::shared_ptr<RecordingReceiver> receiver = std::make_shared<RecordingReceiver>();
    bool cancelled = false;
  };
  // What one thread has begun. Deques: their elements stay where they are.
  struct Caller {
    std::deque<Asked> asked;
    std::deque<Opened> opened;
    std::set<std::uint64_t> requests;
  };

  template <typename I>
  void AskFrom(Caller* caller, I input) {
    Asked* asked = &caller->asked.emplace_back();
    const RequestId request = input.request;
    caller->requests.insert(request.value());
    loop_.Ask(request, std::move(input), [asked](const Answer& answer) {
      ++asked->answers;
      asked->refused = answer.status.code() == StatusCode::kUnavailable;
    });
  }

  void StreamFrom(Caller* caller, bool cancel) {
    Opened& opened = caller->opened.emplace_back();
    opened.cancelled = cancel;
    const RequestId request = OpenStream(RangeOf(), opened.receiver);
    caller->requests.insert(request.value());
    for (int i = 0; i < 4; ++i) loop_.AddCredit(request, cancel ? 1 : 10);
    if (cancel) loop_.Cancel(request);
  }

  void OneRound(Caller* caller, std::size_t number) {
    AskFrom(caller, PutOf(number));
    AskFrom(caller, ListOf());
    StreamFrom(caller, /*cancel=*/false);
    StreamFrom(caller, /*cancel=*/true);
    AskFrom(caller, CommitOf(10));
    if (number % 10 == 0) AskFrom(caller, BucketOf(fmt::format("b{}", number)));
    (void)loop_.state();  // read while others step the node
    (void)loop_.counters();
    (void)loop_.WatermarksOf("events");
  }

  // Runs all callers at once; `half` counts down once for each thread in the middle of its rounds.
  void RunCallers(std::latch* half) {
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, t, half] {
        for (std::size_t i = 0; i < kRounds; ++i) {
          OneRound(&callers_[t], 1000 + t * kRounds + i);
          if (i == kRounds / 2) half->count_down();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::size_t ExpectEachAnsweredOnce() {
    std::size_t refused = 0;
    std::set<std::uint64_t> requests;
    std::size_t begun = 0;
    for (const Caller& caller : callers_) {
      for (const Asked& asked : caller.asked) {
        EXPECT_EQ(asked.answers, 1);
        refused += asked.refused;
      }
      for (const Opened& opened : caller.opened) {
        EXPECT_EQ(opened.receiver->violations(), 0);
        EXPECT_LE(opened.receiver->ends(), 1);
        EXPECT_TRUE(opened.cancelled || opened.receiver->ends() == 1);
      }
      begun += caller.asked.size() + caller.opened.size();
      requests.insert(caller.requests.begin(), caller.requests.end());
    }
    EXPECT_EQ(requests.size(), begun);  // no id was given twice
    return refused;
  }

  std::array<Caller, kThreads> callers_;
};

TEST_F(NodeLoopThreadsTest, AnswersEverythingOnce) {
  PutAndCommit(10);
  std::latch half(kThreads);
  RunCallers(&half);
  loop_.Stop(kForEver);
  EXPECT_EQ(ExpectEachAnsweredOnce(), 0u);
  EXPECT_EQ(loop_.counters().in_flight, 0u);
  for (const Caller& caller : callers_) {
    for (const Opened& opened : caller.opened) {
      EXPECT_TRUE(opened.cancelled || opened.receiver->items().size() == 11);
    }
  }
}

TEST_F(NodeLoopThreadsTest, AnswersEverythingOnceWhenStopComesAmongIt) {
  PutAndCommit(10);
  std::latch half(kThreads);
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 2; ++i) {
    stoppers.emplace_back([&] {
      half.wait();
      loop_.Stop(kForEver);
    });
  }
  RunCallers(&half);
  for (std::thread& stopper : stoppers) stopper.join();
  ExpectEachAnsweredOnce();
  EXPECT_EQ(loop_.counters().in_flight, 0u);
}

TEST_F(NodeLoopThreadsTest, WritesOfManyThreadsShareBatches) {
  const std::uint64_t before = machine_.store->stats().batches;
  std::latch stored(kThreads * 100);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &stored] {
      for (std::size_t i = 0; i < 100; ++i) {
        const PutChunkInput put = PutOf(t * 100 + i);
        loop_.Ask(put.request, put, [&stored](const Answer& answer) {
          EXPECT_TRUE(answer.status.ok());
          stored.count_down();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stored.wait();
  EXPECT_LT(machine_.store->stats().batches - before, kThreads * 100);
}

}  // namespace
}  // namespace carillon
