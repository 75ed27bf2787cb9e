#include "ring/rumors.h"

#include <bit>

#include "ring/gossip_codec.h"

namespace carillon {

void Rumors::Add(const Rumor& rumor) {
  Forget(rumor.node);
  const Place place{0, next_order_--};
  queue_.emplace(place, rumor);
  places_.emplace(rumor.node, place);
}

void Rumors::Forget(const NodeId& node) {
  const auto found = places_.find(node);
  if (found == places_.end()) return;
  queue_.erase(found->second);
  places_.erase(found);
}

std::vector<Rumor> Rumors::Take(std::size_t bytes, std::uint32_t limit) {
  std::vector<Rumor> taken;
  std::vector<std::map<Place, Rumor>::node_type> told;
  for (auto next = queue_.begin(); next != queue_.end() && taken.size() < kMaxRumorsPerMessage;) {
    const auto at = next++;
    const std::size_t size = GossipBytes(at->second);
    if (size > bytes) break;  // sizes differ little: looking further gains nothing
    bytes -= size;
    taken.push_back(at->second);
    told.push_back(queue_.extract(at));
  }
  for (auto& node : told) {
    if (++node.key().first >= limit) {
      places_.erase(node.mapped().node);
      continue;
    }
    places_[node.mapped().node] = node.key();
    queue_.insert(std::move(node));
  }
  return taken;
}

std::uint32_t TellingLimit(std::uint32_t multiplier, std::size_t nodes) {
  return multiplier * static_cast<std::uint32_t>(std::bit_width(nodes));
}

}  // namespace carillon
