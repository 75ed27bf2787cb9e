#include "storage/group_commit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "tests/storage/memory_store.h"

namespace carillon {
namespace {

constexpr std::size_t kValueBytes = 744;
constexpr std::size_t kQueuedBytes = 1000;  // a value and what a request counts besides

WriteRequest Request(std::uint64_t number, Bytes value = Bytes(kValueBytes, 'x')) {
  WriteRequest request;
  request.chunk = TestChunk(number, std::move(value));
  return request;
}

// The outcomes of `size` numbered writes; counts how often each was answered.
class Outcomes {
 public:
  explicit Outcomes(std::size_t size)
      : all_(static_cast<std::ptrdiff_t>(size)), times_(size), outcomes_(size) {}

  GroupCommit::Done Of(std::size_t number) {
    return [this, number](WriteOutcome outcome) {
      if (times_[number].fetch_add(1) > 0) return;  // ExpectAllOnce will tell
      outcomes_[number] = std::move(outcome);
      all_.count_down();
    };
  }
  void Wait() { all_.wait(); }
  bool answered(std::size_t number) const { return times_[number] > 0; }
  StatusCode code(std::size_t number) const { return outcomes_[number].status.code(); }
  std::size_t Count(StatusCode code) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < times_.size(); ++i) count += times_[i] > 0 && this->code(i) == code;
    return count;
  }
  void ExpectAllOnce() const {
    for (std::size_t i = 0; i < times_.size(); ++i) EXPECT_EQ(times_[i], 1) << "write " << i;
  }

 private:
  std::latch all_;
  std::vector<std::atomic<int>> times_;
  std::vector<WriteOutcome> outcomes_;
};

// Keeps a disk's thread busy from its construction until Release or its end.
class HeldDisk {
 public:
  HeldDisk(GroupCommit* commit, std::size_t disk) {
    const auto held = std::make_shared<std::latch>(1);
    EXPECT_TRUE(commit->Run(disk, [held, release = release_] {
      held->count_down();
      release->wait();
    }));
    held->wait();
  }
  ~HeldDisk() { Release(); }
  void Release() {
    if (!std::exchange(released_, true)) release_->count_down();
  }

 private:
  // Shared with the disk's thread, which may leave it last.
  const std::shared_ptr<std::latch> release_ = std::make_shared<std::latch>(1);
  bool released_ = false;
};

class GroupCommitTest : public testing::Test {
 protected:
  std::uint64_t Batches() const { return machine_.store->stats().batches; }
  Status Read(std::uint64_t number) const {
    return machine_.store->ReadChunk(RefOf(TestChunk(number, ""))).status();
  }
  // How many batches `count` writes take that wait at the same moment.
  std::uint64_t BatchesOf(std::size_t count, const GroupCommit::Limits& limits) {
    GroupCommit commit(machine_.store.get(), limits);
    Outcomes outcomes(count);
    HeldDisk held(&commit, 0);
    for (std::size_t i = 0; i < count; ++i) commit.Submit(Request(i), outcomes.Of(i));
    const std::uint64_t before = Batches();
    held.Release();
    commit.Stop();
    EXPECT_EQ(outcomes.Count(StatusCode::kOk), count);
    return Batches() - before;
  }

  MemoryStore machine_;
};

TEST_F(GroupCommitTest, AnswersAWriteThatCanBeRead) {
  GroupCommit commit(machine_.store.get());
  std::promise<Status> read;
  commit.Submit(Request(1), [&](const WriteOutcome& outcome) {
    read.set_value(outcome.status.ok() ? Read(1) : outcome.status);
  });
  EXPECT_EQ(ToString(read.get_future().get()), "OK");
}

TEST_F(GroupCommitTest, WhatWaitsGoesInOneBatch) {
  EXPECT_EQ(BatchesOf(100, {}), 1u);
}

TEST_F(GroupCommitTest, ABatchIsClosedAtItsNumberOfRequests) {
  EXPECT_EQ(BatchesOf(100, {.batch_requests = 30}), 4u);
}

TEST_F(GroupCommitTest, ABatchIsClosedAtItsBytes) {
  EXPECT_EQ(BatchesOf(12, {.batch_bytes = 3 * kQueuedBytes}), 4u);
}

TEST_F(GroupCommitTest, EveryWriteHearsItsOwnOutcome) {
  GroupCommit commit(machine_.store.get());
  Outcomes outcomes(4);
  HeldDisk held(&commit, 0);
  commit.Submit(Request(1, "a"), outcomes.Of(0));
  commit.Submit(Request(2, "b"), outcomes.Of(1));
  commit.Submit(Request(1, "other"), outcomes.Of(2));
  commit.Submit(Request(3, "c"), outcomes.Of(3));
  held.Release();
  outcomes.Wait();
  EXPECT_EQ(outcomes.code(0), StatusCode::kOk);
  EXPECT_EQ(outcomes.code(1), StatusCode::kOk);
  EXPECT_EQ(outcomes.code(2), StatusCode::kAlreadyExists);
  EXPECT_EQ(outcomes.code(3), StatusCode::kOk);
}

