#include "server/http/dictionary_fetch.h"

#include <mutex>
#include <utility>

#include "crunch/dictionary.h"

namespace carillon {

// Shared with the node, which may hold on to it for a moment longer than the fetch lives.
class DictionaryFetch::Inbox final : public StreamReceiver {
 public:
  void OnItem(StreamItem item) override {
    Settle(item.status.ok() ? StatusOr<Bytes>(Bytes(item.value.view()))
                            : StatusOr<Bytes>(item.status));
  }
  void OnEnd(Status status) override {
    Settle(status.ok() ? Internal("the node answered without a chunk") : std::move(status));
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
  }
  std::optional<StatusOr<Bytes>> Take(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    if (!result_) wake_ = std::move(wake);
    return std::move(result_);
  }

 private:
  // The first word counts: the end that follows an item says nothing new.
  void Settle(StatusOr<Bytes> result) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(settled_, true)) return;
      result_ = std::move(result);
      wake = std::exchange(wake_, nullptr);
    }
    if (wake) wake();
  }

  std::mutex mutex_;
  bool settled_ = false;
  std::optional<StatusOr<Bytes>> result_;
  std::function<void()> wake_;
};

DictionaryFetch::DictionaryFetch(NodeLoop* node, const ChunkKey& key)
    : node_(node), key_(key), request_(node->NewRequest()), inbox_(std::make_shared<Inbox>()) {
  node_->Open(
      request_,
      GetChunksInput{.request = request_, .bucket = kDictionaryBucket, .keys = {ToString(key_)}},
      inbox_);
  node_->AddCredit(request_, 1);
}

DictionaryFetch::~DictionaryFetch() {
  inbox_->Close();
  node_->Cancel(request_);
}

std::optional<StatusOr<Bytes>> DictionaryFetch::Take(std::function<void()> wake) {
  return inbox_->Take(std::move(wake));
}

}  // namespace carillon
