#include "server/node/manifest_reads.h"

#include <algorithm>

#include "server/node/candidates.h"

namespace carillon {

void ManifestReads::Start(const std::string& bucket, EpochRange range, const std::string& dc,
                          std::size_t max_chunks, Outbox* out) {
  *this = ManifestReads();
  bucket_ = bucket;
  range_ = range;
  dc_ = dc;
  max_chunks_ = max_chunks;
  const ClusterState& state = *out->scene().state;
  version_ = state.version;
  const BucketProperties& properties = *state.FindBucket(bucket);
  for (std::size_t p = 0; p < state.partitions(); ++p) {
    const PartitionHomes& homes = state.placement[p];
    std::vector<MemberIndex> serving = homes.phase == Phase::kReadNew ? homes.next : homes.homes;
    const std::uint32_t wanted = ReadsWantedOf(properties, serving.size());
    serving.resize(std::min<std::size_t>(serving.size(), std::max(properties.n_val, 1u)));
    partitions_.push_back(
        {.candidates =
             CandidatesOf(out->scene(), PartitionId(static_cast<std::uint16_t>(p)), properties),
         .next = 0,
         .serving = std::move(serving),
         .wanted = wanted});
  }
  Ask(out);
  Conclude();
}

// One request a node, for all partitions that still want an answer it may give.
void ManifestReads::Ask(Outbox* out) {
  std::map<MemberIndex, std::vector<PartitionId>> of_member;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    OfPartition& partition = partitions_[p];
    while (partition.answers + partition.waiting < partition.wanted &&
           partition.next < partition.candidates.size()) {
      of_member[partition.candidates[partition.next++]].push_back(
          PartitionId(static_cast<std::uint16_t>(p)));
      ++partition.waiting;
    }
  }
  Send(std::move(of_member), out);
}

void ManifestReads::Send(std::map<MemberIndex, std::vector<PartitionId>> of_member, Outbox* out) {
  for (auto& [member, partitions] : of_member) {
    const OperationId operation = out->Scan(member, {.bucket = bucket_,
                                                     .partitions = partitions,
                                                     .range = range_,
                                                     .dc = dc_,
                                                     .max_chunks = max_chunks_});
    asked_.emplace(operation, Asked{.member = member, .partitions = std::move(partitions)});
  }
  hedge_at_.reset();
  for (std::size_t p = 0; p < partitions_.size() && !hedge_at_; ++p) {
    if (!MayHedge(p)) continue;
    hedge_at_ = out->scene().time.now + kHedgeAfter;
    out->WakeAt(*hedge_at_);
  }
}

// Whether one more home can be asked beside those that have not answered. Only one that serves
// reads: the answer of another is worth less than that of a home that is slow.
bool ManifestReads::MayHedge(std::size_t partition) const {
  const OfPartition& one = partitions_[partition];
  if (one.answers >= one.wanted || one.next >= one.candidates.size()) return false;
  return Serves(partition, one.candidates[one.next]);
}

bool ManifestReads::Serves(std::size_t partition, MemberIndex member) const {
  const std::vector<MemberIndex>& serving = partitions_[partition].serving;
  return std::find(serving.begin(), serving.end(), member) != serving.end();
}

void ManifestReads::Hedge(Outbox* out) {
  std::map<MemberIndex, std::vector<PartitionId>> of_member;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    if (!MayHedge(p)) continue;
    OfPartition& partition = partitions_[p];
    of_member[partition.candidates[partition.next++]].push_back(
        PartitionId(static_cast<std::uint16_t>(p)));
    ++partition.waiting;
  }
  Send(std::move(of_member), out);
}

void ManifestReads::HandleTime(Outbox* out) {
  if (done_ || !hedge_at_ || out->scene().time.now < *hedge_at_) return;
  Hedge(out);
}

void ManifestReads::Merge(ScanDone done) {
  if (done.next_from && (!next_from_ || *done.next_from < *next_from_)) {
    next_from_ = done.next_from;
  }
  for (Second& second : done.seconds) {
    auto& chunks = found_[{second.epoch, second.dc}];
    for (ChunkInfo& chunk : second.chunks) {
      ChunkKey key = chunk.key;
      chunks.try_emplace(std::move(key), std::move(chunk));
    }
  }
  seals_.insert(seals_.end(), std::make_move_iterator(done.seals.begin()),
                std::make_move_iterator(done.seals.end()));
}

void ManifestReads::Handle(ScanDone done, Outbox* out) {
  const auto asked = asked_.find(done.operation);
  if (asked == asked_.end()) return;
  const auto [member, partitions] = std::move(asked->second);
  asked_.erase(asked);
  stale_ring_ = stale_ring_ || done.stale_ring;
  const bool answered = done.status.ok();
  for (const PartitionId partition : partitions) {
    OfPartition& one = partitions_[partition.value()];
    --one.waiting;
    if (!answered) continue;
    ++one.answers;
    if (Serves(partition.value(), member)) ++one.home_answers;
  }
  if (answered) {
    Merge(std::move(done));
  } else {
    last_error_ = std::move(done.status);
    if (!stale_ring_) Ask(out);
  }
  Conclude();
}

void ManifestReads::Conclude() {
  if (done_) return;
  const auto is_settled = [](const OfPartition& one) {
    return one.answers >= one.wanted || one.waiting == 0;
  };
  done_ = stale_ring_ || std::all_of(partitions_.begin(), partitions_.end(), is_settled);
  if (!done_ || stale_ring_) return;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    partial_ = partial_ || partitions_[p].home_answers < partitions_[p].wanted;
    if (partitions_[p].answers == 0) {
      status_ = Unavailable("partition {}: nobody answers: {}", p, Message(last_error_));
      return;
    }
  }
}

Status ManifestReads::StatusUnlessPartial(bool allowed) const {
  if (!status_.ok() || !partial_ || allowed) return status_;
  return Unavailable("too few homes of a partition answer: what is listed may not be all: {}",
                     Message(last_error_));
}

std::vector<Second> ManifestReads::TakeSeconds() {
  std::vector<Second> seconds;
  for (auto& [key, chunks] : found_) {
    if (next_from_ && key.first >= *next_from_) break;
    Second second{.epoch = key.first, .dc = key.second, .chunks = {}};
    for (auto& [chunk_key, chunk] : chunks) second.chunks.push_back(std::move(chunk));
    seconds.push_back(std::move(second));
  }
  found_.clear();
  return seconds;
}

}  // namespace carillon
