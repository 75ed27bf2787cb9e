#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ring/cluster_state.h"
#include "ring/register_messages.h"

namespace carillon {

// I8: one state a version, chained by hash; no node goes back; every partition has homes that are
// members, each once.
class RingChecker {
 public:
  // `node` has `state` in force. What is wrong with that; nullopt: nothing.
  std::optional<std::string> Observe(std::size_t node, const SharedState& state);

  // The newest that anybody had.
  const SharedState& newest() const { return newest_; }
  std::uint64_t moves_done() const { return moves_done_; }

 private:
  struct Known {
    Hash128Value hash;
    Hash128Value previous;
  };
  std::map<StateVersion, Known> known_;
  std::map<std::size_t, StateVersion> of_node_;
  SharedState newest_;
  std::uint64_t moves_done_ = 0;
};

}  // namespace carillon
