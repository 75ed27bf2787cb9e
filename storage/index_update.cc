#include <algorithm>
#include <set>

#include "base/coding.h"
#include "storage/index.h"
#include "storage/index_codec.h"

namespace carillon {
Bytes DigestEntryKey(std::string_view kind, std::string_view bucket, const ChunkKey& key) {
  return fmt::format("{}:{}:{}", kind, bucket, ToString(key));
}

Digest ClaimDigestOf(std::string_view bucket, const ClaimId& id, const ClaimOwner& owner,
                     bool negative) {
  Bytes entry = "k:";
  entry.append(bucket);
  entry.push_back(':');
  PutUuid(&entry, id.value());
  PutUuid(&entry, owner.value());
  return negative ? NegativeDigestOf(entry, 0) : DigestOf(entry, 0);
}

StatusOr<std::optional<ChunkEntry>> IndexUpdate::FindChunk(PartitionId partition,
                                                           std::string_view bucket,
                                                           const ChunkKey& key) const {
  const Bytes index_key = ChunkIndexKey(partition, bucket, key);
  const auto changed = chunks_.find(index_key);
  if (changed != chunks_.end()) return changed->second;
  return index_->FindChunk(index_key);
}

void IndexUpdate::AddDigest(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                            std::string_view kind, std::uint32_t crc, bool negative) {
  if (purpose_ == Purpose::kLookAhead) return;
  const Bytes entry = DigestEntryKey(kind, bucket, key);
  digests_[DigestKey(partition, bucket, key.epoch.value() / 3600)].Add(
      negative ? NegativeDigestOf(entry, crc) : DigestOf(entry, crc));
}

const KeyValueBatch& IndexUpdate::Finish() {
  for (auto& [key, digest] : digests_) batch_.MergeDigest(key, EncodeDigest(digest));
  digests_.clear();
  return batch_;
}

Status IndexUpdate::FetchChunks(const std::vector<Bytes>& index_keys) {
  ASSIGN_OR_RETURN(auto found, index_->FindChunks(index_keys));
  for (std::size_t i = 0; i < index_keys.size(); ++i) {
    chunks_.try_emplace(index_keys[i], std::move(found[i]));
  }
  return OkStatus();
}

void IndexUpdate::PutChunk(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                           const ChunkEntry& entry, bool replaces) {
  Bytes index_key = ChunkIndexKey(partition, bucket, key);
  chunks_[index_key] = entry;
  if (purpose_ == Purpose::kLookAhead) return;
  batch_.Put(Family::kChunks, std::move(index_key), EncodeChunkEntry(entry));
  if (!replaces) AddDigest(partition, bucket, key, kChunkKind, entry.value_crc, false);
}

StatusOr<std::optional<ManifestEntry>> IndexUpdate::FindManifestEntry(const Bytes& index_key,
                                                                      const ChunkKey& key) const {
  const auto changed = manifests_.find(index_key);
  if (changed != manifests_.end()) return changed->second;
  ASSIGN_OR_RETURN(const std::optional<Bytes> value,
                   index_->entries().Get(Family::kManifests, index_key));
  if (!value) return std::optional<ManifestEntry>();
  ASSIGN_OR_RETURN(ManifestEntry entry, DecodeManifestEntry(key, *value));
  return std::optional(std::move(entry));
}

StatusOr<std::size_t> IndexUpdate::AddCommit(PartitionId partition, const Commit& commit,
                                             SegmentId segment, std::uint64_t expire_at,
                                             std::uint64_t heard_at) {
  std::map<Bytes, const ChunkInfo*> added;
  std::set<Bytes> replaced;  // they count in the digest already
  for (const ChunkInfo& chunk : commit.chunks) {
    Bytes index_key = ChunkIndexKey(partition, commit.bucket, chunk.key);
    ASSIGN_OR_RETURN(const auto before, FindManifestEntry(index_key, chunk.key));
    if (!before) {
      added.emplace(std::move(index_key), &chunk);
    } else if (before->info.value_crc != chunk.value_crc ||
               before->info.value_bytes != chunk.value_bytes) {
      return AlreadyExists("chunk {} is committed with other bytes", ToString(chunk.key));
    } else if (is_here_ && !is_here_(before->segment)) {
      replaced.insert(index_key);
      added.emplace(std::move(index_key), &chunk);
    }
  }
  std::size_t news = added.size();
  for (const auto& [index_key, chunk] : added) {
    const ManifestEntry entry{.info = *chunk, .segment = segment, .expire_at = expire_at};
    manifests_[index_key] = entry;
    batch_.Put(Family::kManifests, index_key, EncodeManifestEntry(entry));
    if (replaced.contains(index_key)) continue;
    AddDigest(partition, commit.bucket, chunk->key, kManifestKind, chunk->value_crc, false);
  }
  if (commit.seal) {
    Bytes seal_key = SealMetaKey(commit.bucket, commit.dc, commit.seal->writer);
    const auto changed = seals_.find(seal_key);
    std::uint64_t before = changed == seals_.end() ? 0 : changed->second;
    if (changed == seals_.end()) {
      ASSIGN_OR_RETURN(before, index_->SealOf(seal_key));
    }
    if (commit.seal->epoch.value() > before) {
      ++news;
      seals_[seal_key] = commit.seal->epoch.value();
      batch_.Put(Family::kMeta, std::move(seal_key), EncodeSealValue(commit.seal->epoch, heard_at));
    }
  }
  return news;
}

Status IndexUpdate::FetchClaims(std::string_view bucket, const std::vector<PlacedClaim>& claims,
                                std::uint32_t partition_bits) {
  std::vector<Bytes> keys;
  keys.reserve(claims.size());
  for (const PlacedClaim& claim : claims) {
    Bytes key = ClaimIdKey(PartitionAt(claim.ring_position, partition_bits), bucket, claim.id);
    if (!claims_.contains(key)) keys.push_back(std::move(key));
  }
  ASSIGN_OR_RETURN(const auto found, index_->FindClaims(keys));
  for (std::size_t i = 0; i < keys.size(); ++i) claims_.try_emplace(std::move(keys[i]), found[i]);
  return OkStatus();
}

StatusOr<std::optional<ClaimEntry>> IndexUpdate::FindClaim(PartitionId partition,
                                                           std::string_view bucket,
                                                           const ClaimId& id) const {
  const Bytes key = ClaimIdKey(partition, bucket, id);
  const auto known = claims_.find(key);
  if (known != claims_.end()) return known->second;
  return index_->FindClaim(key);
}

void IndexUpdate::AddClaimDigest(PartitionId partition, std::string_view bucket, const ClaimId& id,
                                 const ClaimEntry& entry, bool negative) {
  digests_[DigestKey(partition, bucket, ClaimSlotOf(entry.claimed_at))].Add(
      ClaimDigestOf(bucket, id, entry.owner, negative));
}

void IndexUpdate::PutClaim(PartitionId partition, std::string_view bucket, const ClaimId& id,
                           const std::optional<ClaimEntry>& before, const ClaimEntry& entry) {
  Bytes key = ClaimIdKey(partition, bucket, id);
  claims_[key] = entry;
  if (purpose_ == Purpose::kLookAhead) return;
  batch_.Put(Family::kClaims, std::move(key), EncodeClaimEntry(entry));
  if (before) {
    AddClaimDigest(partition, bucket, id, *before, true);
    if (before->claimed_at != entry.claimed_at) {
      batch_.Delete(Family::kClaims, ClaimTimeKey(partition, bucket, before->claimed_at, id));
    }
  }
  batch_.Put(Family::kClaims, ClaimTimeKey(partition, bucket, entry.claimed_at, id), {});
  AddClaimDigest(partition, bucket, id, entry, false);
}

Status IndexUpdate::RemoveClaim(PartitionId partition, std::string_view bucket, const ClaimId& id,
                                SegmentId segment) {
  ASSIGN_OR_RETURN(const auto entry, FindClaim(partition, bucket, id));
  if (!entry || entry->segment != segment) return OkStatus();
  Bytes key = ClaimIdKey(partition, bucket, id);
  claims_[key] = std::nullopt;
  batch_.Delete(Family::kClaims, std::move(key));
  batch_.Delete(Family::kClaims, ClaimTimeKey(partition, bucket, entry->claimed_at, id));
  AddClaimDigest(partition, bucket, id, *entry, true);
  return OkStatus();
}

void IndexUpdate::PutSegment(const SegmentEntry& segment) {
  batch_.Put(Family::kMeta, SegmentMetaKey(segment.id), EncodeSegmentEntry(segment));
}

void IndexUpdate::DeleteSegment(SegmentId id) {
  batch_.Delete(Family::kMeta, SegmentMetaKey(id));
}

void IndexUpdate::PutNumbering(const IndexNumbering& numbering) {
  batch_.Put(Family::kMeta, Bytes(1, kNumberingKind), EncodeNumbering(numbering));
}

void IndexUpdate::PutPosition(std::uint32_t ttl_class, const CoveredPosition& position) {
  batch_.Put(Family::kMeta, PositionMetaKey(ttl_class), EncodePosition(position));
}

void IndexUpdate::PutQuarantine(const QuarantineEntry& entry) {
  batch_.Put(Family::kMeta, QuarantineMetaKey(entry.segment, entry.offset),
             EncodeQuarantine(entry));
}

void IndexUpdate::DeleteQuarantine(SegmentId segment, std::uint64_t offset) {
  batch_.Delete(Family::kMeta, QuarantineMetaKey(segment, offset));
}

Status IndexUpdate::RemoveChunk(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                                SegmentId segment) {
  ASSIGN_OR_RETURN(const auto entry, FindChunk(partition, bucket, key));
  if (!entry || entry->location.segment != segment) return OkStatus();
  Bytes index_key = ChunkIndexKey(partition, bucket, key);
  chunks_[index_key] = std::nullopt;
  batch_.Delete(Family::kChunks, std::move(index_key));
  AddDigest(partition, bucket, key, kChunkKind, entry->value_crc, true);
  return OkStatus();
}

Status IndexUpdate::RemoveManifestEntry(PartitionId partition, std::string_view bucket,
                                        const ChunkKey& key, SegmentId segment) {
  Bytes index_key = ChunkIndexKey(partition, bucket, key);
  ASSIGN_OR_RETURN(const auto entry, FindManifestEntry(index_key, key));
  if (!entry || entry->segment != segment) return OkStatus();
  manifests_[index_key] = std::nullopt;
  batch_.Delete(Family::kManifests, std::move(index_key));
  AddDigest(partition, bucket, key, kManifestKind, entry->info.value_crc, true);
  return OkStatus();
}

}  // namespace carillon
