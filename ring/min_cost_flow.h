#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

// Sends as much as fits through a network, at the least cost. Integers only; equal calls give equal
// flows.
namespace carillon {

// Primal-dual: the shortest paths of one length are filled at once (Dinic), then the next longer.
// Memory: about 40 bytes an edge. Time: a few dozen passes over the edges when costs are few.
class MinCostFlow {
 public:
  using Vertex = std::uint32_t;
  using Edge = std::size_t;

  Vertex AddVertex();
  // Requires: the vertices exist; capacity >= 0; cost >= 0.
  Edge AddEdge(Vertex from, Vertex to, std::int32_t capacity, std::int64_t cost);

  struct Sent {
    std::int64_t amount = 0;
    std::int64_t cost = 0;
  };
  // The most that can go from `source` to `sink`, at the least cost of all ways to send so much.
  // Call once.
  Sent Run(Vertex source, Vertex sink);

  // After Run: how much goes over `edge`.
  std::int32_t FlowOn(Edge edge) const { return arcs_[2 * edge + 1].left; }

 private:
  // Arc 2e is edge e, arc 2e + 1 the way back.
  struct Arc {
    Vertex to;
    std::int32_t left;
    std::int64_t cost;
  };

  void IndexArcs();
  bool FindDistances(Vertex source, Vertex sink);
  bool FindLevels(Vertex source, Vertex sink);
  std::int32_t Push(Vertex from, Vertex sink, std::int32_t most);
  // Whether `arc` from `from` has room and lies on a shortest path.
  bool IsTight(Vertex from, const Arc& arc) const {
    return arc.left > 0 && arc.cost + potential_[from] == potential_[arc.to];
  }

  std::vector<Arc> arcs_;
  std::vector<std::uint32_t> first_;     // of each vertex, in `order_`
  std::vector<std::uint32_t> order_;     // arcs by the vertex they leave
  std::vector<std::uint32_t> cursor_;    // arcs before it are used up in this round
  std::vector<std::int32_t> level_;      // -1: not reached
  std::vector<std::int64_t> potential_;  // the distance from the source so far
  std::vector<std::int64_t> distance_;
  Vertex vertices_ = 0;
};

}  // namespace carillon
