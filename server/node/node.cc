#include "server/node/node.h"

#include "base/check.h"
#include "server/node/node_run.h"
#include "server/node/request_checks.h"

namespace carillon {

Node::Node(NodeOptions options, SavedRing saved, std::vector<HeardSeal> seals, const NodeTime& time)
    : options_(std::move(options)),
      random_(options_.random_seed),
      ring_(options_.self, options_.boot, std::move(saved), time, options_.ring, options_.swim,
            &random_),
      state_(ring_.committed()),
      puts_(options_.puts),
      schedule_(options_.sync, &random_),
      started_(time),
      state_since_(time.now),
      store_bits_(state_->partition_bits) {
  CHECK(Validate(*state_).ok());
  for (HeardSeal& seal : seals) {
    // The clock may have been ahead in an earlier life: no writer lives longer for it.
    seal.heard_at = std::min(seal.heard_at, WallSeconds(time.wall));
    watermarks_.Hear(seal);
  }
}

std::uint64_t Node::SetBackSeconds(const NodeTime& time) const {
  const Duration behind = started_.wall + (time.now - started_.now) - time.wall;
  return behind <= Duration() ? 0 : std::chrono::ceil<std::chrono::seconds>(behind).count();
}

void Node::RefreshScene(const NodeTime& time) {
  scene_ = {.state = state_.state.get(),
            .new_addresses = &new_addresses_,
            .node = options_.self,
            .self = state_->IndexOf(options_.self).value_or(kNoMember),
            .boot = ring_.swim().boot(),
            .reachability = &ring_.reachability(),
            .watermarks = &watermarks_,
            .foreign = &foreign_,
            .time = time,
            .set_back_seconds = SetBackSeconds(time),
            .mutations = options_.mutations};
}

void Node::Step(const NodeTime& time, Input input, Effects* effects) {
  effects_ = effects;
  RefreshScene(time);
  if (Holds(input)) {
    held_.push_back(std::move(input));
  } else {
    std::visit([&](auto&& one) { Handle(std::move(one)); }, std::move(input));
  }
  AfterStep();
}

Outbox Node::OutboxOf(RequestId request) {
  return Outbox(request, &scene_, &operations_, &wakes_, effects_);
}

const Handoff& Node::handoff() const {
  return std::get<Handoff>(coordinators_.at(kHandoff.value()));
}

const Handoff* Node::FindHandoff() const {
  const auto found = coordinators_.find(kHandoff.value());
  return found == coordinators_.end() ? nullptr : &std::get<Handoff>(found->second);
}

NodeCounters Node::counters() const {
  NodeCounters counters = counters_;
  counters.in_flight = coordinators_.size() - pulls_.size() - coordinators_.count(kHandoff.value());
  const auto handoff = coordinators_.find(kHandoff.value());
  if (handoff != coordinators_.end()) {
    counters.handoffs = std::get<Handoff>(handoff->second).dropped();
  }
  return counters;
}

std::vector<std::pair<std::string, Epoch>> Node::WatermarksOf(const std::string& bucket,
                                                              std::uint64_t now_seconds) const {
  return watermarks_.OfBucket(bucket, now_seconds);
}

Status Node::Admit(std::size_t value_bytes) {
  ++counters_.requests;
  if (ring_.refused()) return Unavailable("{}", ring_.guard().refusal());
  if (scene_.self == kNoMember) return Unavailable("this node is no member of the ring");
  if (coordinators_.size() >= options_.max_requests) {
    ++counters_.refused_busy;
    return ResourceExhausted("{} requests are under way, the most there may be",
                             options_.max_requests);
  }
  if (counters_.value_bytes_in_flight + value_bytes > options_.max_value_bytes) {
    ++counters_.refused_busy;
    return ResourceExhausted("puts of {} bytes are under way: slow down",
                             counters_.value_bytes_in_flight);
  }
  return OkStatus();
}

void Node::Refuse(RequestId request, Status why) {
  effects_->push_back(Answer{
      .request = request, .status = std::move(why), .value = {}, .version = state_->version});
}

void Node::RefuseStream(RequestId request, Status why) {
  effects_->push_back(StreamEnd{.request = request, .status = std::move(why)});
}

void Node::HandleAnswered(PutCoordinator* put) {
  if (put->TakeAnswered()) puts_.End(put->value_bytes(), put->met(), scene_.time.now);
}

// What is left to do when a request's coordinator is done.
void Node::Finish(RequestId request, const Coordinator& coordinator) {
  if (const auto* put = std::get_if<PutCoordinator>(&coordinator)) {
    counters_.value_bytes_in_flight -= put->value_bytes();
  } else if (const auto* claim = std::get_if<ClaimCoordinator>(&coordinator)) {
    counters_.claims.Add(claim->counts());
  } else if (const auto* commit = std::get_if<CommitCoordinator>(&coordinator);
             commit != nullptr && commit->acknowledged_seal()) {
    watermarks_.Hear({.bucket = commit->commit().bucket,
                      .dc = commit->commit().dc,
                      .seal = *commit->acknowledged_seal(),
                      .heard_at = scene_.now_seconds()});
  } else if (const auto* sizes = std::get_if<PlanSizes>(&coordinator)) {
    MakePlanOf(sizes->input());
  } else if (const auto* pull = std::get_if<SyncTarget>(&coordinator)) {
    ++counters_.syncs;
    counters_.sync_chunks += pull->progress().chunks;
    counters_.sync_bytes += pull->progress().bytes;
    counters_.sync_claims += pull->progress().claims;
    schedule_.Ended({.partition = pull->partition(), .source = pull->source()}, pull->status(),
                    pull->total(), scene_);
    pulls_.erase(request);
    ready_at_ = scene_.time.now;
  }
}

void Node::Handle(PutChunkInput input) {
  const RequestId request = input.request;
  const std::size_t bytes = input.value.size();
  Status admitted = Admit(bytes);
  if (!admitted.ok()) return Refuse(request, std::move(admitted));
  admitted = puts_.Take(bytes, scene_.time.now);
  const BucketProperties* bucket = state_->FindBucket(input.bucket);
  if (admitted.ok() && bucket != nullptr) {
    admitted = quota_.Take(input.bucket, *bucket, bytes, scene_.time.now);
    if (!admitted.ok()) puts_.End(bytes, /*done=*/false, scene_.time.now);
  }
  if (!admitted.ok()) {
    ++counters_.refused_busy;
    return Refuse(request, std::move(admitted));
  }
  counters_.value_bytes_in_flight += bytes;
  Begin(request, PutCoordinator(std::move(input), options_.max_future_seconds));
}

void Node::Handle(CommitInput input) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) return Refuse(request, std::move(admitted));
  Begin(request, CommitCoordinator(std::move(input), options_.max_future_seconds));
}

