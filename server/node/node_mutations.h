#pragma once

// Rules of the node that can be broken, one at a time, to prove that the simulator notices
// (tests/sim/cluster, docs/TESTING.md). Only tests set any.
namespace carillon {

struct NodeMutations {
  bool no_fence = false;               // requests made under an older ring are carried out
  bool snapshot_before_fence = false;  // a source that is behind the ring answers a pull
  bool ack_after_fence = false;        // a write that ends after its partition changed counts
  bool one_source = false;             // a new home pulls from one of the homes
  bool drop_hint_early = false;        // a fallback drops what one home has
  bool dual_acks_old_only = false;     // w among the homes is enough while a partition moves
  bool taken_by_one = false;           // one vote for another owner is enough to say "taken"
  bool new_homes_not_told = false;     // of claims that are decided while a partition moves
  bool sync_overrides_votes = false;   // a pulled claim replaces another owner's
  bool settles_at_once = false;        // a changed rule of a bucket counts alone from the start
  bool reads_by_new_rule = false;      // the same, of reads only; former homes are not asked
  bool settles_unpulled = false;       // a home says that it has settled, and has pulled nothing
  bool not_found_believed = false;     // the first home that has not got a chunk is believed
  friend bool operator==(const NodeMutations&, const NodeMutations&) = default;
};

}  // namespace carillon
