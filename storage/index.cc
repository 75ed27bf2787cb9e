#include "storage/index.h"

#include <array>
#include <set>

#include "base/coding.h"
#include "storage/index_codec.h"

namespace carillon {
namespace {

// Calls `visit(key, value)` for every entry of `family` that begins with `prefix`.
template <typename Visit>
Status ForEachWithPrefix(const KeyValueStore& entries, Family family, std::string_view prefix,
                         Visit visit) {
  const auto cursor = entries.NewCursor(family);
  for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    RETURN_IF_ERROR(visit(cursor->key(), cursor->value()));
  }
  return cursor->status();
}

constexpr std::array kPartitionedFamilies = {Family::kChunks, Family::kManifests, Family::kClaims};

}  // namespace

StatusOr<std::optional<ChunkEntry>> Index::FindChunk(std::string_view index_key) const {
  ASSIGN_OR_RETURN(const std::optional<Bytes> value, entries_->Get(Family::kChunks, index_key));
  if (!value) return std::optional<ChunkEntry>();
  ASSIGN_OR_RETURN(const ChunkEntry entry, DecodeChunkEntry(*value));
  return std::optional(entry);
}

std::optional<ChunkEntry> Index::FindChunkAtOnce(std::string_view index_key) const {
  const std::optional<Bytes> value = entries_->GetAtOnce(Family::kChunks, index_key);
  if (!value) return std::nullopt;
  const auto entry = DecodeChunkEntry(*value);
  return entry.ok() ? std::optional(*entry) : std::nullopt;
}

StatusOr<std::vector<std::optional<ChunkEntry>>> Index::FindChunks(
    const std::vector<Bytes>& index_keys) const {
  ASSIGN_OR_RETURN(const auto values, entries_->MultiGet(Family::kChunks, index_keys));
  std::vector<std::optional<ChunkEntry>> found(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    ASSIGN_OR_RETURN(found[i], DecodeChunkEntry(*values[i]));
  }
  return found;
}

StatusOr<Digest> Index::ReadDigest(PartitionId partition, std::string_view bucket,
                                   std::uint64_t hour) const {
  ASSIGN_OR_RETURN(const std::optional<Bytes> value,
                   entries_->Get(Family::kDigests, DigestKey(partition, bucket, hour)));
  if (!value) return Digest{};
  return DecodeDigest(*value);
}

Status Index::ForEachChunk(
    PartitionId partition,
    const std::function<void(const ParsedIndexKey&, const ChunkEntry&)>& visit) const {
  return ForEachWithPrefix(*entries_, Family::kChunks, PartitionPrefix(partition),
                           [&](std::string_view key, std::string_view value) -> Status {
                             ASSIGN_OR_RETURN(const ParsedIndexKey parsed, ParseChunkIndexKey(key));
                             ASSIGN_OR_RETURN(const ChunkEntry entry, DecodeChunkEntry(value));
                             visit(parsed, entry);
                             return OkStatus();
                           });
}

Status Index::ForEachManifestEntry(
    PartitionId partition,
    const std::function<void(const ParsedIndexKey&, const ManifestEntry&)>& visit) const {
  return ForEachWithPrefix(*entries_, Family::kManifests, PartitionPrefix(partition),
                           [&](std::string_view key, std::string_view value) -> Status {
                             ASSIGN_OR_RETURN(const ParsedIndexKey parsed, ParseChunkIndexKey(key));
                             ASSIGN_OR_RETURN(const ManifestEntry entry,
                                              DecodeManifestEntry(parsed.key, value));
                             visit(parsed, entry);
                             return OkStatus();
                           });
}

Status Index::ForEachClaim(PartitionId partition,
                           const std::function<void(std::string_view bucket, const ClaimId& id,
                                                    const ClaimEntry&)>& visit) const {
  return ForEachWithPrefix(*entries_, Family::kClaims, PartitionPrefix(partition),
                           [&](std::string_view key, std::string_view value) -> Status {
                             ASSIGN_OR_RETURN(const ParsedClaimKey parsed, ParseClaimKey(key));
                             if (parsed.claimed_at) return OkStatus();
                             ASSIGN_OR_RETURN(const ClaimEntry entry, DecodeClaimEntry(value));
                             visit(parsed.bucket, parsed.id, entry);
                             return OkStatus();
                           });
}

StatusOr<std::optional<ClaimEntry>> Index::FindClaim(std::string_view id_key) const {
  ASSIGN_OR_RETURN(const std::optional<Bytes> value, entries_->Get(Family::kClaims, id_key));
  if (!value) return std::optional<ClaimEntry>();
  ASSIGN_OR_RETURN(const ClaimEntry entry, DecodeClaimEntry(*value));
  return std::optional(entry);
}

StatusOr<std::vector<std::optional<ClaimEntry>>> Index::FindClaims(
    const std::vector<Bytes>& id_keys) const {
  ASSIGN_OR_RETURN(const auto values, entries_->MultiGet(Family::kClaims, id_keys));
  std::vector<std::optional<ClaimEntry>> found(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    ASSIGN_OR_RETURN(found[i], DecodeClaimEntry(*values[i]));
  }
  return found;
}

