#include "storage/memory_key_value.h"

#include <shared_mutex>

#include "storage/digest.h"

namespace carillon {
namespace {

std::size_t Of(Family family) {
  return static_cast<std::size_t>(family);
}

// Shares the entries with the store, which takes new ones for its next write.
class MemoryCursor final : public KeyValueCursor {
 public:
  explicit MemoryCursor(std::shared_ptr<const MemoryFamily> entries)
      : entries_(std::move(entries)), at_(entries_->end()) {}
  void Seek(std::string_view key) override { at_ = entries_->lower_bound(key); }
  void Next() override { ++at_; }
  bool Valid() const override { return at_ != entries_->end(); }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  Status status() const override { return OkStatus(); }

 private:
  const std::shared_ptr<const MemoryFamily> entries_;
  MemoryFamily::const_iterator at_;
};

}  // namespace

class MemoryKeyValueStore final : public KeyValueStore {
 public:
  MemoryKeyValueStore(MemoryKeyValueFactory* disk, std::string directory, MemoryFamilies families)
      : disk_(disk), directory_(std::move(directory)), families_(std::move(families)) {
    for (auto& family : families_) {
      if (!family) family = std::make_shared<MemoryFamily>();
    }
  }

  StatusOr<std::optional<Bytes>> Get(Family family, std::string_view key) const override {
    const std::shared_lock lock(mutex_);
    const MemoryFamily& entries = *families_[Of(family)];
    const auto found = entries.find(key);
    if (found == entries.end()) return std::optional<Bytes>();
    return std::optional(found->second);
  }

  StatusOr<std::vector<std::optional<Bytes>>> MultiGet(
      Family family, const std::vector<Bytes>& keys) const override {
    std::vector<std::optional<Bytes>> values;
    for (const Bytes& key : keys) {
      ASSIGN_OR_RETURN(std::optional<Bytes> value, Get(family, key));
      values.push_back(std::move(value));
    }
    return values;
  }

  std::unique_ptr<KeyValueCursor> NewCursor(Family family) const override {
    const std::shared_lock lock(mutex_);
    return std::make_unique<MemoryCursor>(families_[Of(family)]);
  }

  Status Write(const KeyValueBatch& batch) override {
    const std::unique_lock lock(mutex_);
    for (const KeyValueBatch::Change& change : batch.changes) {
      RETURN_IF_ERROR(Apply(change));
      unflushed_bytes_ += change.key.size() + change.value.size();
    }
    return OkStatus();
  }

  Status Flush() override {
    const std::unique_lock lock(mutex_);
    const std::lock_guard disk_lock(disk_->mutex_);
    disk_->flushed_[directory_] = families_;
    unflushed_bytes_ = 0;
    return OkStatus();
  }

  Status FlushSoon() override { return Flush(); }

  std::uint64_t UnflushedBytes() const override {
    const std::shared_lock lock(mutex_);
    return unflushed_bytes_;
  }

 private:
  Status Apply(const KeyValueBatch::Change& change) {
    std::shared_ptr<MemoryFamily>& shared = families_[Of(change.family)];
    // A cursor or a flush holds it: from now on this store has its own. Nobody begins to hold it
    // meanwhile, for that takes the lock.
    if (shared.use_count() > 1) shared = std::make_shared<MemoryFamily>(*shared);
    MemoryFamily& entries = *shared;
    switch (change.kind) {
      case KeyValueBatch::Kind::kPut:
        entries[change.key] = change.value;
        break;
      case KeyValueBatch::Kind::kDelete:
        entries.erase(change.key);
        break;
      case KeyValueBatch::Kind::kDeleteRange:
        entries.erase(entries.lower_bound(change.key), entries.lower_bound(change.value));
        break;
      case KeyValueBatch::Kind::kMergeDigest: {
        ASSIGN_OR_RETURN(Digest digest, DecodeDigest(change.value));
        const auto found = entries.find(change.key);
        if (found != entries.end()) {
          ASSIGN_OR_RETURN(const Digest before, DecodeDigest(found->second));
          digest.Add(before);
        }
        entries[change.key] = EncodeDigest(digest);
        break;
      }
    }
    return OkStatus();
  }

  MemoryKeyValueFactory* disk_;
  const std::string directory_;
  mutable std::shared_mutex mutex_;
  MemoryFamilies families_;
  std::uint64_t unflushed_bytes_ = 0;
};

StatusOr<std::unique_ptr<KeyValueStore>> MemoryKeyValueFactory::Open(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  return std::make_unique<MemoryKeyValueStore>(this, directory, flushed_[directory]);
}

Status MemoryKeyValueFactory::Destroy(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  flushed_.erase(directory);
  return OkStatus();
}

}  // namespace carillon
