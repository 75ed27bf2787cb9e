#include "server/node/stat_rounds.h"

#include "server/node/candidates.h"
#include "server/node/request_checks.h"

namespace carillon {

void StatRounds::Start(const std::string& bucket, const std::vector<ChunkInfo>& chunks,
                       Outbox* out) {
  *this = StatRounds();
  bucket_ = bucket;
  std::map<PartitionId, std::vector<MemberIndex>> of_partition;
  for (const ChunkInfo& chunk : chunks) {
    const StorePlace place = PlaceOf(*out->scene().state, bucket, ToString(chunk.key));
    places_.push_back({.partition = place.partition, .key = chunk.key});
    auto [it, fresh] = of_partition.try_emplace(place.partition);
    if (fresh) it->second = CandidatesOf(out->scene(), place.partition, bucket);
    candidates_.push_back(it->second);
  }
  next_.resize(chunks.size());
  found_.resize(chunks.size());
  missing_ = chunks.size();
  Ask(out);
}

void StatRounds::Ask(Outbox* out) {
  std::map<MemberIndex, std::vector<std::size_t>> of_member;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!found_[i] && next_[i] < candidates_[i].size()) {
      of_member[candidates_[i][next_[i]++]].push_back(i);
    }
  }
  for (auto& [member, chunks] : of_member) {
    std::vector<ChunkPlace> places;
    places.reserve(chunks.size());
    for (const std::size_t i : chunks) places.push_back(places_[i]);
    asked_.emplace(out->Stat(member, bucket_, std::move(places)), std::move(chunks));
  }
  hedge_at_.reset();
  for (std::size_t i = 0; i < places_.size() && !hedge_at_; ++i) {
    if (found_[i] || next_[i] >= candidates_[i].size()) continue;
    hedge_at_ = out->scene().time.now + kHedgeAfter;
    out->WakeAt(*hedge_at_);
  }
}

void StatRounds::HandleTime(Outbox* out) {
  if (done() || !hedge_at_ || out->scene().time.now < *hedge_at_) return;
  Ask(out);
}

void StatRounds::Handle(StatDone done, Outbox* out) {
  const auto asked = asked_.find(done.operation);
  if (asked == asked_.end()) return;
  const std::vector<std::size_t> chunks = std::move(asked->second);
  asked_.erase(asked);
  stale_ring_ = stale_ring_ || done.stale_ring;
  if (done.status.ok() && done.found.size() == chunks.size()) {
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (!done.found[i]) continue;
      if (!found_[chunks[i]]) --missing_;
      found_[chunks[i]] = done.found[i];
    }
  } else if (!done.status.ok()) {
    doubt_ = done.status;
  }
  if (asked_.empty() && missing_ > 0 && !stale_ring_) Ask(out);
}

}  // namespace carillon
