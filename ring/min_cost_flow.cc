#include "ring/min_cost_flow.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

#include "base/check.h"

namespace carillon {
namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();

}  // namespace

MinCostFlow::Vertex MinCostFlow::AddVertex() {
  return vertices_++;
}

MinCostFlow::Edge MinCostFlow::AddEdge(Vertex from, Vertex to, std::int32_t capacity,
                                       std::int64_t cost) {
  CHECK(from < vertices_ && to < vertices_);
  CHECK(capacity >= 0 && cost >= 0);
  arcs_.push_back({.to = to, .left = capacity, .cost = cost});
  arcs_.push_back({.to = from, .left = 0, .cost = -cost});
  return arcs_.size() / 2 - 1;
}

MinCostFlow::Sent MinCostFlow::Run(Vertex source, Vertex sink) {
  IndexArcs();
  potential_.assign(vertices_, 0);
  Sent sent;
  while (FindDistances(source, sink)) {
    while (FindLevels(source, sink)) {
      cursor_.assign(first_.begin(), first_.end() - 1);
      const std::int64_t pushed = Push(source, sink, std::numeric_limits<std::int32_t>::max());
      sent.amount += pushed;
      sent.cost += pushed * (potential_[sink] - potential_[source]);
    }
  }
  return sent;
}

void MinCostFlow::IndexArcs() {
  first_.assign(vertices_ + 1, 0);
  const auto leaves = [this](std::size_t arc) { return arcs_[arc ^ 1].to; };
  for (std::size_t arc = 0; arc < arcs_.size(); ++arc) ++first_[leaves(arc) + 1];
  for (Vertex v = 0; v < vertices_; ++v) first_[v + 1] += first_[v];
  order_.resize(arcs_.size());
  cursor_.assign(first_.begin(), first_.end() - 1);
  for (std::size_t arc = 0; arc < arcs_.size(); ++arc) {
    order_[cursor_[leaves(arc)]++] = static_cast<std::uint32_t>(arc);
  }
}

// Dijkstra over costs reduced by the potentials, none of which is negative.
bool MinCostFlow::FindDistances(Vertex source, Vertex sink) {
  using Entry = std::pair<std::int64_t, Vertex>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  distance_.assign(vertices_, kFar);
  distance_[source] = 0;
  queue.push({0, source});
  while (!queue.empty()) {
    const auto [distance, from] = queue.top();
    queue.pop();
    if (distance > distance_[from]) continue;
    for (std::uint32_t i = first_[from]; i < first_[from + 1]; ++i) {
      const Arc& arc = arcs_[order_[i]];
      if (arc.left == 0) continue;
      const std::int64_t there = distance + arc.cost + potential_[from] - potential_[arc.to];
      if (there >= distance_[arc.to]) continue;
      distance_[arc.to] = there;
      queue.push({there, arc.to});
    }
  }
  if (distance_[sink] == kFar) return false;
  for (Vertex v = 0; v < vertices_; ++v) potential_[v] += std::min(distance_[v], distance_[sink]);
  return true;
}

bool MinCostFlow::FindLevels(Vertex source, Vertex sink) {
  level_.assign(vertices_, -1);
  level_[source] = 0;
  std::vector<Vertex> reached = {source};
  for (std::size_t next = 0; next < reached.size() && level_[sink] < 0; ++next) {
    const Vertex from = reached[next];
    for (std::uint32_t i = first_[from]; i < first_[from + 1]; ++i) {
      const Arc& arc = arcs_[order_[i]];
      if (level_[arc.to] >= 0 || !IsTight(from, arc)) continue;
      level_[arc.to] = level_[from] + 1;
      reached.push_back(arc.to);
    }
  }
  return level_[sink] >= 0;
}

// As deep as a shortest path is long: at most a few times the vertices that share a bottleneck.
std::int32_t MinCostFlow::Push(Vertex from, Vertex sink, std::int32_t most) {
  if (from == sink) return most;
  std::int32_t pushed = 0;
  for (std::uint32_t& i = cursor_[from]; i < first_[from + 1]; ++i) {
    Arc& arc = arcs_[order_[i]];
    if (level_[arc.to] != level_[from] + 1 || !IsTight(from, arc)) continue;
    const std::int32_t through = Push(arc.to, sink, std::min(most - pushed, arc.left));
    arc.left -= through;
    arcs_[order_[i] ^ 1].left += through;
    pushed += through;
    if (pushed == most) return pushed;
  }
  return pushed;
}

}  // namespace carillon
