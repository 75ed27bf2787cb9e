// Random admins and nodes: whatever they do, every version follows the one before, and in the end
// the ring is quiet and balanced.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/random.h"
#include "ring/plan_risks.h"
#include "ring/tenant_change.h"
#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

using Kind = StagedChange::Kind;

class RingWalk {
 public:
  explicit RingWalk(std::uint64_t seed)
      : random_(seed), state_(RingOf(1 + random_.Below(5), 3, 1 + random_.Below(3))) {}

  void TakeSteps(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) TakeStep();
  }

  // Commits what is left to do and lets everybody get ready, until nothing moves.
  void Settle() {
    if (state_.paused) Adopt(WithPaused(state_, false));
    Drain();
    // A leaving member may have been the last able one when an abort kept it.
    Adopt(WithStagedCleared(state_));
    Adopt(WithStaged(state_, {.kind = Kind::kRebalance}));
    Plan();
    Commit();
    Drain();
  }

  const ClusterState& state() const { return state_; }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t finished() const { return finished_; }

 private:
  void TakeStep() {
    switch (random_.Below(15)) {
      case 0:
        if (state_.members.size() < 12) Adopt(WithJoining(state_, NewMember()));
        break;
      case 1:
        Adopt(WithStaged(state_, {.kind = Kind::kLeave, .node = AnyNode()}));
        break;
      case 2:
        Adopt(WithStaged(state_, {.kind = random_.OneIn(2) ? Kind::kRemove : Kind::kReplace,
                                  .node = AnyNode(),
                                  .other = AnyNode()}));
        break;
      case 3:
        Adopt(WithStaged(state_, {.kind = Kind::kWeight,
                                  .node = AnyNode(),
                                  .weight = static_cast<std::uint32_t>(random_.Below(300))}));
        break;
      case 4:
        Adopt(WithStaged(state_, {.kind = Kind::kRack, .node = AnyNode(), .rack = AnyRack()}));
        break;
      case 5:
        if (state_.partition_bits < 6) Adopt(WithStaged(state_, {.kind = Kind::kSplit}));
        break;
      case 6:
        Plan();
        break;
      case 7:
        Commit();
        break;
      case 8:
        if (random_.OneIn(3)) Adopt(WithAborted(state_));
        break;
      case 9:
        Adopt(WithPaused(state_, !state_.paused));
        break;
      case 10:
        if (random_.OneIn(3)) Adopt(WithStagedCleared(state_));
        if (random_.OneIn(3)) Adopt(WithMemberForgotten(state_, AnyNode()));
        break;
      case 11:
        ChangeTenants();
        break;
      case 12:
      case 13:
        Adopt(WithReady(state_, AnyNode(), SomePartitions(),
                        random_.OneIn(2) ? Phase::kDual : Phase::kReadNew));
        break;
      default:
        Step();
    }
  }

  void ChangeTenants() {
    const std::string name = fmt::format("t{}", random_.Below(4));
    WriteKeyHash hash{};
    hash[0] = static_cast<std::uint8_t>(random_.Below(8));
    switch (random_.Below(4)) {
      case 0:
        return Adopt(WithTenantSet(state_, name, std::string(random_.Below(99), '#'), {}));
      case 1:
        return Adopt(WithTenantRemoved(state_, name, {}));
      case 2:
        return Adopt(WithKeyAdded(state_, hash, {.tenant = name}));
      default:
        return Adopt(WithKeyRevoked(state_, KeyIdOf(hash), random_.OneIn(2)));
    }
  }

  void Plan() {
    const auto plan = MakePlan(state_, {});
    if (plan.ok()) Adopt(WithPlanSaved(state_, *plan, TestUuid(99)));
  }

  void Commit() { Adopt(WithPlanCommitted(state_, TestUuid(99))); }

  bool Step() {
    const auto next = NextStep(state_, 1 + random_.Below(6));
    if (!next) return false;
    Adopt(*next);
    return true;
  }

  void Drain() {
    for (int round = 0; round < 2000 && !testing::Test::HasFatalFailure(); ++round) {
      for (const Member& member : std::vector<Member>(state_.members)) {
        std::vector<PartitionId> all;
        for (std::size_t p = 0; p < state_.partitions(); ++p) {
          all.emplace_back(static_cast<std::uint16_t>(p));
        }
        Adopt(WithReady(state_, member.node, all, Phase::kDual));
        Adopt(WithReady(state_, member.node, all, Phase::kReadNew));
      }
      if (!Step()) return;
    }
    FAIL() << "the ring does not come to rest";
  }

  void Adopt(const StatusOr<ClusterState>& next) {
    if (!next.ok()) return;
    ASSERT_EQ(ToString(ValidateStep(state_, *next)), "OK") << next->note;
    const auto decoded = DecodeClusterState(EncodeClusterState(*next));
    ASSERT_TRUE(decoded.ok() && *decoded == *next) << next->note;
    CheckHomes(*next);
    state_ = *next;
    ++accepted_;
  }

  // Homes change only when READNEW ends, to what was next; a split aside.
  void CheckHomes(const ClusterState& next) {
    const std::size_t shift = next.partition_bits - state_.partition_bits;
    for (std::size_t p = 0; p < next.partitions(); ++p) {
      const PartitionHomes& from = state_.placement[p >> shift];
      const PartitionHomes& to = next.placement[p];
      ASSERT_FALSE(to.homes.empty());
      if (NamesOf(state_, from.homes) == NamesOf(next, to.homes)) continue;
      ASSERT_EQ(from.phase, Phase::kReadNew);
      ASSERT_EQ(NamesOf(state_, from.next), NamesOf(next, to.homes));
      ++finished_;
    }
  }

  NodeId AnyNode() { return state_.members[random_.Below(state_.members.size())].node; }
  std::string AnyRack() { return fmt::format("r{}", random_.Below(4)); }

  Member NewMember() {
    Member member = TestMember(++last_, AnyRack());
    member.node = NodeId(TestUuid(static_cast<std::uint8_t>(random_.Next())));
    return member;
  }

  std::vector<PartitionId> SomePartitions() {
    std::vector<PartitionId> some;
    for (std::size_t p = 0; p < state_.partitions(); ++p) {
      if (!random_.OneIn(3)) some.emplace_back(static_cast<std::uint16_t>(p));
    }
    return some;
  }

  Random random_;
  ClusterState state_;
  std::uint8_t last_ = 100;
  std::uint64_t accepted_ = 0;
  std::uint64_t finished_ = 0;  // moves
};

