#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/store.h"

namespace carillon {

// One thread a disk: takes all writes that wait, hands them to the store in one batch, calls back.
// While a batch is being synced the next one gathers; when nothing waits, a write goes at once.
// Once a second it calls Store::Maintain.
//
// Threads: Submit from any. Callbacks run on the disk's thread and must not block.
class GroupCommit {
 public:
  using Done = std::function<void(WriteOutcome)>;

  struct Limits {
    std::size_t batch_bytes = std::size_t{4} << 20;  // a batch is closed at this size
    std::size_t batch_requests = 1024;
    std::size_t queued_bytes = std::size_t{256} << 20;  // of one disk; beyond: refused
  };

  // `store` outlives it.
  explicit GroupCommit(Store* store) : GroupCommit(store, Limits()) {}
  GroupCommit(Store* store, const Limits& limits);
  ~GroupCommit();  // Stop

  // `done` is called exactly once, also when refused (RESOURCE_EXHAUSTED: too much waits;
  // UNAVAILABLE: stopped), then on the caller's thread.
  void Submit(WriteRequest request, Done done);

  // Runs `work` on the disk's thread, between batches. False: stopped.
  bool Run(std::size_t disk, std::function<void()> work);

  // Carries out what was submitted, then stops. Returns when no callback runs any more.
  void Stop();

 private:
  class Worker;

  Store* store_;
  const Limits limits_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace carillon
