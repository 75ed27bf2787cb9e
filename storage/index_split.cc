// More partitions in an index that is full: every key begins with its partition, and gets another.
#include "base/check.h"
#include "base/hash.h"
#include "storage/index.h"
#include "storage/index_codec.h"

namespace carillon {
namespace {

// Renumbers partition by partition, the highest first. The new numbers of p begin at p << shift,
// which is above every partition that has still its old number: old and new keys never meet.
//
// Partition 0 alone is among those it becomes: what stays there is not touched, and its digests
// lose what goes. Of any other partition all entries go, and its digests with them.
class PartitionSplit {
 public:
  PartitionSplit(KeyValueStore* entries, std::uint32_t bits, const IndexNumbering::Split& split,
                 std::size_t batch_entries)
      : entries_(entries),
        batch_entries_(batch_entries),
        bits_(bits),
        split_(split),
        shift_(split.bits - bits) {}

  Status Run() {
    while (split_.limit > 0) {
      RETURN_IF_ERROR(Move(split_.limit - 1));
      --split_.limit;
    }
    return OkStatus();
  }

 private:
  // Its last batch says that it is done. Done in part, it is done from where it stopped.
  Status Move(std::uint32_t partition) {
    const PartitionId from(static_cast<std::uint16_t>(partition));
    for (const Family family : {Family::kChunks, Family::kManifests, Family::kClaims}) {
      RETURN_IF_ERROR(MoveFamily(family, from));
    }
    AddDigests(from);
    if (partition != 0) {
      const Bytes prefix = PartitionPrefix(from);
      batch_.DeleteRange(Family::kDigests, prefix, PrefixLimit(prefix));
    }
    PutNumbering({.bits = bits_, .split = IndexNumbering::Split{split_.bits, partition}});
    return WriteBatch();
  }

  Status MoveFamily(Family family, PartitionId from) {
    const Bytes prefix = PartitionPrefix(from);
    const auto cursor = entries_->NewCursor(family);
    Bytes first;  // moved in this batch, to be deleted in one go
    Bytes last;
    for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix);
         cursor->Next()) {
      if (first.empty()) first = cursor->key();
      last = cursor->key();
      RETURN_IF_ERROR(MoveEntry(family, from, cursor->key(), cursor->value()));
      if (batch_.changes.size() < batch_entries_) continue;
      DeleteMoved(family, from, first, last);
      first.clear();
      AddDigests(from);
      PutNumbering({.bits = bits_, .split = split_});
      RETURN_IF_ERROR(WriteBatch());
    }
    if (!first.empty()) DeleteMoved(family, from, first, last);
    return cursor->status();
  }

  void DeleteMoved(Family family, PartitionId from, const Bytes& first, const Bytes& last) {
    if (from.value() != 0) batch_.DeleteRange(family, first, last + '\0');
  }

  // Where an entry lies on the ring, and what it is worth in which digest.
  struct Entry {
    std::uint16_t position = 0;
    std::string bucket;
    std::uint64_t hour = 0;
    Digest digest;    // empty: it counts in none
    Digest negative;  // likewise
  };

  static StatusOr<Entry> ReadClaim(std::string_view key, std::string_view value) {
    ASSIGN_OR_RETURN(ParsedClaimKey parsed, ParseClaimKey(key));
    Entry entry{.position = ClaimPosition(parsed.bucket, parsed.id), .bucket = {}};
    if (!parsed.claimed_at) {
      ASSIGN_OR_RETURN(const ClaimEntry claim, DecodeClaimEntry(value));
      entry.hour = ClaimSlotOf(claim.claimed_at);
      entry.digest = ClaimDigestOf(parsed.bucket, parsed.id, claim.owner, false);
      entry.negative = ClaimDigestOf(parsed.bucket, parsed.id, claim.owner, true);
    }
    entry.bucket = std::move(parsed.bucket);
    return entry;
  }

