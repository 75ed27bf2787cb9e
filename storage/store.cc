#include "storage/store.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>

#include "base/check.h"
#include "base/log.h"
#include "storage/disk.h"

namespace carillon {
namespace {

constexpr std::uint32_t kMaxPartitionBits = 12;

class DiskStore final : public Store {
 public:
  DiskStore(const StoreOptions& options, std::unique_ptr<Random> random,
            std::vector<std::unique_ptr<Disk>> disks)
      : assigned_bits_(options.partition_bits),
        bits_(options.partition_bits),
        random_(std::move(random)),
        disks_(std::move(disks)) {
    for (std::size_t p = 0; p < std::size_t{1} << assigned_bits_; ++p) AssignPartition(p);
  }

  const StoreIdentity& identity() const override { return disks_.front()->identity(); }
  std::size_t disks() const override { return disks_.size(); }
  std::size_t DiskOf(PartitionId partition) const override {
    const auto position = static_cast<std::uint16_t>(partition.value() << (16 - bits_));
    return DiskAt(position);
  }
  std::size_t DiskAt(std::uint16_t ring_position) const override {
    return disk_of_[PartitionAt(ring_position, assigned_bits_).value()];
  }

  Status SetPartitionBits(std::uint32_t bits) override;
  std::uint32_t partition_bits() const override { return bits_; }

  std::vector<WriteOutcome> Write(std::size_t disk,
                                  std::span<const WriteRequest> requests) override {
    for (const WriteRequest& request : requests) {
      CHECK(DiskAt(PositionOf(request)) == disk);
    }
    return disks_[disk]->Write(requests);
  }

  void Maintain(std::size_t disk) override { disks_[disk]->Maintain(); }

  StatusOr<StoredChunk> ReadChunk(const ChunkRef& ref) const override {
    const std::size_t first = DiskAt(ChunkPosition(ref.bucket, ref.key));
    auto chunk = disks_[first]->ReadChunk(ref);
    // A partition that moved to another disk while this one was away has older data here.
    for (std::size_t i = 0; i < disks_.size() && IsNotFound(chunk.status()); ++i) {
      if (i != first) chunk = disks_[i]->ReadChunk(ref);
    }
    return chunk;
  }

  std::optional<StoredChunk> ReadChunkAtOnce(const ChunkRef& ref) const override {
    return disks_[DiskAt(ChunkPosition(ref.bucket, ref.key))]->ReadChunkAtOnce(ref);
  }

  StatusOr<std::vector<std::optional<ChunkStat>>> StatChunks(
      const std::vector<ChunkRef>& refs) const override {
    std::vector<std::optional<ChunkStat>> merged(refs.size());
    for (const auto& disk : disks_) {
      ASSIGN_OR_RETURN(const auto stats, disk->StatChunks(refs));
      for (std::size_t i = 0; i < refs.size(); ++i) {
        if (!merged[i]) merged[i] = stats[i];
      }
    }
    return merged;
  }

  StatusOr<ManifestPage> ScanManifests(const ManifestScan& scan) const override {
    if (disks_.size() == 1) return disks_.front()->ScanManifests(scan);
    std::vector<ManifestPage> pages;
    for (const auto& disk : disks_) {
      ASSIGN_OR_RETURN(ManifestPage page, disk->ScanManifests(scan));
      pages.push_back(std::move(page));
    }
    return MergePages(std::move(pages));
  }

  StatusOr<std::vector<WriterSeal>> Seals() const override {
    std::map<std::tuple<std::string, std::string, std::uint64_t>, WriterSeal> greatest;
    for (const auto& disk : disks_) {
      ASSIGN_OR_RETURN(const auto seals, disk->Seals());
      for (const WriterSeal& seal : seals) {
        WriterSeal& kept = greatest[{seal.bucket, seal.dc, seal.writer}];
        if (kept.sealed <= seal.sealed) kept = seal;
      }
    }
    std::vector<WriterSeal> seals;
    for (auto& [key, seal] : greatest) seals.push_back(std::move(seal));
    return seals;
  }