TEST_F(GroupCommitTest, RefusesOnTheCallersThreadWhatTheQueueDoesNotHold) {
  GroupCommit commit(machine_.store.get(), {.queued_bytes = 10 * kQueuedBytes});
  Outcomes waiting(10);
  HeldDisk held(&commit, 0);
  for (std::size_t i = 0; i < 10; ++i) commit.Submit(Request(i), waiting.Of(i));
  std::optional<Status> refused;
  commit.Submit(Request(10), [&](const WriteOutcome& outcome) { refused = outcome.status; });
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), StatusCode::kResourceExhausted);
  held.Release();
  waiting.Wait();
  EXPECT_EQ(waiting.Count(StatusCode::kOk), 10u);
  EXPECT_EQ(Read(10).code(), StatusCode::kNotFound);
}

TEST_F(GroupCommitTest, TakesWritesAgainWhenAFullQueueHasGone) {
  GroupCommit commit(machine_.store.get(), {.queued_bytes = kQueuedBytes});
  for (std::size_t round = 0; round < 3; ++round) {
    Outcomes outcomes(2);
    HeldDisk held(&commit, 0);
    commit.Submit(Request(2 * round), outcomes.Of(0));
    commit.Submit(Request(2 * round + 1), outcomes.Of(1));
    held.Release();
    outcomes.Wait();
    EXPECT_EQ(outcomes.code(0), StatusCode::kOk);
    EXPECT_EQ(outcomes.code(1), StatusCode::kResourceExhausted);
  }
}

TEST_F(GroupCommitTest, ABusyDiskDoesNotHoldUpAnother) {
  MemoryStore two(2);
  GroupCommit commit(two.store.get());
  HeldDisk held(&commit, 0);
  std::uint64_t number = 0;
  while (two.store->DiskOf(TestChunk(number, "").placement.partition) != 1) ++number;
  Outcomes outcomes(1);
  commit.Submit(Request(number), outcomes.Of(0));
  outcomes.Wait();
  EXPECT_EQ(outcomes.code(0), StatusCode::kOk);
  held.Release();
}

TEST_F(GroupCommitTest, StopCarriesOutWhatWasSubmitted) {
  GroupCommit commit(machine_.store.get(), {.batch_requests = 7});
  Outcomes outcomes(50);
  HeldDisk held(&commit, 0);
  bool ran = false;
  for (std::size_t i = 0; i < 50; ++i) commit.Submit(Request(i), outcomes.Of(i));
  EXPECT_TRUE(commit.Run(0, [&] { ran = true; }));
  std::thread stopper([&] { commit.Stop(); });
  held.Release();
  stopper.join();
  EXPECT_EQ(outcomes.Count(StatusCode::kOk), 50u);
  EXPECT_TRUE(ran);
}

TEST_F(GroupCommitTest, EverythingAfterStopIsRefusedAtOnce) {
  GroupCommit commit(machine_.store.get());
  commit.Stop();
  Outcomes outcomes(1);
  commit.Submit(Request(1), outcomes.Of(0));
  ASSERT_TRUE(outcomes.answered(0));
  EXPECT_EQ(outcomes.code(0), StatusCode::kUnavailable);
  EXPECT_FALSE(commit.Run(0, [] { FAIL() << "ran after Stop"; }));
  commit.Stop();
}

TEST_F(GroupCommitTest, ManyThreadsShareFewBatches) {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEach = 100;
  GroupCommit commit(machine_.store.get());
  Outcomes outcomes(kThreads * kEach);
  HeldDisk held(&commit, 0);
  const std::uint64_t before = Batches();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t * kEach; i < (t + 1) * kEach; ++i) {
        commit.Submit(Request(i), outcomes.Of(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  held.Release();
  outcomes.Wait();
  commit.Stop();
  outcomes.ExpectAllOnce();
  EXPECT_EQ(outcomes.Count(StatusCode::kOk), kThreads * kEach);
  EXPECT_EQ(Batches() - before, 1u);
}

TEST_F(GroupCommitTest, EachWriteIsAnsweredOnceWhenStopComesAmongThem) {
  constexpr std::size_t kThreads = 6;
  constexpr std::size_t kEach = 100;
  GroupCommit commit(machine_.store.get(), {.batch_requests = 16});
  Outcomes outcomes(kThreads * kEach);
  std::latch some(kThreads);  // every thread has submitted half of its writes
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t * kEach; i < (t + 1) * kEach; ++i) {
        commit.Submit(Request(i), outcomes.Of(i));
        if (i == t * kEach + kEach / 2) some.count_down();
      }
    });
  }
  std::thread stopper([&] {
    some.wait();
    commit.Stop();
  });
  for (std::thread& thread : threads) thread.join();
  stopper.join();
  outcomes.ExpectAllOnce();
  for (std::size_t i = 0; i < kThreads * kEach; ++i) {
    EXPECT_EQ(Read(i).ok(), outcomes.code(i) == StatusCode::kOk) << "write " << i;
  }
}

}  // namespace
}  // namespace carillon
