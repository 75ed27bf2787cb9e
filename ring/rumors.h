#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "ring/gossip_message.h"

namespace carillon {

// What is still to be told, and how often it has been.
//
// A node has one rumor at most: a newer one replaces it and begins again. Each is handed out up to
// a limit of times, those handed out least first, the newest of these first (SWIM, section 4.1).
//
// Pure. Memory: O(nodes). Cost: O(log n) a rumor.
class Rumors {
 public:
  void Add(const Rumor& rumor);
  // Nothing about `node` is told any more.
  void Forget(const NodeId& node);

  // As many as fit into `bytes` and kMaxRumorsPerMessage; what was told `limit` times is forgotten.
  std::vector<Rumor> Take(std::size_t bytes, std::uint32_t limit);

  bool empty() const { return queue_.empty(); }
  std::size_t size() const { return queue_.size(); }

 private:
  using Place = std::pair<std::uint32_t, std::uint64_t>;  // times told; counts down: newest first
  std::map<Place, Rumor> queue_;
  std::map<NodeId, Place> places_;
  std::uint64_t next_order_ = UINT64_MAX;
};

// How often a rumor is told so that all of `nodes` hear it: multiplier * ceil(log2(nodes + 1)).
std::uint32_t TellingLimit(std::uint32_t multiplier, std::size_t nodes);

}  // namespace carillon
