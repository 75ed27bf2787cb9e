#include "ring/preference_list.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

ClusterState StateOf(std::size_t members) {
  ClusterState state;
  state.members.resize(members);
  return state;
}

const auto kAll = [](MemberIndex) { return true; };

TEST(PreferenceListTest, FallbacksBeginAtAPlaceOfThePartitionAndLeaveOutItsHomes) {
  const ClusterState state = StateOf(5);
  EXPECT_EQ(FallbackOrderOf(state, PartitionId(3), {0, 4}), (std::vector<MemberIndex>{3, 1, 2}));
  EXPECT_EQ(FallbackOrderOf(state, PartitionId(11), {}), (std::vector<MemberIndex>{1, 2, 3, 4, 0}));
}

TEST(PreferenceListTest, MembersThatLeaveAreTheLastFallbacks) {
  ClusterState state = StateOf(5);
  state.members[1].role = MemberRole::kLeaving;
  EXPECT_EQ(FallbackOrderOf(state, PartitionId(0), {0}), (std::vector<MemberIndex>{2, 3, 4, 1}));
  EXPECT_EQ(FallbacksOf(state, PartitionId(0), {0}, 3, kAll), (std::vector<MemberIndex>{2, 3, 4}));
}

TEST(PreferenceListTest, FallbacksAreTheFirstThatAreWanted) {
  const ClusterState state = StateOf(1000);
  const auto is_even = [](MemberIndex member) { return member % 2 == 0; };
  EXPECT_EQ(FallbacksOf(state, PartitionId(7), {8}, 3, is_even),
            (std::vector<MemberIndex>{10, 12, 14}));
}

TEST(PreferenceListTest, NobodyIsLookedAtOnceThereAreEnoughFallbacks) {
  const ClusterState state = StateOf(1000);
  std::size_t looked_at = 0;
  const auto count = [&](MemberIndex) { return ++looked_at > 0; };
  EXPECT_EQ(FallbacksOf(state, PartitionId(0), {}, 12, count).size(), 12u);
  EXPECT_EQ(looked_at, 12u);
}

}  // namespace
}  // namespace carillon
