#include "ring/member_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace carillon {
namespace {

using Change = MemberTable::Change;
using std::chrono::hours;
using std::chrono::milliseconds;

NodeId Node(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return NodeId(uuid);
}

Rumor Word(Liveness liveness, std::uint64_t life, std::uint32_t incarnation) {
  return {.node = Node(2),
          .liveness = liveness,
          .boot = {.counter = life, .id = life},
          .incarnation = incarnation,
          .from = {}};
}

class MemberTableTest : public testing::Test {
 protected:
  MemberTableTest() { SetMembers({1, 2, 3}); }
  void SetMembers(std::vector<std::uint8_t> numbers) {
    std::vector<SwimMember> members;
    for (const std::uint8_t number : numbers) {
      members.push_back({.node = Node(number), .address = "h:1", .life = {}});
    }
    table_.SetMembers(now_, members);
  }
  Liveness Believed() const { return table_.Find(Node(2))->liveness; }

  Instant now_{hours(1)};
  MemberTable table_{Node(1)};
};

TEST_F(MemberTableTest, BelievesNewMembersAliveAndLeavesItselfOut) {
  EXPECT_EQ(table_.members(), 2u);
  EXPECT_EQ(table_.Find(Node(1)), nullptr);
  EXPECT_EQ(Believed(), Liveness::kAlive);
}

TEST_F(MemberTableTest, LetsTheStrongerWordWin) {
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kSuspect, 1, 0)), Change::kNews);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kSuspect, 1, 0)), Change::kSame);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kAlive, 1, 0)), Change::kOld);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kDead, 1, 0)), Change::kNews);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kAlive, 1, 1)), Change::kNews);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kDead, 1, 0)), Change::kOld);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kLeft, 1, 1)), Change::kNews);
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kAlive, 2, 0)), Change::kNews);
  EXPECT_EQ(Believed(), Liveness::kAlive);
}

TEST_F(MemberTableTest, EndsWithOneBeliefWhateverTheOrderOfRumors) {
  std::vector<Rumor> rumors{Word(Liveness::kAlive, 1, 0), Word(Liveness::kDead, 1, 1),
                            Word(Liveness::kSuspect, 1, 2), Word(Liveness::kDead, 2, 0),
                            Word(Liveness::kAlive, 2, 1)};
  std::vector<int> order{0, 1, 2, 3, 4};
  do {
    MemberTable table(Node(1));
    table.SetMembers(now_, {{.node = Node(2), .address = "h:1"}});
    for (const int i : order) table.Apply(now_, rumors[static_cast<std::size_t>(i)]);
    ASSERT_EQ(RumorOf(*table.Find(Node(2))), rumors[4]);
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(MemberTableTest, SaysNothingOfStrangers) {
  Rumor rumor = Word(Liveness::kDead, 1, 0);
  rumor.node = Node(9);
  EXPECT_EQ(table_.Apply(now_, rumor), Change::kStranger);
  EXPECT_EQ(table_.Find(Node(9)), nullptr);
}

TEST_F(MemberTableTest, RaisesNoRemovedMemberByAnOldRumor) {
  table_.Apply(now_, Word(Liveness::kDead, 4, 0));
  SetMembers({3});
  EXPECT_EQ(table_.Find(Node(2)), nullptr);
  now_ += hours(71);
  SetMembers({2, 3});
  EXPECT_EQ(table_.Apply(now_, Word(Liveness::kAlive, 3, 9)), Change::kOld);
  EXPECT_EQ(Believed(), Liveness::kDead);
}

TEST_F(MemberTableTest, ForgetsARemovedMemberAfterThreeDays) {
  table_.Apply(now_, Word(Liveness::kDead, 4, 0));
  SetMembers({3});
  now_ += kRememberGone;
  SetMembers({3});
  EXPECT_EQ(table_.peers().size(), 1u);
}

TEST_F(MemberTableTest, NeverForgetsAMemberHoweverLongDead) {
  table_.Apply(now_, Word(Liveness::kDead, 4, 0));
  now_ += hours(1000);
  SetMembers({2, 3});
  EXPECT_EQ(Believed(), Liveness::kDead);
}

TEST_F(MemberTableTest, BeginsANewLifeWhenTheClusterStateKnowsOne) {
  table_.Apply(now_, Word(Liveness::kDead, 4, 7));
  table_.SetMembers(now_, {{.node = Node(2), .address = "h:2", .life = {.counter = 5}}});
  EXPECT_EQ(Believed(), Liveness::kAlive);
  EXPECT_EQ(table_.Find(Node(2))->incarnation, 0u);
  EXPECT_EQ(table_.Find(Node(2))->address, "h:2");
}

TEST_F(MemberTableTest, SmoothsTheLatencyOfRealRequests) {
  table_.HandleRequestOutcome(Node(2), true, milliseconds(8));
  EXPECT_EQ(table_.Find(Node(2))->latency, milliseconds(8));
  table_.HandleRequestOutcome(Node(2), true, milliseconds(16));
  EXPECT_EQ(table_.Find(Node(2))->latency, milliseconds(9));
  table_.HandleRequestOutcome(Node(2), false, milliseconds(900));
  EXPECT_EQ(table_.Find(Node(2))->latency, milliseconds(9));
}

TEST_F(MemberTableTest, CallsADataPathBrokenAfterThreeFailuresInARow) {
  table_.HandleRequestOutcome(Node(2), false, {});
  table_.HandleRequestOutcome(Node(2), false, {});
  table_.HandleRequestOutcome(Node(2), true, milliseconds(1));
  EXPECT_FALSE(table_.HandleRequestOutcome(Node(2), false, {}));
  EXPECT_FALSE(table_.HandleRequestOutcome(Node(2), false, {}));
  EXPECT_TRUE(table_.HandleRequestOutcome(Node(2), false, {}));
  EXPECT_FALSE(table_.Find(Node(2))->DataPathOk());
  EXPECT_TRUE(table_.HandleRequestOutcome(Node(2), true, milliseconds(1)));
  EXPECT_FALSE(table_.HandleRequestOutcome(Node(9), false, {}));
}

}  // namespace
}  // namespace carillon
