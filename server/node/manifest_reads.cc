#include "server/node/manifest_reads.h"

#include <algorithm>

#include "server/node/candidates.h"

namespace carillon {
namespace {

// The lines of a second are in one partition: a few partitions may have the first ones by chance.
constexpr std::size_t kShareSlack = 256;

bool Has(const std::vector<MemberIndex>& members, MemberIndex member) {
  return std::find(members.begin(), members.end(), member) != members.end();
}

bool Serves(const Quorum& quorum, MemberIndex member) {
  return Has(quorum.homes, member);
}

// How many of the members are homes of the quorum.
std::size_t HomesAmong(const std::vector<MemberIndex>& members, const Quorum& quorum) {
  return static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(), [&](MemberIndex member) { return Serves(quorum, member); }));
}

// Whether a member's answer counts for a quorum: its home's, or that of one that may stand in for
// any home, being none itself.
bool CountsFor(const Quorum& quorum, const std::vector<Quorum>& quorums, MemberIndex member) {
  return Serves(quorum, member) ||
         std::none_of(quorums.begin(), quorums.end(),
                      [member](const Quorum& one) { return Serves(one, member); });
}

bool HasAnswers(const Quorum& quorum, const std::vector<Quorum>& quorums,
                const std::vector<MemberIndex>& answered) {
  return std::count_if(answered.begin(), answered.end(), [&](MemberIndex member) {
           return CountsFor(quorum, quorums, member);
         }) >= quorum.wanted;
}

}  // namespace

void ManifestReads::Start(const std::string& bucket, EpochRange range, const std::string& dc,
                          std::size_t max_chunks, Outbox* out) {
  *this = ManifestReads();
  bucket_ = bucket;
  range_ = range;
  dc_ = dc;
  max_chunks_ = max_chunks;
  const Scene& scene = out->scene();
  version_ = scene.state->version;
  BucketRules rules = scene.RulesOf(bucket);
  if (scene.mutations.reads_by_new_rule) rules.before.reset();
  for (std::size_t p = 0; p < scene.state->partitions(); ++p) {
    const PartitionId id(static_cast<std::uint16_t>(p));
    partitions_.push_back({.candidates = CandidatesOf(scene, id, bucket),
                           .quorums = ReadQuorumsOf(scene.state->placement[p], rules)});
  }
  OfMember asks = TakeAsks();
  if (!scene.mutations.reads_by_new_rule) AddFormer(scene, rules, &asks);
  if (former_until_) out->WakeAt(*former_until_);
  Send(std::move(asks), out);
  Conclude();
}

// One request a node, for all partitions that still want an answer it may give.
ManifestReads::OfMember ManifestReads::TakeAsks() {
  OfMember asks;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    OfPartition& partition = partitions_[p];
    while (const auto member = Choose(partition)) {
      std::erase(partition.candidates, *member);
      partition.waiting.push_back(*member);
      asks[*member].push_back(PartitionId(static_cast<std::uint16_t>(p)));
    }
  }
  return asks;
}

void ManifestReads::AddFormer(const Scene& scene, const BucketRules& rules, OfMember* asks) {
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    OfPartition& partition = partitions_[p];
    for (const Quorum& quorum : FormerQuorumsOf(scene.state->placement[p], rules)) {
      std::size_t asked =
          HomesAmong(partition.waiting, quorum) + HomesAmong(partition.former, quorum);
      for (const MemberIndex member : quorum.homes) {
        const bool is_asked = Has(partition.waiting, member) || Has(partition.former, member);
        if (asked >= quorum.wanted || is_asked || !scene.IsUp(member)) continue;
        partition.former.push_back(member);
        (*asks)[member].push_back(PartitionId(static_cast<std::uint16_t>(p)));
        former_until_ = scene.time.now + kHedgeAfter;
        ++asked;
      }
    }
  }
}

// Whom to ask for the sake of a quorum that has too few; nullopt: there is none, or nobody is left.
std::optional<MemberIndex> ManifestReads::Choose(const OfPartition& partition) {
  for (const Quorum& quorum : partition.quorums) {
    const auto counts = [&](MemberIndex member) {
      return CountsFor(quorum, partition.quorums, member);
    };
    const auto answers =
        std::count_if(partition.answered.begin(), partition.answered.end(), counts) +
        std::count_if(partition.waiting.begin(), partition.waiting.end(), counts);
    if (answers >= quorum.wanted) continue;
    const auto next =
        std::find_if(partition.candidates.begin(), partition.candidates.end(), counts);
    if (next != partition.candidates.end()) return *next;
  }
  return std::nullopt;
}

