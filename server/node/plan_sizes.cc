#include "server/node/plan_sizes.h"

#include <algorithm>

namespace carillon {
namespace {

bool IsAlive(const PlanFacts& facts, const NodeId& node) {
  return !facts.alive ||
         std::find(facts.alive->begin(), facts.alive->end(), node) != facts.alive->end();
}

const SizeLine* Find(const SizesReply& sizes, PartitionId partition) {
  const auto found = std::lower_bound(
      sizes.partitions.begin(), sizes.partitions.end(), partition,
      [](const SizeLine& line, PartitionId wanted) { return line.partition < wanted; });
  if (found == sizes.partitions.end() || found->partition != partition) return nullptr;
  return &*found;
}

}  // namespace

void AddSizes(const ClusterState& state, const std::map<NodeId, SizesReply>& sizes,
              PlanFacts* facts) {
  if (sizes.empty()) return;
  for (const auto& [node, reply] : sizes) facts->free_bytes[node] = reply.free_bytes;
  facts->partition_bytes.assign(state.partitions(), 0);
  facts->partitions_unknown.clear();
  for (std::size_t p = 0; p < state.partitions(); ++p) {
    const PartitionId partition(static_cast<std::uint16_t>(p));
    bool known = false;
    for (const std::uint16_t home : state.placement[p].homes) {
      const auto said = sizes.find(state.members[home].node);
      if (said == sizes.end()) continue;
      known = true;
      const SizeLine* line = Find(said->second, partition);
      if (line != nullptr) {
        facts->partition_bytes[p] = std::max(facts->partition_bytes[p], line->bytes);
      }
    }
    if (!known) facts->partitions_unknown.push_back(partition);
  }
}

void PlanSizes::Start(Outbox* out) {
  const Scene& scene = out->scene();
  partition_bits_ = scene.state->partition_bits;
  for (const Member& member : scene.state->members) {
    if (member.node == scene.node) {
      const OperationId operation = out->Begin();
      asked_.emplace(operation, member.node);
      out->Do(MeasureHeld{.operation = operation});
    } else if (IsAlive(input_.facts, member.node) && !scene.reachability->IsDead(member.node)) {
      asked_.emplace(out->Ask(member.node, MeasureStore{}), member.node);
    }
  }
  give_up_at_ = scene.time.now + kGatherFor;
  if (input_.deadline && *input_.deadline > scene.time.now) {  // half of the time is for the rest
    give_up_at_ = std::min(give_up_at_, scene.time.now + (*input_.deadline - scene.time.now) / 2);
  }
  out->WakeAt(give_up_at_);
  Conclude(out, /*time_is_up=*/false);
}

void PlanSizes::Handle(PeerReplied replied, Outbox* out) {
  const auto asked = asked_.find(replied.operation);
  if (asked == asked_.end()) return;
  auto* sizes = std::get_if<SizesReply>(&replied.reply.value);
  if (replied.reply.status.ok() && sizes != nullptr) sizes_[asked->second] = std::move(*sizes);
  asked_.erase(asked);
  Conclude(out, /*time_is_up=*/false);
}

void PlanSizes::Handle(MeasuredDone done, Outbox* out) {
  const auto asked = asked_.find(done.operation);
  if (asked == asked_.end()) return;
  if (done.status.ok()) sizes_[asked->second] = std::move(done.sizes);
  asked_.erase(asked);
  Conclude(out, /*time_is_up=*/false);
}

void PlanSizes::HandleTime(Outbox* out) {
  if (out->scene().time.now >= give_up_at_) Conclude(out, /*time_is_up=*/true);
}

// What was said of partitions that have other numbers now says nothing.
void PlanSizes::Conclude(Outbox* out, bool time_is_up) {
  if (done_ || (!asked_.empty() && !time_is_up)) return;
  done_ = true;
  const ClusterState& state = *out->scene().state;
  if (state.partition_bits == partition_bits_) AddSizes(state, sizes_, &input_.facts);
}

}  // namespace carillon