  StatusOr<Digest> ReadDigest(PartitionId partition, const std::string& bucket,
                              std::uint64_t hour) const override {
    Digest sum;
    for (const auto& disk : disks_) {
      ASSIGN_OR_RETURN(const Digest digest, disk->ReadDigest(partition, bucket, hour));
      sum.Add(digest);
    }
    return sum;
  }

  StatusOr<std::vector<PartitionId>> HeldPartitions() const override;
  StatusOr<std::vector<HourDigest>> ListDigests(PartitionId partition) const override;
  StatusOr<StoreSizes> Measure() const override;
  StatusOr<EntryPage> ListEntries(PartitionId partition, const std::string& bucket,
                                  std::uint64_t hour, const Bytes& after,
                                  std::size_t max_entries) const override;
  StatusOr<ClaimPage> ListClaims(PartitionId partition, const std::string& bucket,
                                 std::uint64_t slot, const Bytes& after,
                                 std::size_t max_claims) const override;
  std::vector<SyncEntry> DamagedEntries(PartitionId partition) const override;

  Status DropPartition(PartitionId partition) override {
    const std::shared_lock lock(numbers_mutex_);
    for (const auto& disk : disks_) RETURN_IF_ERROR(disk->DropPartition(partition));
    return OkStatus();
  }
  StatusOr<bool> DropPartitionIf(PartitionId partition, const Digest& total) override;

  Status Scrub(std::size_t disk, std::uint64_t bytes) override {
    return disks_[disk]->Scrub(bytes);
  }

  StoreStats stats() const override;

  Status Close() override {
    Status result = OkStatus();
    for (const auto& disk : disks_) {
      const Status status = disk->Close();
      if (result.ok()) result = status;
    }
    return result;
  }

 private:
  static bool IsNotFound(const Status& status) { return status.code() == StatusCode::kNotFound; }

  // A partition stays on the disk that has data of it; a new one goes where rendezvous hashing
  // says, so that the choice is the same at every start and a new disk takes its share.
  void AssignPartition(std::size_t p) {
    const PartitionId partition(static_cast<std::uint16_t>(p));
    std::size_t best = 0;
    std::pair<bool, std::uint64_t> best_score{false, 0};
    for (std::size_t i = 0; i < disks_.size(); ++i) {
      const std::string name = fmt::format("{}/{}", disks_[i]->directory_id(), p);
      const bool has_data = disks_.size() > 1 && disks_[i]->HasPartition(partition);
      const std::pair score{has_data, Hash64(name)};
      if (i == 0 || score > best_score) {
        best = i;
        best_score = score;
      }
    }
    disk_of_.push_back(best);
  }

  // Each page is ordered and whole up to its next_from; the merged one up to the least of them.
  static ManifestPage MergePages(std::vector<ManifestPage> pages) {
    ManifestPage merged;
    for (const ManifestPage& page : pages) {
      if (page.next_from && (!merged.next_from || *page.next_from < *merged.next_from)) {
        merged.next_from = page.next_from;
      }
    }
    std::map<std::pair<Epoch, std::string>, Second> seconds;
    for (ManifestPage& page : pages) {
      for (Second& second : page.seconds) {
        if (merged.next_from && second.epoch >= *merged.next_from) continue;
        Second& into = seconds[{second.epoch, second.dc}];
        into.epoch = second.epoch;
        into.dc = second.dc;
        for (ChunkInfo& chunk : second.chunks) into.chunks.push_back(std::move(chunk));
      }
    }
    for (auto& [key, second] : seconds) merged.seconds.push_back(std::move(second));
    return merged;
  }

