#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "storage/data_directory.h"
#include "storage/index.h"
#include "storage/log_stream.h"
#include "storage/replay.h"
#include "storage/segment_scanner.h"
#include "storage/segment_table.h"
#include "storage/space_guard.h"
#include "storage/store.h"

namespace carillon {

// One data directory: its log, its index, its segments. Store (store.h) has the contracts; this is
// one disk's share of them.
//
// Threads: any; Write, Maintain, DropPartition*, SetPartitionBits, and Close wait for each other,
// and everything that looks into the index for SetPartitionBits. Scrub: one caller at a time.
class Disk {
 public:
  static StatusOr<std::unique_ptr<Disk>> Open(const StoreOptions& options, const std::string& path,
                                              Random* random);

  const StoreIdentity& identity() const { return directory_.identity; }
  const Uuid& directory_id() const { return directory_.directory; }

  // All requests are of partitions of this disk.
  std::vector<WriteOutcome> Write(std::span<const WriteRequest> requests);
  void Maintain();
  StatusOr<StoredChunk> ReadChunk(const ChunkRef& ref) const;
  std::optional<StoredChunk> ReadChunkAtOnce(const ChunkRef& ref) const;
  StatusOr<std::vector<std::optional<ChunkStat>>> StatChunks(
      const std::vector<ChunkRef>& refs) const;
  StatusOr<ManifestPage> ScanManifests(const ManifestScan& scan) const;
  StatusOr<std::vector<WriterSeal>> Seals() const;
  StatusOr<Digest> ReadDigest(PartitionId partition, const std::string& bucket,
                              std::uint64_t hour) const;
  bool HasPartition(PartitionId partition) const;
  StatusOr<std::vector<PartitionId>> HeldPartitions() const;
  StatusOr<std::vector<HourDigest>> ListDigests(PartitionId partition) const;
  StatusOr<StoreSizes> Measure() const;
  StatusOr<EntryPage> ListEntries(PartitionId partition, const std::string& bucket,
                                  std::uint64_t hour, const Bytes& after,
                                  std::size_t max_entries) const;
  StatusOr<ClaimPage> ListClaims(PartitionId partition, const std::string& bucket,
                                 std::uint64_t slot, const Bytes& after,
                                 std::size_t max_claims) const;
  StatusOr<std::vector<SyncEntry>> DamagedEntries(PartitionId partition,
                                                  std::size_t max_entries) const;
  Status DropPartition(PartitionId partition);
  StatusOr<bool> DropPartitionIf(PartitionId partition, const Digest& total);
  Status SetPartitionBits(std::uint32_t bits);
  Status Scrub(std::uint64_t bytes);
  StoreStats stats() const;
  Status Close();

 private:
  struct PlannedItem;   // planned_write.h
  struct PlannedWrite;  // likewise

  StatusOr<PartitionSize> MeasureIn(const Index& index, PartitionId partition) const;

  Disk(const StoreOptions& options, DataDirectory directory, Random* random);

  // Recovery (disk_recover.cc).
  Status OpenIndex();
  Status OpenIndexAsIs();
  Status LoadSegments();
  Status Recover();
  Status RecoverStream(std::uint32_t ttl_class, const std::vector<SegmentEntry>& segments,
                       const std::optional<CoveredPosition>& covered);
  Status ReplaySegment(const SegmentEntry& entry, bool last,
                       const std::optional<CoveredPosition>& covered, Replayer* replayer);
  Status QuarantineLost(const SegmentEntry& known, SegmentReplay* replay);
  Status ResumeStream(SegmentEntry entry, const SegmentReplay& replay);
  Status LoadQuarantine();
  Status ReadSuspects();
  // Runs `read` on the index; when the index proves damaged, rebuilds it and runs `read` once more.
  template <typename Read>
  auto WithIndex(Read read) const -> decltype(read(std::declval<const Index&>()));
  Status RebuildIndex(std::uint64_t generation);
  Status RebuildLocked();
  // Shared. Lets SetPartitionBits go first: readers that overlap could keep it out for ever.
  std::shared_lock<std::shared_mutex> LockIndex() const;
  static Status Renumbering() { return Unavailable("the partitions are being renumbered"); }

  // Writing (disk_write.cc).
  std::vector<WriteOutcome> WriteBatch(std::span<const WriteRequest> requests);
  PlannedWrite Plan(std::span<const WriteRequest> requests,
                    std::vector<WriteOutcome>* outcomes) const;
  bool PlanChunk(const ChunkWrite& write, IndexUpdate* overlay, WriteOutcome* outcome,
                 PlannedItem* item) const;
  bool IsServed(const ChunkWrite& write, const ChunkEntry& entry) const;
  bool PlanCommit(const CommitWrite& write, IndexUpdate* overlay, WriteOutcome* outcome) const;
  void AppendPlanned(PlannedWrite* plan, std::vector<WriteOutcome>* outcomes);
  Status IndexPlanned(const PlannedWrite& plan, std::span<const WriteRequest> requests);
  IndexUpdate NewUpdate(IndexUpdate::Purpose purpose) const;
  Status FetchEntries(std::span<const WriteRequest> requests, IndexUpdate* overlay) const;
  void PlanOne(const WriteRequest& request, std::size_t place, IndexUpdate* overlay,
               PlannedWrite* plan, WriteOutcome* outcome) const;
  LogStream* StreamOf(std::uint32_t ttl_class);
  void HandleSyncFailure(const Status& status, SegmentId segment);
  void RegisterSegments(IndexUpdate* update);

