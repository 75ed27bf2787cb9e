#include "tools/carillon/verbs/ring_verbs.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "ring",
    .group = kForAdmins,
    .description = "Look at the ring and change it: members, partitions, moves",
    .examples =
        "Changes are staged, planned, and committed; nothing moves before the commit, and the\n"
        "commit does exactly what the plan showed.\n\n"
        "  carillon ring status\n"
        "  carillon ring join node4 && carillon ring plan\n"
        "  carillon ring commit --wait",
};

}  // namespace

void AddRing(CommandParser* parser, Session* session) {
  Command ring = parser->root().AddVerb(kText);
  ring.RequireVerb();
  AddRingLooks(&ring, session);
  AddRingPlans(&ring, session);
  AddRingChanges(&ring, session);
}

}  // namespace carillon