  static StatusOr<Entry> ReadEntry(Family family, std::string_view key, std::string_view value) {
    if (family == Family::kClaims) return ReadClaim(key, value);
    ASSIGN_OR_RETURN(ParsedIndexKey parsed, ParseChunkIndexKey(key));
    const bool is_chunk = family == Family::kChunks;
    std::uint32_t crc = 0;
    if (is_chunk) {
      ASSIGN_OR_RETURN(const ChunkEntry entry, DecodeChunkEntry(value));
      crc = entry.value_crc;
    } else {
      ASSIGN_OR_RETURN(const ManifestEntry entry, DecodeManifestEntry(parsed.key, value));
      crc = entry.info.value_crc;
    }
    const Bytes counted =
        DigestEntryKey(is_chunk ? kChunkKind : kManifestKind, parsed.bucket, parsed.key);
    return Entry{.position = is_chunk
                                 ? ChunkPosition(parsed.bucket, parsed.key)
                                 : ManifestPosition(parsed.bucket, parsed.key.epoch, parsed.key.dc),
                 .bucket = std::move(parsed.bucket),
                 .hour = parsed.key.epoch.value() / 3600,
                 .digest = DigestOf(counted, crc),
                 .negative = NegativeDigestOf(counted, crc)};
  }

  Status MoveEntry(Family family, PartitionId from, std::string_view key, std::string_view value) {
    ASSIGN_OR_RETURN(const Entry entry, ReadEntry(family, key, value));
    const std::uint32_t part =
        PartitionAt(entry.position, split_.bits).value() & ((1u << shift_) - 1);
    const PartitionId to(static_cast<std::uint16_t>((from.value() << shift_) | part));
    if (to == from) return OkStatus();
    if (entry.digest.count > 0) {
      Moved& moved = digests_[{to, entry.bucket, entry.hour}];
      moved.added.Add(entry.digest);
      if (from.value() == 0) moved.removed.Add(entry.negative);
    }
    if (from.value() == 0) batch_.Delete(family, Bytes(key));
    Bytes moved_key = PartitionPrefix(to);
    moved_key.append(key.substr(moved_key.size()));
    batch_.Put(family, std::move(moved_key), Bytes(value));
    return OkStatus();
  }

  // What the entries of this batch are worth, in the same batch.
  void AddDigests(PartitionId from) {
    for (const auto& [place, moved] : digests_) {
      const auto& [to, bucket, hour] = place;
      batch_.MergeDigest(DigestKey(to, bucket, hour), EncodeDigest(moved.added));
      if (from.value() != 0) continue;
      batch_.MergeDigest(DigestKey(from, bucket, hour), EncodeDigest(moved.removed));
    }
    digests_.clear();
  }

  void PutNumbering(const IndexNumbering& numbering) {
    batch_.Put(Family::kMeta, Bytes(1, kNumberingKind), EncodeNumbering(numbering));
  }

  Status WriteBatch() {
    RETURN_IF_ERROR(entries_->Write(batch_));
    batch_.changes.clear();
    return OkStatus();
  }

  struct Moved {
    Digest added;
    Digest removed;  // from partition 0
  };

  KeyValueStore* entries_;
  const std::size_t batch_entries_;
  const std::uint32_t bits_;
  IndexNumbering::Split split_;
  const std::uint32_t shift_;
  KeyValueBatch batch_;
  std::map<std::tuple<PartitionId, std::string, std::uint64_t>, Moved> digests_;
};

}  // namespace

Status Index::SplitPartitions(std::uint32_t bits, std::size_t batch_entries) {
  while (true) {
    ASSIGN_OR_RETURN(const auto numbering, Numbering());
    CHECK(numbering.has_value());
    if (numbering->bits > bits) {
      return DataLoss("made for 2^{} partitions, there are 2^{}", numbering->bits, bits);
    }
    if (numbering->bits == bits && !numbering->split) return OkStatus();
    // One that was interrupted is finished first, whatever is wanted now.
    const IndexNumbering::Split split = numbering->split.value_or(
        IndexNumbering::Split{.bits = bits, .limit = 1u << numbering->bits});
    RETURN_IF_ERROR(PartitionSplit(entries_.get(), numbering->bits, split, batch_entries).Run());
    RETURN_IF_ERROR(RemoveEmptyDigests(PartitionPrefix(PartitionId(0))));
    IndexUpdate done(this);
    done.PutNumbering({.bits = split.bits, .split = {}});
    RETURN_IF_ERROR(Apply(&done));
    RETURN_IF_ERROR(Flush());
  }
}

}  // namespace carillon
