#include "server/node/ordered_reads.h"

#include <algorithm>

#include "server/node/candidates.h"
#include "server/node/request_checks.h"

namespace carillon {

void OrderedReads::AddRead(StreamItem item, const std::string& bucket, const ChunkPlace& place,
                           std::size_t expected_bytes, Kind kind, Outbox* out) {
  bytes_ += expected_bytes;
  Slot slot{.item = std::move(item), .expected_bytes = expected_bytes};
  slot.kind = kind;
  slot.bucket = bucket;
  slot.place = place;
  slot.candidates = CandidatesOf(out->scene(), place.partition, bucket);
  slots_.push_back(std::move(slot));
  AskNext(&slots_.back(), out);
}

void OrderedReads::AddReady(StreamItem item) {
  Slot slot{.item = std::move(item), .ready = true};
  slots_.push_back(std::move(slot));
}

// False: there is nobody left.
bool OrderedReads::AskNext(Slot* slot, Outbox* out) {
  if (slot->next >= slot->candidates.size()) return false;
  const MemberIndex member = slot->candidates[slot->next++];
  slot->asked.push_back(
      {.operation = out->Read(member, slot->bucket, slot->place), .member = member});
  const bool has_more = slot->next < slot->candidates.size();
  slot->hedge_at = out->scene().time.now + kHedgeAfter;
  if (has_more && !wake_set_ && member != out->scene().self) {
    out->WakeAt(slot->hedge_at);
    wake_set_ = true;
  }
  return true;
}

void OrderedReads::Handle(ReadDone done, Outbox* out) {
  for (Slot& slot : slots_) {
    if (slot.ready) continue;
    const auto asked = std::find_if(slot.asked.begin(), slot.asked.end(), [&](const Asked& one) {
      return one.operation == done.operation;
    });
    if (asked == slot.asked.end()) continue;
    const MemberIndex from = asked->member;
    slot.asked.erase(asked);
    return Fill(&slot, std::move(done), from, out);
  }
}

void OrderedReads::Fill(Slot* slot, ReadDone done, MemberIndex from, Outbox* out) {
  if (done.status.ok()) {
    slot->ready = true;
    slot->item.status = OkStatus();
    slot->item.value = std::move(done.value);
    slot->item.value_crc = done.value_crc;
    return Repair(*slot, out);
  }
  if (done.status.code() == StatusCode::kNotFound) {
    slot->lacks.push_back(from);
    if (out->scene().mutations.not_found_believed) return GiveUp(slot);
  } else if (done.status.code() == StatusCode::kDataLoss) {
    slot->lacks.push_back(from);
    slot->damage = std::move(done.status);
  } else {
    slot->doubt = std::move(done.status);
  }
  if (!AskNext(slot, out) && slot->asked.empty()) GiveUp(slot);
}

void OrderedReads::GiveUp(Slot* slot) {
  slot->ready = true;
  if (!slot->damage.ok()) {
    slot->item.status = slot->damage;
  } else if (!slot->doubt.ok()) {
    slot->item.status =
        Unavailable("not all that may have it could be asked: {}", Message(slot->doubt));
  } else if (slot->kind == Kind::kListed) {
    slot->item.status = DataLoss("chunk {} is listed in its manifest, and nobody stores it",
                                 ToString(slot->place.key));
  } else {
    slot->item.status =
        NotFound("no chunk {} in bucket {}", ToString(slot->place.key), slot->bucket);
  }
}

void OrderedReads::Repair(const Slot& slot, Outbox* out) const {
  const ClusterState& state = *out->scene().state;
  const BucketProperties* bucket = state.FindBucket(slot.bucket);
  if (bucket == nullptr || slot.lacks.empty()) return;
  const std::string key = ToString(slot.place.key);
  const StorePlace place = PlaceOf(state, slot.bucket, key);
  const WriteSets sets = WriteSetsOf(state.placement[place.partition.value()],
                                     out->scene().RulesOf(slot.bucket).MostHomes());
  for (const MemberIndex home : slot.lacks) {
    if (std::find(sets.members.begin(), sets.members.end(), home) == sets.members.end()) continue;
    out->Write(home, ReplicaPut{.place = place,
                                .bucket = slot.bucket,
                                .key = slot.place.key,
                                .value = Rope(slot.item.value),
                                .value_crc = slot.item.value_crc,
                                .ttl_seconds = bucket->ttl_seconds,
                                .sync = bucket->sync});
  }
}

void OrderedReads::HandleNewState(Outbox* out) {
  const ClusterState& state = *out->scene().state;
  for (Slot& slot : slots_) {
    const BucketProperties* bucket = slot.ready ? nullptr : state.FindBucket(slot.bucket);
    if (bucket == nullptr) continue;
    slot.place.partition = PlaceOf(state, slot.bucket, ToString(slot.place.key)).partition;
    slot.candidates = CandidatesOf(out->scene(), slot.place.partition, slot.bucket);
    slot.next = 0;
    slot.lacks.clear();
    slot.asked.clear();
    slot.doubt = OkStatus();
    AskNext(&slot, out);
  }
}

void OrderedReads::HandleTime(Outbox* out) {
  wake_set_ = false;
  const Instant now = out->scene().time.now;
  std::optional<Instant> next;
  for (Slot& slot : slots_) {
    if (slot.ready) continue;
    if (slot.hedge_at <= now) AskNext(&slot, out);
    if (slot.next >= slot.candidates.size()) continue;
    if (!next || slot.hedge_at < *next) next = slot.hedge_at;
  }
  if (next && !wake_set_) {
    out->WakeAt(*next);
    wake_set_ = true;
  }
}

void OrderedReads::EmitReady(Outbox* out) {
  while (credit_ > 0 && !slots_.empty() && slots_.front().ready) {
    bytes_ -= slots_.front().expected_bytes;
    out->Emit(std::move(slots_.front().item));
    slots_.pop_front();
    --credit_;
  }
}

}  // namespace carillon
