#pragma once

#include "tools/carillon/command.h"
#include "tools/carillon/session.h"
#include "tools/carillon/stop_signal.h"

// The verbs below `carillon ring`, a file a group.
namespace carillon {

// status, members, transfers, where, history.
void AddRingLooks(Command* ring, Session* session);
// join, leave, replace, remove, weight, rack, split, rebalance, clear; pause, resume, abort;
// repair.
void AddRingChanges(Command* ring, Session* session);
// plan, commit.
void AddRingPlans(Command* ring, Session* session);

// Follows a change of the ring that was made as version `since`, until nothing moves or `stop`;
// draws its progress on a terminal. A node that does not have that version yet is not believed.
// UNAVAILABLE: nobody could be asked for a while. True: nothing moves.
StatusOr<bool> FollowMoves(const Session& session, ClusterAdmin* admin, StateVersion since,
                           StopSignal* stop);

}  // namespace carillon
