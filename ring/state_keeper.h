#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "ring/register_messages.h"

namespace carillon {

// What another's state, or word of it, is to this node.
enum class StateVerdict {
  kOlder,     // or the same: nothing to do
  kNewer,     // to be saved and put in force
  kRefused,   // of another cluster, of an older generation, or of a newer one without this node
  kConflict,  // of a version this node has otherwise: cannot be, unless something forgot or forged
};

struct StateRecord {
  std::uint64_t generation = 0;
  StateVersion version;
  Hash128Value hash;
  std::string note;
  WallTime when;  // it came into force here
};

// The committed cluster state of one node: the one in force, and what came before it.
//
// A newer generation (force-recover) is taken only by its members, and an older one by nobody.
// After a conflict the keeper is frozen: it keeps its state, and only a newer generation replaces
// it. Pure. One owner at a time. Memory: one state and kMaxHistory records.
class StateKeeper {
 public:
  static constexpr std::size_t kMaxHistory = 1000;

  // `saved`: what is on this node's disk.
  StateKeeper(NodeId self, SharedState saved, WallTime when);

  const SharedState& committed() const { return committed_; }

  // What this node should make of `offered`; changes nothing. Requires: it is valid.
  StateVerdict Judge(const SharedState& offered) const;
  // The same of word of a state. kNewer: worth asking for.
  StateVerdict Judge(const StateSummary& summary) const;

  // `state` is on disk: it is in force. Requires: judged kNewer.
  void Install(SharedState state, WallTime when);

  // Keeps the first reason.
  void Freeze(std::string why);
  // Why the control plane stands still; empty: it does not.
  const std::string& frozen() const { return frozen_; }

  // Of the present generation; nullopt: not known (any more).
  std::optional<Hash128Value> HashOfVersion(StateVersion version) const;
  // Oldest first; the last is in force.
  const std::deque<StateRecord>& history() const { return history_; }

 private:
  const NodeId self_;
  SharedState committed_;
  std::deque<StateRecord> history_;
  std::string frozen_;
};

}  // namespace carillon
