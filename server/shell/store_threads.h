#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/group_commit.h"
#include "storage/store.h"

namespace carillon {

// The threads that wait for disks so that nobody else has to: one a disk for writes (GroupCommit),
// a few for reads, one that scrubs.
//
// Threads: any. Callbacks run on these threads and must not block.
class StoreThreads {
 public:
  struct Options {
    std::size_t read_threads = 4;
    std::uint64_t scrub_bytes_per_second = 8u << 20;  // a disk; 0: no scrubbing
  };

  // `store` outlives it.
  StoreThreads(Store* store, const Options& options);
  ~StoreThreads();  // Stop

  // `done` is called exactly once, also when stopped (UNAVAILABLE).
  void Write(WriteRequest request, GroupCommit::Done done);
  // Runs `work` on a read thread. After Stop it runs at once, on the caller's.
  void Read(std::function<void()> work);

  // Runs `work` on the write thread of a disk, between two batches. False: stopped, not run.
  bool Exclusive(std::size_t disk, std::function<void()> work);

  const Store& store() const { return *store_; }
  Store* mutable_store() { return store_; }

  // Carries out what was submitted, then stops all threads. Not from one of them.
  void Stop();

 private:
  void ReadLoop();
  void ScrubLoop();

  Store* store_;
  const Options options_;
  GroupCommit commit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable wake_scrub_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::mutex join_mutex_;  // two may Stop at once, a thread is joined by one
  std::vector<std::thread> threads_;
};

}  // namespace carillon
