#include "server/node/node_view.h"

#include <algorithm>

namespace carillon {
namespace {

Health HealthOf(const Peer& peer, const Reachability& reachability) {
  switch (peer.liveness) {
    case Liveness::kSuspect:
      return Health::kSuspect;
    case Liveness::kDead:
      return Health::kDead;
    case Liveness::kLeft:
      return Health::kLeft;
    case Liveness::kAlive:
      break;
  }
  return peer.DataPathOk() && reachability.IsUp(peer.node) ? Health::kAlive : Health::kDegraded;
}

MemberHealth HealthOf(const Member& member, const Node& node, Instant now) {
  MemberHealth health{.node = member.node};
  const Peer* peer = node.ring().swim().table().Find(member.node);
  if (peer == nullptr) {  // this node itself
    if (node.ring().refused()) health.health = Health::kDegraded;
    return health;
  }
  health.health = HealthOf(*peer, node.ring().reachability());
  if (peer->since != Instant{}) health.since = std::max(now - peer->since, Duration::zero());
  health.latency = peer->latency;
  const auto seen = node.ring().duplicates().find(member.node);
  if (seen != node.ring().duplicates().end() && now - seen->second < kShowDuplicates) {
    health.duplicate = std::max(now - seen->second, Duration::zero());
  }
  return health;
}

PullView ViewOf(const Transfer& transfer, Instant now) {
  return {.partition = transfer.partition,
          .source = transfer.source,
          .reason = std::string(ToString(transfer.reason)),
          .hours = transfer.progress.hours,
          .hours_done = transfer.progress.hours_done,
          .chunks = transfer.progress.chunks,
          .bytes = transfer.progress.bytes,
          .running = std::max(now - transfer.began, Duration::zero())};
}

}  // namespace

ClusterView ViewOf(const Node& node, Instant now, std::size_t history) {
  ClusterView view;
  view.state = node.shared_state().state;
  view.viewer = node.self();
  for (const Member& member : view.state->members) {
    view.health.push_back(HealthOf(member, node, now));
  }
  for (const Transfer& transfer : node.transfers()) view.pulls.push_back(ViewOf(transfer, now));
  view.pulls_waiting = node.schedule().waiting();
  if (const Handoff* handoff = node.FindHandoff()) {
    view.foreign.assign(handoff->holds().begin(), handoff->holds().end());
  }
  const auto& records = node.ring().keeper().history();
  const std::size_t shown = std::min(history, records.size());
  view.history.assign(records.end() - static_cast<std::ptrdiff_t>(shown), records.end());
  view.frozen = node.ring().keeper().frozen();
  view.refusal = node.ring().guard().refusal();
  view.voters = VotersOf(*view.state);
  return view;
}

PlanFacts PlanFactsOf(const Node& node) {
  PlanFacts facts;
  facts.alive.emplace();
  for (const Member& member : node.state().members) {
    const Peer* peer = node.ring().swim().table().Find(member.node);
    if (peer == nullptr || peer->IsUp()) facts.alive->push_back(member.node);
  }
  facts.sync_bytes_per_second = node.schedule().options().bytes_per_second;
  return facts;
}

}  // namespace carillon
