#include "storage/rocksdb_key_value.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>

#include "storage/digest.h"

namespace carillon {
namespace {

// Few shards: a filter, or the index of a table, is up to a MiB, and must fit in one many times.
constexpr int kCacheShardBits = 2;
constexpr std::uint64_t kVerifyAtOpenBytes = std::uint64_t{256} << 20;
constexpr std::array<const char*, kFamilies> kFamilyNames = {"default", "manifests", "digests",
                                                             "meta", "claims"};

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view FromSlice(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

Status FromRocksdb(const rocksdb::Status& status) {
  if (status.ok()) return OkStatus();
  const std::string text = "index: " + status.ToString();
  if (status.IsCorruption()) return MakeStatus(StatusCode::kDataLoss, text);
  if (status.IsNoSpace()) return MakeStatus(StatusCode::kResourceExhausted, text);
  return MakeStatus(StatusCode::kUnavailable, text);
}

class DigestMerge final : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(const rocksdb::Slice& /*key*/, const rocksdb::Slice* before,
             const rocksdb::Slice& change, std::string* after,
             rocksdb::Logger* /*logger*/) const override {
    const auto added = DecodeDigest(FromSlice(change));
    if (!added.ok()) return false;
    Digest digest = *added;
    if (before != nullptr) {
      const auto old = DecodeDigest(FromSlice(*before));
      if (!old.ok()) return false;
      digest.Add(*old);
    }
    *after = EncodeDigest(digest);
    return true;
  }
  const char* Name() const override { return "carillon.Digest"; }
};

class RocksdbCursor final : public KeyValueCursor {
 public:
  explicit RocksdbCursor(rocksdb::Iterator* iterator) : iterator_(iterator) {}
  void Seek(std::string_view key) override { iterator_->Seek(ToSlice(key)); }
  void Next() override { iterator_->Next(); }
  bool Valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return FromSlice(iterator_->key()); }
  std::string_view value() const override { return FromSlice(iterator_->value()); }
  Status status() const override { return FromRocksdb(iterator_->status()); }

 private:
  const std::unique_ptr<rocksdb::Iterator> iterator_;
};

using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;

class RocksdbStore final : public KeyValueStore {
 public:
  RocksdbStore(rocksdb::DB* db, Handles handles) : db_(db), handles_(std::move(handles)) {}
  ~RocksdbStore() override {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      (void)db_->DestroyColumnFamilyHandle(handle);  // frees memory only
    }
    (void)db_->Close();  // nothing unflushed is promised
  }

  StatusOr<std::optional<Bytes>> Get(Family family, std::string_view key) const override {
    std::string value;
    const rocksdb::Status status = db_->Get(reads_, Handle(family), ToSlice(key), &value);
    if (status.IsNotFound()) return std::optional<Bytes>();
    RETURN_IF_ERROR(FromRocksdb(status));
    return std::optional(std::move(value));
  }

  std::optional<Bytes> GetAtOnce(Family family, std::string_view key) const override {
    rocksdb::ReadOptions from_memory;
    from_memory.read_tier = rocksdb::kBlockCacheTier;
    std::string value;
    if (!db_->Get(from_memory, Handle(family), ToSlice(key), &value).ok()) return std::nullopt;
    return value;
  }

