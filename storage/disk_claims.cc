// A disk's share of claims: what becomes of those that come, and those of a time in order.
#include <map>

#include "base/checksum.h"
#include "storage/claim_rules.h"
#include "storage/index_codec.h"
#include "storage/planned_write.h"

namespace carillon {

// One record for all that end up alike: as a rule, one.
void Disk::PlanClaims(const ClaimsWrite& write, IndexUpdate* overlay, WriteOutcome* outcome,
                      std::vector<PlannedItem>* items) const {
  using Alike = std::tuple<ClaimOwner, std::uint64_t, std::uint64_t, bool>;
  items->clear();
  const ClaimSet& set = write.set;
  const ClaimRules rules{.mode = write.mode, .now_seconds = NowSeconds()};
  if (write.mode == ClaimMode::kVote && IsExpired(set.expire_at, rules.now_seconds)) {
    outcome->status = OutOfRange("claimed at {} until {}, and it is {} here", set.claimed_at,
                                 set.expire_at, rules.now_seconds);
    return;
  }
  std::map<Alike, PlannedItem> alike;
  for (std::size_t i = 0; i < set.claims.size(); ++i) {
    const auto& [id, position] = set.claims[i];
    const PartitionId partition = PartitionAt(position, partition_bits_);
    const auto before = overlay->FindClaim(partition, write.bucket, id);
    if (!before.ok()) {
      outcome->status = before.status();
      return;
    }
    const bool lost = *before && (*before)->segment != SegmentId(0) &&
                      segments_.Reader((*before)->segment) == nullptr;
    const std::optional<ClaimEntry> next = NextClaim(*before, lost, set, rules);
    const std::optional<ClaimEntry>& now = next ? next : *before;
    outcome->already_stored = outcome->already_stored || before->has_value();
    if (!now || now->owner != set.owner) {
      const ClaimEntry other = now.value_or(ClaimEntry());
      outcome->others.push_back({.place = static_cast<std::uint32_t>(i),
                                 .owner = other.owner,
                                 .claimed_at = other.claimed_at,
                                 .expire_at = other.expire_at});
    }
    if (!next) continue;
    overlay->PutClaim(partition, write.bucket, id, *before, *next);
    PlannedItem& item = alike[Alike(next->owner, next->claimed_at, next->expire_at, next->decided)];
    item.entry = *next;
    item.claims.push_back({.place = i, .before = *before});
  }
  for (auto& [key, item] : alike) items->push_back(std::move(item));
}

Bytes Disk::ClaimsValueOf(const ClaimsWrite& write, const PlannedItem& item) {
  ClaimsValue value{.owner = item.entry.owner, .decided = item.entry.decided, .ids = {}};
  value.ids.reserve(item.claims.size());
  for (const PlannedItem::Claim& claim : item.claims) {
    value.ids.push_back(write.set.claims[claim.place].id);
  }
  return EncodeClaimsValue(value);
}

RecordToAppend Disk::ClaimsRecord(const ClaimsWrite& write, const PlannedItem& item,
                                  const Rope* value) {
  RecordToAppend record;
  record.key = write.bucket + '\0';
  record.value = value;
  record.header = {.type = RecordType::kClaims,
                   .key_bytes = static_cast<std::uint16_t>(record.key.size()),
                   .value_bytes = static_cast<std::uint32_t>(value->size()),
                   .epoch = item.entry.claimed_at,
                   .expire_at = item.entry.expire_at,
                   .value_crc = Crc32c(*value),
                   .ring_position = write.set.claims[item.claims.front().place].ring_position};
  return record;
}

// `look_up`: what was there may not be what was planned, since a part of the batch has failed.
Status Disk::IndexClaims(const ClaimsWrite& write, const PlannedItem& item, bool look_up,
                         IndexUpdate* update) const {
  ClaimEntry entry = item.entry;
  entry.segment = item.location.segment;
  entry.sequence = item.sequence;
  for (const PlannedItem::Claim& claim : item.claims) {
    const auto& [id, position] = write.set.claims[claim.place];
    const PartitionId partition = PartitionAt(position, partition_bits_);
    std::optional<ClaimEntry> before = claim.before;
    if (look_up) {
      ASSIGN_OR_RETURN(before, update->FindClaim(partition, write.bucket, id));
    }
    update->PutClaim(partition, write.bucket, id, before, entry);
  }
  return OkStatus();
}

Status Disk::RemoveClaimsOf(std::string_view bucket, const Bytes& value, SegmentId segment,
                            IndexUpdate* update) const {
  const auto decoded = DecodeClaimsValue(value);
  if (!decoded.ok()) return OkStatus();  // it was never indexed
  std::vector<PlacedClaim> claims;
  for (const ClaimId& id : decoded->ids) {
    claims.push_back({.id = id, .ring_position = ClaimPosition(bucket, id)});
  }
  RETURN_IF_ERROR(update->FetchClaims(bucket, claims, partition_bits_));
  for (const auto& [id, position] : claims) {
    RETURN_IF_ERROR(
        update->RemoveClaim(PartitionAt(position, partition_bits_), bucket, id, segment));
  }
  return OkStatus();
}

StatusOr<ClaimPage> Disk::ListTimes(const Index& index, const Bytes& from, const Bytes& limit,
                                    std::size_t max_claims) const {
  ClaimPage page;
  std::vector<Bytes> keys;  // by id
  std::vector<ParsedClaimKey> times;
  const auto cursor = index.entries().NewCursor(Family::kClaims);
  for (cursor->Seek(from); cursor->Valid() && cursor->key() < limit; cursor->Next()) {
    if (times.size() == max_claims) {
      page.next = cursor->key();
      break;
    }
    ASSIGN_OR_RETURN(ParsedClaimKey time, ParseClaimKey(cursor->key()));
    keys.push_back(ClaimIdKey(time.partition, time.bucket, time.id));
    times.push_back(std::move(time));
  }
  RETURN_IF_ERROR(cursor->status());
  ASSIGN_OR_RETURN(const auto entries, index.FindClaims(keys));
  const std::uint64_t now = NowSeconds();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::optional<ClaimEntry>& entry = entries[i];
    if (!entry || entry->claimed_at != times[i].claimed_at || IsExpired(entry->expire_at, now)) {
      continue;
    }
    page.claims.push_back({.id = times[i].id,
                           .owner = entry->owner,
                           .claimed_at = entry->claimed_at,
                           .expire_at = entry->expire_at,
                           .decided = entry->decided});
  }
  return page;
}

// Whatever cursor a peer sends, it is only compared with keys.
StatusOr<ClaimPage> Disk::ListClaims(PartitionId partition, const std::string& bucket,
                                     std::uint64_t slot, const Bytes& after,
                                     std::size_t max_claims) const {
  const std::uint64_t begin = BeginOfClaimSlot(slot);
  const Bytes first = ClaimTimePrefix(partition, bucket, begin);
  const Bytes limit = ClaimTimePrefix(partition, bucket, begin + kClaimSlotSeconds);
  return WithIndex([&](const Index& index) {
    return ListTimes(index, std::max(first, after), limit, max_claims);
  });
}

}  // namespace carillon
