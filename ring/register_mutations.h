#pragma once

// Rules of the register that can be broken, one at a time, to prove that the simulator notices
// (tests/sim/register). Only tests set any.
namespace carillon {

struct RegisterMutations {
  bool promise_not_saved = false;       // a promise is told before, and without, its save
  bool accept_not_saved = false;        // so is an acceptance
  bool ignores_accepted_value = false;  // a proposer does not finish what it finds accepted
  bool quorum_of_new_members = false;   // acceptances are counted among the voters of the value
  bool no_slot_check = false;           // an acceptor takes part in any slot
  bool half_is_majority = false;        // 2 of 4
  bool ballots_not_unique = false;      // two proposers may use one ballot
  bool voter_forgets = false;           // a voter loses its acceptor's state in a crash, and votes
  friend bool operator==(const RegisterMutations&, const RegisterMutations&) = default;
};

}  // namespace carillon
