#pragma once

#include <compare>
#include <cstdint>

namespace carillon {

// A node's life: a number that grows with every start (kept on its disk), and a random number of
// that start, which tells a clone of the disk from the node. id 0: not known yet.
struct BootId {
  std::uint64_t counter = 0;
  std::uint64_t id = 0;
  friend auto operator<=>(const BootId&, const BootId&) = default;
};

// Whether two processes, not one after the other, are or were these lives of one node.
inline bool IsOtherLife(const BootId& one, const BootId& other) {
  return one.counter == other.counter && one.id != other.id && one.id != 0 && other.id != 0;
}

}  // namespace carillon