StatusOr<bool> Index::HasPartition(PartitionId partition) const {
  const Bytes prefix = PartitionPrefix(partition);
  for (const Family family : kPartitionedFamilies) {
    const auto cursor = entries_->NewCursor(family);
    cursor->Seek(prefix);
    if (cursor->Valid() && cursor->key().starts_with(prefix)) return true;
    RETURN_IF_ERROR(cursor->status());
  }
  return false;
}

StatusOr<std::vector<PartitionId>> Index::HeldPartitions() const {
  std::set<PartitionId> held;
  for (const Family family : kPartitionedFamilies) {
    const auto cursor = entries_->NewCursor(family);
    cursor->Seek({});
    while (cursor->Valid()) {
      ASSIGN_OR_RETURN(const PartitionId partition, ParsePartition(cursor->key()));
      held.insert(partition);
      const Bytes limit = PrefixLimit(PartitionPrefix(partition));
      if (limit.empty()) break;
      cursor->Seek(limit);
    }
    RETURN_IF_ERROR(cursor->status());
  }
  return std::vector(held.begin(), held.end());
}

StatusOr<std::vector<HourDigest>> Index::ListDigests(PartitionId partition) const {
  std::vector<HourDigest> digests;
  RETURN_IF_ERROR(ForEachWithPrefix(*entries_, Family::kDigests, PartitionPrefix(partition),
                                    [&](std::string_view key, std::string_view value) -> Status {
                                      ASSIGN_OR_RETURN(const Digest digest, DecodeDigest(value));
                                      if (digest.count == 0) return OkStatus();
                                      ASSIGN_OR_RETURN(ParsedDigestKey parsed, ParseDigestKey(key));
                                      digests.push_back({.bucket = std::move(parsed.bucket),
                                                         .hour = parsed.hour,
                                                         .digest = digest});
                                      return OkStatus();
                                    }));
  return digests;
}

Status Index::RemoveEmptyDigests(std::string_view prefix) {
  KeyValueBatch batch;
  RETURN_IF_ERROR(ForEachWithPrefix(*entries_, Family::kDigests, prefix,
                                    [&](std::string_view key, std::string_view value) -> Status {
                                      ASSIGN_OR_RETURN(const Digest digest, DecodeDigest(value));
                                      if (digest == Digest())
                                        batch.Delete(Family::kDigests, Bytes(key));
                                      return OkStatus();
                                    }));
  return batch.changes.empty() ? OkStatus() : entries_->Write(batch);
}

StatusOr<std::optional<IndexNumbering>> Index::Numbering() const {
  ASSIGN_OR_RETURN(const std::optional<Bytes> value,
                   entries_->Get(Family::kMeta, Bytes(1, kNumberingKind)));
  if (!value) return std::optional<IndexNumbering>();
  ASSIGN_OR_RETURN(const IndexNumbering numbering, DecodeNumbering(*value));
  return std::optional(numbering);
}

StatusOr<std::vector<SegmentEntry>> Index::Segments() const {
  std::vector<SegmentEntry> segments;
  RETURN_IF_ERROR(ForEachWithPrefix(*entries_, Family::kMeta, Bytes(1, kSegmentKind),
                                    [&](std::string_view key, std::string_view value) -> Status {
                                      ASSIGN_OR_RETURN(const SegmentEntry entry,
                                                       DecodeSegmentEntry(key, value));
                                      segments.push_back(entry);
                                      return OkStatus();
                                    }));
  return segments;
}

StatusOr<std::vector<QuarantineEntry>> Index::Quarantine() const {
  std::vector<QuarantineEntry> found;
  RETURN_IF_ERROR(ForEachWithPrefix(*entries_, Family::kMeta, Bytes(1, kQuarantineKind),
                                    [&](std::string_view key, std::string_view value) -> Status {
                                      ASSIGN_OR_RETURN(QuarantineEntry entry,
                                                       DecodeQuarantine(key, value));
                                      found.push_back(std::move(entry));
                                      return OkStatus();
                                    }));
  return found;
}

StatusOr<std::map<std::uint32_t, CoveredPosition>> Index::Positions() const {
  std::map<std::uint32_t, CoveredPosition> positions;
  RETURN_IF_ERROR(
      ForEachWithPrefix(*entries_, Family::kMeta, Bytes(1, kPositionKind),
                        [&](std::string_view key, std::string_view value) -> Status {
                          ASSIGN_OR_RETURN(const CoveredPosition position, DecodePosition(value));
                          positions[Decoder(key.substr(1)).Ordered<std::uint32_t>()] = position;
                          return OkStatus();
                        }));
  return positions;
}

StatusOr<std::vector<WriterSeal>> Index::Seals() const {
  std::vector<WriterSeal> seals;
  RETURN_IF_ERROR(ForEachWithPrefix(*entries_, Family::kMeta, Bytes(1, kSealKind),
                                    [&](std::string_view key, std::string_view value) -> Status {
                                      ASSIGN_OR_RETURN(WriterSeal seal, DecodeSeal(key, value));
                                      seals.push_back(std::move(seal));
                                      return OkStatus();
                                    }));
  return seals;
}

StatusOr<std::uint64_t> Index::SealOf(const Bytes& seal_key) const {
  ASSIGN_OR_RETURN(const std::optional<Bytes> value, entries_->Get(Family::kMeta, seal_key));
  if (!value) return std::uint64_t{0};
  ASSIGN_OR_RETURN(const WriterSeal seal, DecodeSeal(seal_key, *value));
  return seal.sealed.value();
}

}  // namespace carillon
