#include "server/shell/store_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "tests/storage/memory_store.h"

namespace carillon {
namespace {

WriteRequest Request(std::uint64_t number) {
  WriteRequest request;
  request.chunk = TestChunk(number, "value");
  return request;
}

class StoreThreadsTest : public testing::Test {
 protected:
  MemoryStore machine_;
  StoreThreads threads_{machine_.store.get(), {.read_threads = 2}};
};

TEST_F(StoreThreadsTest, ReadsRunOnAThreadOfItsOwn) {
  std::thread::id reader;
  std::latch done(1);
  threads_.Read([&] {
    reader = std::this_thread::get_id();
    done.count_down();
  });
  done.wait();
  EXPECT_NE(reader, std::this_thread::get_id());
}

TEST_F(StoreThreadsTest, AReadThatWaitsHoldsUpNeitherReadsNorWrites) {
  std::latch release(1);
  std::latch others(2);
  threads_.Read([&] { release.wait(); });
  threads_.Read([&] { others.count_down(); });
  threads_.Write(Request(1), [&](const WriteOutcome&) { others.count_down(); });
  others.wait();
  release.count_down();
  threads_.Stop();  // nobody waits for `release` any more
}

TEST_F(StoreThreadsTest, AsManyReadsRunAtOnceAsThereAreThreads) {
  std::latch both(2);
  for (int i = 0; i < 2; ++i) threads_.Read([&] { both.arrive_and_wait(); });
  both.wait();
  threads_.Stop();  // nobody waits for `both` any more
}

TEST_F(StoreThreadsTest, StopCarriesOutWhatWasSubmitted) {
  std::atomic<int> reads{0};
  std::atomic<int> writes{0};
  for (std::uint64_t i = 0; i < 50; ++i) {
    threads_.Read([&] { ++reads; });
    threads_.Write(Request(i), [&](const WriteOutcome& outcome) { writes += outcome.status.ok(); });
  }
  threads_.Stop();
  EXPECT_EQ(reads, 50);
  EXPECT_EQ(writes, 50);
}

TEST_F(StoreThreadsTest, AfterStopAReadRunsAtOnceOnTheCallersThread) {
  threads_.Stop();
  std::thread::id reader;
  threads_.Read([&] { reader = std::this_thread::get_id(); });
  EXPECT_EQ(reader, std::this_thread::get_id());
}

TEST_F(StoreThreadsTest, AfterStopAWriteIsUnavailable) {
  threads_.Stop();
  Status status;
  threads_.Write(Request(1), [&](const WriteOutcome& outcome) { status = outcome.status; });
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
}

TEST_F(StoreThreadsTest, EachReadAndWriteIsDoneOnceWhenStopsComeAmongThem) {
  constexpr std::size_t kThreads = 5;
  constexpr std::size_t kEach = 100;
  std::vector<std::atomic<int>> reads(kThreads * kEach);
  std::vector<std::atomic<int>> writes(kThreads * kEach);
  std::latch some(kThreads);
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < kThreads; ++t) {
    callers.emplace_back([&, t] {
      for (std::size_t i = t * kEach; i < (t + 1) * kEach; ++i) {
        threads_.Write(Request(i), [&, i](const WriteOutcome&) { ++writes[i]; });
        threads_.Read([&, i] {
          (void)machine_.store->ReadChunk(RefOf(TestChunk(i, "")));  // found or not
          ++reads[i];
        });
        if (i == t * kEach + kEach / 2) some.count_down();
      }
    });
  }
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      some.wait();
      threads_.Stop();
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (std::size_t i = 0; i < kThreads * kEach; ++i) {
    EXPECT_EQ(reads[i], 1) << "read " << i;
    EXPECT_EQ(writes[i], 1) << "write " << i;
  }
}

}  // namespace
}  // namespace carillon
