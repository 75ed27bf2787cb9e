#include "server/node/node.h"

#include "base/check.h"
#include "server/node/request_checks.h"

namespace carillon {

Node::Node(NodeOptions options, ClusterState state, std::vector<HeardSeal> seals)
    : options_(options), changes_(std::move(state)) {
  CHECK(Validate(changes_.state()).ok());
  for (const HeardSeal& seal : seals) watermarks_.Hear(seal);
}

void Node::Step(const NodeTime& time, Input input, Effects* effects) {
  std::visit([&](auto&& one) { Handle(time, std::move(one), effects); }, std::move(input));
}

Scene Node::SceneAt(const NodeTime& time) const {
  return {.state = &changes_.state(), .watermarks = &watermarks_, .time = time};
}

NodeCounters Node::counters() const {
  NodeCounters counters = counters_;
  counters.in_flight = coordinators_.size();
  return counters;
}

std::vector<std::pair<std::string, Epoch>> Node::WatermarksOf(const std::string& bucket,
                                                              std::uint64_t now_seconds) const {
  return watermarks_.OfBucket(bucket, now_seconds);
}

Status Node::Admit(std::size_t value_bytes) {
  ++counters_.requests;
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

void Node::Refuse(RequestId request, Status why, Effects* effects) const {
  effects->push_back(Answer{.request = request,
                            .status = std::move(why),
                            .value = {},
                            .version = changes_.state().version});
}

// Runs `act(coordinator, outbox)` of a request and forgets the coordinator when it is done.
template <typename Act>
void Node::Run(RequestId request, const NodeTime& time, Effects* effects, Act act) {
  const auto found = coordinators_.find(request.value());
  if (found == coordinators_.end()) return;
  const Scene scene = SceneAt(time);
  Outbox out(request, &scene, &operations_, effects);
  const bool done = std::visit(
      [&](auto& coordinator) {
        act(coordinator, &out);
        return coordinator.done();
      },
      found->second);
  if (!done) return;
  if (const auto* put = std::get_if<PutCoordinator>(&found->second)) {
    counters_.value_bytes_in_flight -= put->value_bytes();
  }
  if (const auto* commit = std::get_if<CommitCoordinator>(&found->second);
      commit != nullptr && commit->acknowledged_seal()) {
    watermarks_.Hear({.bucket = commit->commit().bucket,
                      .dc = commit->commit().dc,
                      .seal = *commit->acknowledged_seal(),
                      .heard_at = scene.now_seconds()});
  }
  coordinators_.erase(request.value());
}

template <typename C>
void Node::Begin(RequestId request, C coordinator, const NodeTime& time, Effects* effects) {
  const bool fresh = coordinators_.emplace(request.value(), std::move(coordinator)).second;
  CHECK(fresh);  // the shell never uses a request's id twice
  Run(request, time, effects, [](auto& begun, Outbox* out) { begun.Start(out); });
}

void Node::Handle(const NodeTime& time, PutChunkInput input, Effects* effects) {
  const RequestId request = input.request;
  const std::size_t bytes = input.value.size();
  Status admitted = Admit(bytes);
  const BucketProperties* bucket = changes_.state().FindBucket(input.bucket);
  if (admitted.ok() && bucket != nullptr) {
    admitted = quota_.Take(input.bucket, *bucket, bytes, time.now);
    if (!admitted.ok()) ++counters_.refused_busy;
  }
  if (!admitted.ok()) {
    return Refuse(request, std::move(admitted), effects);
  }
  counters_.value_bytes_in_flight += bytes;
  Begin(request, PutCoordinator(std::move(input), options_.max_future_seconds), time, effects);
}

void Node::Handle(const NodeTime& time, CommitInput input, Effects* effects) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) {
    return Refuse(request, std::move(admitted), effects);
  }
  Begin(request, CommitCoordinator(std::move(input), options_.max_future_seconds), time, effects);
}

void Node::Handle(const NodeTime& time, ListSecondsInput input, Effects* effects) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) {
    return Refuse(request, std::move(admitted), effects);
  }
  Begin(request, ListCoordinator(std::move(input)), time, effects);
}

void Node::Handle(const NodeTime& time, GetChunksInput input, Effects* effects) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) {
    effects->push_back(StreamEnd{.request = request, .status = std::move(admitted)});
    return;
  }
  Begin(request, GetCoordinator(std::move(input)), time, effects);
}

void Node::Handle(const NodeTime& time, ReadRangeInput input, Effects* effects) {
  const RequestId request = input.request;
  if (Status admitted = Admit(0); !admitted.ok()) {
    effects->push_back(StreamEnd{.request = request, .status = std::move(admitted)});
    return;
  }
  Begin(request, RangeCoordinator(std::move(input)), time, effects);
}

void Node::Handle(const NodeTime& time, CreditInput input, Effects* effects) {
  Run(input.request, time, effects, [&](auto& coordinator, Outbox* out) {
    if constexpr (requires { coordinator.Handle(input, out); }) coordinator.Handle(input, out);
  });
}

void Node::Handle(const NodeTime& /*time*/, CancelInput input, Effects* /*effects*/) {
  const auto found = coordinators_.find(input.request.value());
  if (found == coordinators_.end()) return;
  // A write goes on: its outcome counts, though nobody hears of it.
  const bool reads = std::holds_alternative<ListCoordinator>(found->second) ||
                     std::holds_alternative<GetCoordinator>(found->second) ||
                     std::holds_alternative<RangeCoordinator>(found->second);
  if (reads) coordinators_.erase(found);
}

void Node::Handle(const NodeTime& time, CreateBucketInput input, Effects* effects) {
  const Scene scene = SceneAt(time);
  Outbox out(input.request, &scene, &operations_, effects);
  changes_.Handle(std::move(input), &out);
  BeginWaitingChange(time, effects);
}

void Node::Handle(const NodeTime& time, SetBucketInput input, Effects* effects) {
  const Scene scene = SceneAt(time);
  Outbox out(input.request, &scene, &operations_, effects);
  changes_.Handle(std::move(input), &out);
  BeginWaitingChange(time, effects);
}

void Node::BeginWaitingChange(const NodeTime& time, Effects* effects) {
  while (const auto request = changes_.NextWaiting()) {
    const Scene scene = SceneAt(time);
    Outbox out(*request, &scene, &operations_, effects);
    changes_.BeginNext(&out);
  }
}

void Node::Handle(const NodeTime& time, StateSaved input, Effects* effects) {
  const auto request = operations_.End(input.operation);
  if (!request) return;
  const Scene scene = SceneAt(time);
  Outbox out(*request, &scene, &operations_, effects);
  changes_.Handle(input, &out);
  BeginWaitingChange(time, effects);
}

template <typename Completion>
void Node::Handle(const NodeTime& time, Completion completion, Effects* effects) {
  const auto request = operations_.End(completion.operation);
  if (!request) return;
  Run(*request, time, effects, [&](auto& coordinator, Outbox* out) {
    if constexpr (requires { coordinator.Handle(std::move(completion), out); }) {
      coordinator.Handle(std::move(completion), out);
    }
  });
}

}  // namespace carillon