  // Claims (disk_claims.cc).
  void PlanClaims(const ClaimsWrite& write, IndexUpdate* overlay, WriteOutcome* outcome,
                  std::vector<PlannedItem>* items) const;
  static Bytes ClaimsValueOf(const ClaimsWrite& write, const PlannedItem& item);
  static RecordToAppend ClaimsRecord(const ClaimsWrite& write, const PlannedItem& item,
                                     const Rope* value);
  Status IndexClaims(const ClaimsWrite& write, const PlannedItem& item, bool look_up,
                     IndexUpdate* update) const;
  Status RemoveClaimsOf(std::string_view bucket, const Bytes& value, SegmentId segment,
                        IndexUpdate* update) const;
  StatusOr<ClaimPage> ListTimes(const Index& index, const Bytes& from, const Bytes& limit,
                                std::size_t max_claims) const;

  // Upkeep (disk_maintain.cc).
  Status FlushIndexIfDue();
  void CheckSpace();
  void MaintainStreams(std::uint64_t now);
  Status DropSegments(std::uint64_t now);
  StatusOr<bool> DropSegment(SegmentId id);
  StatusOr<bool> RemoveEntriesOf(const SegmentReader& reader);
  void PersistQuarantine();
  bool IsDead(const ScanItem& item, SegmentId segment) const;
  void NoteDamage(QuarantineEntry entry) const;
  bool IsQuarantined(const RecordLocation& location) const;

  // Dropping (disk_drop.cc).
  Status Drop(PartitionId partition);
  Status DropIndexed(PartitionId partition);
  Status DropOfClass(const PartitionDrop& drop, std::uint32_t ttl_class,
                     std::vector<RecordLocation>* chunks);
  void PunchOut(std::vector<RecordLocation> chunks);
  void ForgetDamageOf(const PartitionDrop& drop);

  // Listing (disk_sync.cc).
  enum class Health : std::uint8_t {
    kWhole,
    kDamaged,  // quarantined, or its segment is missing
    kGone,     // its segment has just been removed
  };
  Health HealthOf(const ChunkEntry& entry) const;
  Health HealthOf(const ManifestEntry& entry) const;
  Health HealthIn(SegmentId segment) const;
  StatusOr<EntryPage> ListRange(const Index& index, const EntryCursor& after, const Bytes& first,
                                const Bytes& limit, std::size_t max_entries, Health health) const;

  // Of index_mutex_, shared at least: keys as the index has them now.
  Bytes KeyAt(std::uint16_t position, std::string_view bucket, const ChunkKey& key) const {
    return ChunkIndexKey(PartitionAt(position, partition_bits_), bucket, key);
  }
  Bytes KeyOf(std::string_view bucket, const ChunkKey& key) const {
    return KeyAt(ChunkPosition(bucket, key), bucket, key);
  }
  std::uint64_t NowSeconds() const { return WallSeconds(options_.clock->WallNow()); }

  const StoreOptions options_;
  DataDirectory directory_;
  Random* random_;
  SegmentTable segments_;
  LogShared log_;
  std::map<std::uint32_t, std::unique_ptr<LogStream>> streams_;  // by ttl class
  SpaceGuard space_;

  std::mutex write_mutex_;                 // before index_mutex_
  mutable std::mutex turn_mutex_;          // between the two; held while the index is renumbered
  std::atomic<bool> turn_taken_{false};    // turn_mutex_ is held
  mutable std::shared_mutex index_mutex_;  // exclusive: the index is being replaced
  std::unique_ptr<Index> index_;
  std::uint64_t index_generation_ = 0;
  std::uint32_t partition_bits_ = 0;  // of the index
  bool renumbering_ = false;          // it failed half-way: nothing is served until it is finished

  mutable std::mutex quarantine_mutex_;
  mutable std::map<std::pair<SegmentId, std::uint64_t>, QuarantineEntry> quarantine_;
  mutable std::vector<QuarantineEntry> new_damage_;  // found by readers, not in the index yet

  std::set<SegmentId> suspects_;  // an fsync of them failed: never appended to again
  std::uint64_t log_bytes_since_flush_ = 0;
  std::uint64_t last_sequence_ = 0;  // at the last Maintain
  int consecutive_write_failures_ = 0;
  std::pair<SegmentId, std::uint64_t> scrub_at_{};
  std::pair<SegmentId, std::uint64_t> removed_{};  // entries of a segment, up to an offset

  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> recovered_{0}, torn_{0}, rebuilds_{0}, expired_{0}, for_space_{0},
      repaired_{0}, batches_{0}, syncs_{0}, appended_bytes_{0}, punched_bytes_{0};
};

template <typename Read>
auto Disk::WithIndex(Read read) const -> decltype(read(std::declval<const Index&>())) {
  std::uint64_t generation = 0;
  {
    const std::shared_lock lock = LockIndex();
    if (renumbering_) return Renumbering();
    generation = index_generation_;
    auto result = read(*index_);
    if (result.status().code() != StatusCode::kDataLoss) return result;
  }
  // Only the index itself says DATA_LOSS here. It is derived: make it anew and ask again.
  RETURN_IF_ERROR(const_cast<Disk*>(this)->RebuildIndex(generation));
  const std::shared_lock lock = LockIndex();
  if (renumbering_) return Renumbering();
  return read(*index_);
}

}  // namespace carillon
