#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ring/boot_id.h"
#include "ring/cluster_state.h"

namespace carillon {

// What a node must not forget of having been told that another runs as it.
struct Dispute {
  BootId other;  // {0, 0}: there is none, or not known which life
  bool open = false;
  friend bool operator==(const Dispute&, const Dispute&) = default;
};

// Whether this process may act as its node: its data directory may be a copy, or an old copy
// brought back. Two durable facts decide: the lives in its own directory, and the life that the
// cluster state rules to be the rightful one (Member::life).
//
//   no ruling:         serves, until others say that another life of it counts; then disputed, also
//                      after a restart, until there is a ruling
//   own life ruled:    rightful; serves, whatever others say
//   another one ruled: ruled out, for good
//
// A ruling is a version of the ring, so there is one, and a copy made after it is told from the
// node by the next. Pure. One owner at a time.
class IdentityGuard {
 public:
  // `lives`: the ids of all of this directory's. `life`: of the present one.
  IdentityGuard(const NodeId& self, std::uint64_t life, std::vector<std::uint64_t> lives,
                const Dispute& dispute);

  // `state` is in force. True: whether this process may act has changed.
  bool HandleState(const ClusterState& state);

  // What is to be done when others believe in another life of this node.
  enum class Advice {
    kNothing,  // this process knows already that it is none of theirs
    kSilence,  // dispute() is to be saved: it acts no more
    kContend,  // an earlier life was ruled: the ring must be asked for the present one
    kInsist,   // the present life is ruled: the others must hear of it as the newest
  };
  Advice HearOfOther(const BootId& other);

  // Why this process must not act as its node; empty: it may.
  const std::string& refusal() const { return refusal_; }
  bool refused() const { return !refusal_.empty(); }
  // The present life is ruled to be the rightful one.
  bool IsRuled() const { return verdict_ == Verdict::kPresent; }
  // Whether that life was one of this directory; 0: yes.
  bool IsOwn(std::uint64_t life) const;
  const Dispute& dispute() const { return dispute_; }

 private:
  enum class Verdict { kNone, kOwn, kPresent, kRuledOut };
  void Judge();

  const NodeId self_;
  const std::uint64_t life_;
  const std::vector<std::uint64_t> lives_;
  Dispute dispute_;
  Verdict verdict_ = Verdict::kNone;
  std::string refusal_;
};

// The version after `state` in which `life` is ruled to be the rightful one of `node`, of which two
// were seen. A plan stays as it is.
// NOT_FOUND: no such member. INVALID_ARGUMENT: a life that is not known.
// ALREADY_EXISTS: that life, or a later one, is ruled.
StatusOr<ClusterState> WithLife(const ClusterState& state, const NodeId& node, const BootId& life);

}  // namespace carillon