  StatusOr<std::vector<std::optional<Bytes>>> MultiGet(
      Family family, const std::vector<Bytes>& keys) const override {
    std::vector<rocksdb::Slice> slices;
    slices.reserve(keys.size());
    for (const Bytes& key : keys) slices.push_back(ToSlice(key));
    std::vector<rocksdb::PinnableSlice> found(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_->MultiGet(reads_, Handle(family), keys.size(), slices.data(), found.data(),
                  statuses.data());
    std::vector<std::optional<Bytes>> values(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      RETURN_IF_ERROR(FromRocksdb(statuses[i]));
      values[i] = found[i].ToString();
    }
    return values;
  }

  std::unique_ptr<KeyValueCursor> NewCursor(Family family) const override {
    return std::make_unique<RocksdbCursor>(db_->NewIterator(reads_, Handle(family)));
  }

  Status Write(const KeyValueBatch& batch) override {
    rocksdb::WriteBatch writes;
    for (const KeyValueBatch::Change& change : batch.changes) {
      RETURN_IF_ERROR(FromRocksdb(AddTo(&writes, change)));
    }
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return FromRocksdb(db_->Write(options, &writes));
  }

  Status Flush() override { return FlushAll(true); }
  Status FlushSoon() override { return FlushAll(false); }

  std::uint64_t UnflushedBytes() const override {
    std::uint64_t bytes = 0;
    (void)db_->GetAggregatedIntProperty("rocksdb.cur-size-active-mem-table", &bytes);
    return bytes;
  }

 private:
  rocksdb::ColumnFamilyHandle* Handle(Family family) const {
    return handles_[static_cast<std::size_t>(family)];
  }

  rocksdb::Status AddTo(rocksdb::WriteBatch* writes, const KeyValueBatch::Change& change) const {
    rocksdb::ColumnFamilyHandle* handle = Handle(change.family);
    switch (change.kind) {
      case KeyValueBatch::Kind::kPut:
        return writes->Put(handle, ToSlice(change.key), ToSlice(change.value));
      case KeyValueBatch::Kind::kDelete:
        return writes->Delete(handle, ToSlice(change.key));
      case KeyValueBatch::Kind::kDeleteRange:
        return writes->DeleteRange(handle, ToSlice(change.key), ToSlice(change.value));
      case KeyValueBatch::Kind::kMergeDigest:
        return writes->Merge(handle, ToSlice(change.key), ToSlice(change.value));
    }
    return rocksdb::Status::InvalidArgument("unknown change");
  }

  Status FlushAll(bool wait) {
    rocksdb::FlushOptions options;
    options.wait = wait;
    options.allow_write_stall = true;
    return FromRocksdb(db_->Flush(options, handles_));
  }

  const std::unique_ptr<rocksdb::DB> db_;
  const Handles handles_;
  const rocksdb::ReadOptions reads_;
};

class RocksdbFactory final : public KeyValueFactory {
 public:
  explicit RocksdbFactory(const RocksdbOptions& options)
      : cache_(rocksdb::NewLRUCache(options.cache_bytes, kCacheShardBits, false, 0.5)) {
    db_options_.create_if_missing = true;
    db_options_.create_missing_column_families = true;
    db_options_.atomic_flush = true;
    db_options_.paranoid_checks = true;
    db_options_.max_background_jobs = 2;
    db_options_.db_write_buffer_size = options.write_buffer_bytes;
    db_options_.keep_log_file_num = 2;
    db_options_.max_log_file_size = 1 << 20;
    db_options_.info_log_level = rocksdb::WARN_LEVEL;
    db_options_.stats_dump_period_sec = 0;
    db_options_.stats_persist_period_sec = 0;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache_;
    table.block_size = 8192;
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    family_options_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family_options_.write_buffer_size = options.write_buffer_bytes / 2;
    // New keys are the rule: that one is new is found out without a search.
    family_options_.memtable_whole_key_filtering = true;
    family_options_.memtable_prefix_bloom_size_ratio = 0.02;
    family_options_.compression = rocksdb::kLZ4Compression;
  }

  StatusOr<std::unique_ptr<KeyValueStore>> Open(const std::string& directory) override {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : kFamilyNames) {
      rocksdb::ColumnFamilyOptions options = family_options_;
      if (name == kFamilyNames[static_cast<std::size_t>(Family::kDigests)]) {
        options.merge_operator = std::make_shared<DigestMerge>();
      }
      families.emplace_back(name, options);
    }
    Handles handles;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::Open(db_options_, directory, families, &handles, &db);
    if (status.IsNoSpace()) return FromRocksdb(status);
    // Anything else that keeps an index from opening is damage: it can be rebuilt.
    if (!status.ok()) return DataLoss("index {}: {}", directory, status.ToString());
    auto store = std::make_unique<RocksdbStore>(db, std::move(handles));
    RETURN_IF_ERROR(VerifySmall(db));
    return store;
  }

  Status Destroy(const std::string& directory) override {
    rocksdb::Options options(db_options_, family_options_);
    return FromRocksdb(rocksdb::DestroyDB(directory, options));
  }

 private:
  static Status VerifySmall(rocksdb::DB* db) {
    std::vector<rocksdb::LiveFileMetaData> files;
    db->GetLiveFilesMetaData(&files);
    std::uint64_t bytes = 0;
    for (const rocksdb::LiveFileMetaData& file : files) bytes += file.size;
    if (bytes > kVerifyAtOpenBytes) return OkStatus();
    const rocksdb::Status status = db->VerifyChecksum();
    return status.ok() ? OkStatus() : DataLoss("index: {}", status.ToString());
  }

  const std::shared_ptr<rocksdb::Cache> cache_;
  rocksdb::DBOptions db_options_;
  rocksdb::ColumnFamilyOptions family_options_;
};

}  // namespace

std::unique_ptr<KeyValueFactory> NewRocksdbFactory(const RocksdbOptions& options) {
  return std::make_unique<RocksdbFactory>(options);
}

}  // namespace carillon