// Every home list is as placement would have it: nothing would move.
void ExpectBalanced(const ClusterState& state) {
  HomeLists homes;
  for (const PartitionHomes& partition : state.placement) homes.push_back(partition.homes);
  EXPECT_EQ(PlacePartitions(PlacementMembers(state.members), state.MaxReplicas(), homes), homes);
}

// CARILLON_RING_WALKS=N: so many walks.
TEST(RingWalkTest, EndsQuietAndBalancedWhateverIsDoneToIt) {
  const char* wanted = std::getenv("CARILLON_RING_WALKS");
  const std::uint64_t walks = wanted == nullptr ? 60 : std::strtoull(wanted, nullptr, 10);
  std::uint64_t accepted = 0;
  std::uint64_t finished = 0;
  for (std::uint64_t seed = 1; seed <= walks; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RingWalk walk(seed);
    walk.TakeSteps(200);
    ASSERT_FALSE(HasFailure());
    walk.Settle();
    ASSERT_FALSE(HasFailure());
    EXPECT_FALSE(walk.state().IsMoving());
    EXPECT_TRUE(walk.state().staged.empty());
    ExpectBalanced(walk.state());
    for (const Member& member : walk.state().members) {
      EXPECT_NE(member.role, MemberRole::kLeaving) << member.name;
    }
    accepted += walk.accepted();
    finished += walk.finished();
  }
  EXPECT_GT(accepted, 20 * walks);
  EXPECT_GT(finished, 10 * walks);
}

}  // namespace
}  // namespace carillon