  const std::uint32_t assigned_bits_;  // what disk_of_ goes by
  std::atomic<std::uint32_t> bits_;
  std::shared_mutex numbers_mutex_;  // exclusive: disks get other numbers; shared: a drop
  const std::unique_ptr<Random> random_;
  const std::vector<std::unique_ptr<Disk>> disks_;
  std::vector<std::size_t> disk_of_;
};

Status DiskStore::SetPartitionBits(std::uint32_t bits) {
  if (bits > kMaxPartitionBits) {
    return InvalidArgument("partition_bits {} is above {}", bits, kMaxPartitionBits);
  }
  const std::unique_lock lock(numbers_mutex_);
  for (const auto& disk : disks_) RETURN_IF_ERROR(disk->SetPartitionBits(bits));
  bits_ = bits;
  return OkStatus();
}

StatusOr<std::vector<PartitionId>> DiskStore::HeldPartitions() const {
  std::set<PartitionId> held;
  for (const auto& disk : disks_) {
    ASSIGN_OR_RETURN(const std::vector<PartitionId> of_disk, disk->HeldPartitions());
    held.insert(of_disk.begin(), of_disk.end());
  }
  return std::vector(held.begin(), held.end());
}

StatusOr<std::vector<HourDigest>> DiskStore::ListDigests(PartitionId partition) const {
  if (disks_.size() == 1) return disks_.front()->ListDigests(partition);
  std::map<std::pair<std::string, std::uint64_t>, Digest> sums;
  for (const auto& disk : disks_) {
    ASSIGN_OR_RETURN(const auto digests, disk->ListDigests(partition));
    for (const HourDigest& hour : digests) sums[{hour.bucket, hour.hour}].Add(hour.digest);
  }
  std::vector<HourDigest> merged;
  for (const auto& [place, digest] : sums) merged.push_back({place.first, place.second, digest});
  return merged;
}

StatusOr<StoreSizes> DiskStore::Measure() const {
  std::map<PartitionId, PartitionSize> sizes;
  StoreSizes all;
  for (const auto& disk : disks_) {
    ASSIGN_OR_RETURN(const StoreSizes of_disk, disk->Measure());
    all.free_bytes += of_disk.free_bytes;
    for (const PartitionSize& one : of_disk.partitions) {
      PartitionSize& sum = sizes[one.partition];
      sum = {.partition = one.partition,
             .chunks = sum.chunks + one.chunks,
             .bytes = sum.bytes + one.bytes};
    }
  }
  for (const auto& [partition, size] : sizes) all.partitions.push_back(size);
  return all;
}

StatusOr<EntryPage> DiskStore::ListEntries(PartitionId partition, const std::string& bucket,
                                           std::uint64_t hour, const Bytes& after,
                                           std::size_t max_entries) const {
  CHECK(max_entries > 0);
  std::vector<EntryPage> pages;
  for (const auto& disk : disks_) {
    ASSIGN_OR_RETURN(EntryPage page,
                     disk->ListEntries(partition, bucket, hour, after, max_entries));
    pages.push_back(std::move(page));
  }
  return MergeEntryPages(partition, std::move(pages), max_entries);
}

// Each page is whole up to its `next`; the merged one up to the least of them.
StatusOr<ClaimPage> DiskStore::ListClaims(PartitionId partition, const std::string& bucket,
                                          std::uint64_t slot, const Bytes& after,
                                          std::size_t max_claims) const {
  CHECK(max_claims > 0 && IsClaimSlot(slot));
  std::vector<ClaimPage> pages;
  ClaimPage merged;
  for (const auto& disk : disks_) {
    ASSIGN_OR_RETURN(ClaimPage page, disk->ListClaims(partition, bucket, slot, after, max_claims));
    if (!page.next.empty() && (merged.next.empty() || page.next < merged.next)) {
      merged.next = page.next;
    }
    pages.push_back(std::move(page));
  }
  for (ClaimPage& page : pages) {
    for (StoredClaim& claim : page.claims) {
      if (!merged.next.empty() &&
          ClaimTimeKey(partition, bucket, claim.claimed_at, claim.id) >= merged.next) {
        break;
      }
      merged.claims.push_back(std::move(claim));
    }
  }
  std::sort(merged.claims.begin(), merged.claims.end(),
            [](const StoredClaim& a, const StoredClaim& b) {
              return std::pair(a.claimed_at, a.id) < std::pair(b.claimed_at, b.id);
            });
  return merged;
}

std::vector<SyncEntry> DiskStore::DamagedEntries(PartitionId partition) const {
  std::vector<SyncEntry> damaged;
  for (const auto& disk : disks_) {
    auto of_disk = disk->DamagedEntries(partition, kMaxDamagedEntries - damaged.size());
    if (!of_disk.ok()) {
      LogError("damage of partition {}: {}", partition, ToString(of_disk.status()));
      continue;
    }
    for (SyncEntry& entry : *of_disk) damaged.push_back(std::move(entry));
  }
  return damaged;
}

// Only the disk that takes the partition's new data can have more of it than before: that one asks
// again, with nothing between the answer and the drop.
StatusOr<bool> DiskStore::DropPartitionIf(PartitionId partition, const Digest& total) {
  const std::shared_lock lock(numbers_mutex_);
  Digest sum;
  Digest of_taker;
  for (std::size_t i = 0; i < disks_.size(); ++i) {
    ASSIGN_OR_RETURN(const auto digests, disks_[i]->ListDigests(partition));
    const Digest of_disk = TotalOf(digests);
    sum.Add(of_disk);
    if (i == DiskOf(partition)) of_taker = of_disk;
  }
  if (sum != total) return false;
  ASSIGN_OR_RETURN(const bool dropped,
                   disks_[DiskOf(partition)]->DropPartitionIf(partition, of_taker));
  if (!dropped) return false;
  for (std::size_t i = 0; i < disks_.size(); ++i) {
    if (i != DiskOf(partition)) RETURN_IF_ERROR(disks_[i]->DropPartition(partition));
  }
  return true;
}

StoreStats DiskStore::stats() const {
  StoreStats sum;
  for (const auto& disk : disks_) {
    const StoreStats one = disk->stats();
    sum.segments += one.segments;
    sum.segment_bytes += one.segment_bytes;
    sum.segments_missing += one.segments_missing;
    sum.records_quarantined += one.records_quarantined;
    sum.records_recovered += one.records_recovered;
    sum.torn_tails += one.torn_tails;
    sum.index_rebuilds += one.index_rebuilds;
    sum.segments_expired += one.segments_expired;
    sum.segments_dropped_for_space += one.segments_dropped_for_space;
    sum.records_repaired += one.records_repaired;
    sum.batches += one.batches;
    sum.syncs += one.syncs;
    sum.appended_bytes += one.appended_bytes;
    sum.punched_bytes += one.punched_bytes;
    sum.disk_full = sum.disk_full || one.disk_full;
    sum.failed = sum.failed || one.failed;
  }
  return sum;
}

}  // namespace

std::uint16_t PositionOf(const WriteRequest& request) {
  if (request.chunk) return request.chunk->placement.ring_position;
  if (request.commit) return request.commit->placement.ring_position;
  CHECK(request.claims && !request.claims->set.claims.empty());
  return request.claims->set.claims.front().ring_position;
}

void AbortOnSyncFailure(const Status& status) {
  LogError("fsync failed: what is on disk is unknown; stopping. {}", ToString(status));
  std::abort();
}

StatusOr<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  CHECK(options.files != nullptr && options.indexes != nullptr && options.clock != nullptr);
  if (options.directories.empty()) return InvalidArgument("a store needs a data directory");
  if (options.partition_bits > kMaxPartitionBits) {
    return InvalidArgument("partition_bits {} is above {}", options.partition_bits,
                           kMaxPartitionBits);
  }
  auto random = std::make_unique<Random>(options.random_seed);
  std::vector<std::unique_ptr<Disk>> disks;
  for (const std::string& directory : options.directories) {
    ASSIGN_OR_RETURN(auto disk, Disk::Open(options, directory, random.get()));
    if (disks.empty()) options.identity = disk->identity();  // the others must be of the same node
    disks.push_back(std::move(disk));
  }
  return std::make_unique<DiskStore>(options, std::move(random), std::move(disks));
}

}  // namespace carillon