void Node::Handle(ClaimInput input) {
  const RequestId request = input.request;
  Status admitted = Admit(0);
  const BucketProperties* bucket = state_->FindBucket(input.order.bucket);
  if (admitted.ok() && bucket != nullptr) {
    admitted =
        quota_.Take(input.order.bucket, *bucket,
                    input.order.ids.size() * ClaimCoordinator::kBytesOfAClaim, scene_.time.now);
    if (!admitted.ok()) ++counters_.refused_busy;
  }
  if (!admitted.ok()) return Refuse(request, std::move(admitted));
  Begin(request, ClaimCoordinator(std::move(input)));
}

void Node::Handle(ListSecondsInput input) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) return Refuse(request, std::move(admitted));
  Begin(request, ListCoordinator(std::move(input)));
}

void Node::Handle(GetChunksInput input) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) {
    return RefuseStream(request, std::move(admitted));
  }
  Begin(request, GetCoordinator(std::move(input)));
}

void Node::Handle(ReadRangeInput input) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) {
    return RefuseStream(request, std::move(admitted));
  }
  Begin(request, RangeCoordinator(std::move(input)));
}

void Node::Handle(CreditInput input) {
  Run(input.request, [&](auto& coordinator, Outbox* out) {
    if constexpr (requires { coordinator.Handle(input, out); }) coordinator.Handle(input, out);
  });
}

void Node::Handle(CancelInput input) {
  const auto found = coordinators_.find(input.request.value());
  if (found == coordinators_.end()) {
    std::erase_if(held_, [&](const Input& held) {
      const auto* get = std::get_if<GetChunksInput>(&held);
      const auto* range = std::get_if<ReadRangeInput>(&held);
      return (get != nullptr && get->request == input.request) ||
             (range != nullptr && range->request == input.request);
    });
    return;
  }
  // A write goes on: its outcome counts, though nobody hears of it.
  const bool reads = std::holds_alternative<ListCoordinator>(found->second) ||
                     std::holds_alternative<GetCoordinator>(found->second) ||
                     std::holds_alternative<RangeCoordinator>(found->second);
  if (reads) coordinators_.erase(found);
}

namespace {

// Of requests that name partitions by their numbers.
template <typename Completion>
constexpr bool kGoesByNumbers =
    std::is_same_v<Completion, ScanDone> || std::is_same_v<Completion, DigestsDone> ||
    std::is_same_v<Completion, EntriesDone> || std::is_same_v<Completion, ClaimsListed> ||
    std::is_same_v<Completion, HeldDone> || std::is_same_v<Completion, DropDone> ||
    std::is_same_v<Completion, MeasuredDone>;

}  // namespace

template <typename Completion>
void Node::Handle(Completion completion) {
  const OperationId operation = completion.operation;
  const auto owner = operations_.End(operation);
  if (!owner) return;
  if (owner->foreign && owner->numbering == operations_.numbering()) foreign_.Take(*owner->foreign);
  if constexpr (kGoesByNumbers<Completion>) {
    if (IsOfOtherNumbers(*owner)) {
      // The hand-off has begun anew.
      if (owner->request == kHandoff && owner->numbering != operations_.numbering()) return;
      completion = Completion();
      completion.operation = operation;
      completion.status = Unavailable("the partitions are being numbered anew");
      if constexpr (requires { completion.stale_ring; }) completion.stale_ring = true;
      const auto asked = coordinators_.find(owner->request.value());
      if (asked == coordinators_.end()) return;
      if (auto* replica = std::get_if<ReplicaRequest>(&asked->second)) {
        replica->Abandon();
        ReplyStale(owner->request);
      }
    }
  }
  Deliver(owner->request, std::move(completion));
}

template void Node::Handle(WriteDone);
template void Node::Handle(ClaimsDone);
template void Node::Handle(ClaimsListed);
template void Node::Handle(StatDone);
template void Node::Handle(ReadDone);
template void Node::Handle(ScanDone);
template void Node::Handle(DigestsDone);
template void Node::Handle(EntriesDone);
template void Node::Handle(HeldDone);
template void Node::Handle(DropDone);
template void Node::Handle(MeasuredDone);

}  // namespace carillon
