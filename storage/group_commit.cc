#include "storage/group_commit.h"

#include <chrono>
#include <deque>

#include "base/flush_scope.h"

namespace carillon {
namespace {

constexpr auto kMaintainEvery = std::chrono::seconds(1);
constexpr std::size_t kRequestOverheadBytes = 256;
constexpr std::size_t kClaimOverheadBytes = 128;

std::size_t BytesOf(const WriteRequest& request) {
  if (request.chunk) return request.chunk->value.size() + kRequestOverheadBytes;
  if (request.claims) {
    return request.claims->set.claims.size() * kClaimOverheadBytes + kRequestOverheadBytes;
  }
  return (request.commit->commit.chunks.size() + 1) * kRequestOverheadBytes;
}

}  // namespace

class GroupCommit::Worker {
 public:
  Worker(Store* store, std::size_t disk, const Limits& limits)
      : store_(store), disk_(disk), limits_(limits), thread_([this] { Loop(); }) {}

  void Submit(WriteRequest request, Done done) {
    const std::size_t bytes = BytesOf(request);
    Status refused = OkStatus();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        refused = Unavailable("the node is stopping");
      } else if (queued_bytes_ + bytes > limits_.queued_bytes) {
        refused = ResourceExhausted("{} bytes wait for the disk: slow down", queued_bytes_);
      } else {
        queued_bytes_ += bytes;
        requests_.push_back(std::move(request));
        callbacks_.push_back(std::move(done));
      }
    }
    if (!refused.ok()) {
      done(WriteOutcome{.status = refused});
    } else {
      wake_.notify_one();
    }
  }

  bool Run(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      work_.push_back(std::move(work));
    }
    wake_.notify_one();
    return true;
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  struct Batch {
    std::vector<WriteRequest> requests;
    std::vector<Done> callbacks;
    std::deque<std::function<void()>> work;
    bool stop = false;
  };

  // Waits for something to do, or for the time to Maintain.
  Batch Take(std::chrono::steady_clock::time_point until) {
    Batch batch;
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, until,
                     [this] { return !requests_.empty() || !work_.empty() || stopping_; });
    batch.work.swap(work_);
    std::size_t bytes = 0;
    while (!requests_.empty() && batch.requests.size() < limits_.batch_requests &&
           bytes < limits_.batch_bytes) {
      const std::size_t size = BytesOf(requests_.front());
      bytes += size;
      queued_bytes_ -= size;
      batch.requests.push_back(std::move(requests_.front()));
      batch.callbacks.push_back(std::move(callbacks_.front()));
      requests_.pop_front();
      callbacks_.pop_front();
    }
    batch.stop = stopping_ && requests_.empty();
    return batch;
  }

  void Loop() {
    auto maintain_at = std::chrono::steady_clock::now();
    while (true) {
      Batch batch = Take(maintain_at);
      for (const std::function<void()>& work : batch.work) work();
      if (!batch.requests.empty()) {
        std::vector<WriteOutcome> outcomes = store_->Write(disk_, batch.requests);
        const FlushScope together;  // the answers
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
          batch.callbacks[i](std::move(outcomes[i]));
        }
      }
      if (batch.stop) return;
      if (std::chrono::steady_clock::now() >= maintain_at) {
        store_->Maintain(disk_);
        maintain_at = std::chrono::steady_clock::now() + kMaintainEvery;
      }
    }
  }

  Store* store_;
  const std::size_t disk_;
  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<WriteRequest> requests_;
  std::deque<Done> callbacks_;  // parallel to requests_
  std::deque<std::function<void()>> work_;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last: runs Loop on all of the above
};

GroupCommit::GroupCommit(Store* store, const Limits& limits) : store_(store), limits_(limits) {
  for (std::size_t disk = 0; disk < store->disks(); ++disk) {
    workers_.push_back(std::make_unique<Worker>(store, disk, limits_));
  }
}

GroupCommit::~GroupCommit() {
  Stop();
}

void GroupCommit::Submit(WriteRequest request, Done done) {
  const std::size_t disk = store_->DiskAt(PositionOf(request));
  workers_[disk]->Submit(std::move(request), std::move(done));
}

bool GroupCommit::Run(std::size_t disk, std::function<void()> work) {
  return workers_[disk]->Run(std::move(work));
}

void GroupCommit::Stop() {
  for (const auto& worker : workers_) worker->Stop();
}

}  // namespace carillon