// How many lines to ask for of so many partitions, that the page has about max_chunks of all: no
// more than that is kept, and the shortest answer ends the page.
std::size_t ManifestReads::ShareOf(std::size_t partitions) const {
  const std::size_t even = max_chunks_ * partitions / partitions_.size();
  return std::min(max_chunks_, even + even / 4 + kShareSlack);
}

void ManifestReads::Send(OfMember asks, Outbox* out) {
  for (auto& [member, partitions] : asks) {
    std::sort(partitions.begin(), partitions.end());
    const OperationId operation = out->Scan(member, {.bucket = bucket_,
                                                     .partitions = partitions,
                                                     .range = range_,
                                                     .dc = dc_,
                                                     .max_chunks = ShareOf(partitions.size())});
    asked_.emplace(operation, Asked{.member = member, .partitions = std::move(partitions)});
  }
  hedge_at_.reset();
  for (std::size_t p = 0; p < partitions_.size() && !hedge_at_; ++p) {
    if (!ChooseHedge(partitions_[p])) continue;
    hedge_at_ = out->scene().time.now + kHedgeAfter;
    out->WakeAt(*hedge_at_);
  }
}

// One more home that can be asked beside those that have not answered. Only one that serves
// reads: the answer of another is worth less than that of a home that is slow.
std::optional<MemberIndex> ManifestReads::ChooseHedge(const OfPartition& partition) {
  for (const Quorum& quorum : partition.quorums) {
    if (HasAnswers(quorum, partition.quorums, partition.answered)) continue;
    const auto next = std::find_if(partition.candidates.begin(), partition.candidates.end(),
                                   [&](MemberIndex member) { return Serves(quorum, member); });
    if (next != partition.candidates.end()) return *next;
  }
  return std::nullopt;
}

bool ManifestReads::IsAnswered(const OfPartition& partition) {
  return std::all_of(partition.quorums.begin(), partition.quorums.end(), [&](const Quorum& quorum) {
    return HasAnswers(quorum, partition.quorums, partition.answered);
  });
}

void ManifestReads::Hedge(Outbox* out) {
  OfMember asks;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    OfPartition& partition = partitions_[p];
    const auto member = ChooseHedge(partition);
    if (!member) continue;
    std::erase(partition.candidates, *member);
    partition.waiting.push_back(*member);
    asks[*member].push_back(PartitionId(static_cast<std::uint16_t>(p)));
  }
  Send(std::move(asks), out);
}

void ManifestReads::HandleTime(Outbox* out) {
  if (done_) return;
  const Instant now = out->scene().time.now;
  if (hedge_at_ && now >= *hedge_at_) Hedge(out);
  if (!former_until_ || now < *former_until_) return;
  former_until_.reset();
  for (OfPartition& one : partitions_) one.former.clear();
  Conclude();
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
  if (done_ || asked == asked_.end()) return;
  const auto [member, partitions] = std::move(asked->second);
  asked_.erase(asked);
  stale_ring_ = stale_ring_ || done.stale_ring;
  if (done.status.ok() && done.next_from && *done.next_from <= range_.first) {
    done.status = Internal("a page that goes on where it began");
  }
  const bool answered = done.status.ok();
  for (const PartitionId partition : partitions) {
    OfPartition& one = partitions_[partition.value()];
    const bool was_waited_for = std::erase(one.waiting, member) != 0;
    if (!was_waited_for) std::erase(one.former, member);
    if (answered && was_waited_for) one.answered.push_back(member);
  }
  if (answered) {
    Merge(std::move(done));
  } else {
    last_error_ = std::move(done.status);
    if (!stale_ring_) Send(TakeAsks(), out);
  }
  Conclude();
}

void ManifestReads::Conclude() {
  if (done_) return;
  const auto is_settled = [](const OfPartition& one) {
    return one.former.empty() && (one.waiting.empty() || IsAnswered(one));
  };
  done_ = stale_ring_ || std::all_of(partitions_.begin(), partitions_.end(), is_settled);
  if (!done_ || stale_ring_) return;
  for (std::size_t p = 0; p < partitions_.size(); ++p) {
    const OfPartition& one = partitions_[p];
    for (const Quorum& quorum : one.quorums) {
      partial_ = partial_ || HomesAmong(one.answered, quorum) < quorum.wanted;
    }
    if (one.answered.empty()) {
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
  std::size_t taken = 0;
  for (auto& [key, chunks] : found_) {
    if (next_from_ && key.first >= *next_from_) break;
    if (taken >= max_chunks_ && key.first != seconds.back().epoch) {
      next_from_ = key.first;
      break;
    }
    taken += chunks.size();
    Second second{.epoch = key.first, .dc = key.second, .chunks = {}};
    for (auto& [chunk_key, chunk] : chunks) second.chunks.push_back(std::move(chunk));
    seconds.push_back(std::move(second));
  }
  found_.clear();
  return seconds;
}

}  // namespace carillon
