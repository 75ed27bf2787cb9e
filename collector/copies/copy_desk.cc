#include "collector/copies/copy_desk.h"

#include <utility>

namespace carillon {
namespace {

Bytes EncodedRefusal(Status status) {
  CopyReply reply;
  reply.status = std::move(status);
  return EncodeCopyReply(reply);
}

}  // namespace

CopyDesk::CopyDesk(std::unique_ptr<CopyStore> store, std::string key)
    : store_(std::move(store)), key_(std::move(key)), stats_(store_->stats()) {
  thread_ = std::thread([this] { Loop(); });
}

CopyDesk::~CopyDesk() {
  Stop();
}

void CopyDesk::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool CopyDesk::Knows(std::string_view key) const {
  if (key.size() != key_.size()) return false;
  unsigned char differs = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    differs |= static_cast<unsigned char>(key[i] ^ key_[i]);
  }
  return differs == 0;
}

void CopyDesk::Handle(Bytes ask, std::function<void(Bytes)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && waiting_.size() < kMaxWaiting) {
      waiting_.push_back({std::move(ask), std::move(done)});
      wake_.notify_one();
      return;
    }
  }
  done(EncodedRefusal(Unavailable("too much is asked at once")));
}

CopyStoreStats CopyDesk::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void CopyDesk::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const auto ask = DecodeCopyAsk(next.ask);
    next.done(ask.ok() ? EncodeCopyReply(store_->Handle(*ask)) : EncodedRefusal(ask.status()));
    const CopyStoreStats stats = store_->stats();
    lock.lock();
    stats_ = stats;
  }
}

}  // namespace carillon
