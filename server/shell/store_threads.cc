#include "server/shell/store_threads.h"

#include <chrono>

#include "base/log.h"

namespace carillon {

StoreThreads::StoreThreads(Store* store, const Options& options)
    : store_(store), options_(options), commit_(store) {
  for (std::size_t i = 0; i < options_.read_threads; ++i) {
    threads_.emplace_back([this] { ReadLoop(); });
  }
  if (options_.scrub_bytes_per_second > 0) threads_.emplace_back([this] { ScrubLoop(); });
}

StoreThreads::~StoreThreads() {
  Stop();
}

void StoreThreads::Write(WriteRequest request, GroupCommit::Done done) {
  commit_.Submit(std::move(request), std::move(done));
}

bool StoreThreads::Exclusive(std::size_t disk, std::function<void()> work) {
  return commit_.Run(disk, std::move(work));
}

void StoreThreads::Read(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      work_.push_back(std::move(work));
      work = nullptr;
    }
  }
  if (work) {
    work();
  } else {
    wake_.notify_one();
  }
}

void StoreThreads::ReadLoop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !work_.empty() || stopping_; });
    if (work_.empty()) return;
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

// A little every ten seconds: the rate is what counts, and an idle node sleeps.
void StoreThreads::ScrubLoop() {
  constexpr auto kEvery = std::chrono::seconds(10);
  const std::uint64_t bytes = options_.scrub_bytes_per_second * 10;
  std::unique_lock lock(mutex_);
  while (!wake_scrub_.wait_for(lock, kEvery, [this] { return stopping_; })) {
    lock.unlock();
    for (std::size_t disk = 0; disk < store_->disks(); ++disk) {
      if (const Status status = store_->Scrub(disk, bytes); !status.ok()) {
        LogWarning("scrub of disk {}: {}", disk, ToString(status));
      }
    }
    lock.lock();
  }
}

void StoreThreads::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  wake_scrub_.notify_all();
  const std::lock_guard joining(join_mutex_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  commit_.Stop();
}

}  // namespace carillon
