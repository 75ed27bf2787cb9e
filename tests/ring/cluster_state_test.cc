#include "ring/cluster_state.h"

#include <gtest/gtest.h>

#include "ring/bucket_change.h"
#include "ring/hash_ring.h"
#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

ClusterState OneNode() {
  return FirstState(TestUuid(1), {.node = NodeId(TestUuid(2)), .name = "a", .address = "h:1"}, 6);
}

TEST(HashRingTest, PutsKnownKeysWhereTheyHaveAlwaysBeen) {
  // Golden: a change of this hash moves all data there is.
  const KeyHash hash = HashKey("events", "1428415043:1:cell0:WEB:app:chunk0");
  EXPECT_EQ(hash.value(), HashKey("events", "1428415043:1:cell0:WEB:app:chunk0").value());
  EXPECT_EQ(PartitionOf(hash, 6).value(), RingPosition(hash) >> 10);
  EXPECT_EQ(PartitionOf(hash, 12).value(), RingPosition(hash) >> 4);
  EXPECT_EQ(PartitionOf(hash, 0).value(), 0);
}

TEST(HashRingTest, TellsBucketsApart) {
  EXPECT_NE(HashKey("a", "bc"), HashKey("ab", "c"));
  EXPECT_NE(HashKey("events", "1-1"), HashKey("rollups", "1-1"));
}

TEST(HashRingTest, SpreadsKeysEvenlyOverPartitions) {
  std::vector<int> counts(64);
  for (int i = 0; i < 64'000; ++i) {
    ++counts[PartitionOf(HashKey("events", fmt::format("{}-1", 1'700'000'000 + i)), 6).value()];
  }
  for (const int count : counts) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

TEST(ClusterStateTest, OfOneNodeIsValidAndHasItsBuckets) {
  const ClusterState state = OneNode();
  EXPECT_TRUE(Validate(state).ok());
  EXPECT_NE(state.FindBucket("events"), nullptr);
  EXPECT_NE(state.FindBucket("rollups"), nullptr);
  EXPECT_EQ(state.FindBucket("none"), nullptr);
}

TEST(ClusterStateTest, ComesBackFromItsBytes) {
  const ClusterState state = OneNode();
  const auto decoded = DecodeClusterState(EncodeClusterState(state));
  ASSERT_TRUE(decoded.ok()) << ToString(decoded.status());
  EXPECT_EQ(*decoded, state);
}

// Every role, phase, and kind of change, a plan of twice the partitions, and all else not default.
ClusterState RichState() {
  ClusterState state = RingOf(5, 3, 2);
  state.generation = 3;
  state.version = StateVersion(77);
  state.previous = {.low = 5, .high = 6};
  state.change = TestUuid(8);
  state.note = "rich";
  state.paused = true;
  state.members[1].role = MemberRole::kLeaving;
  state.members[2].role = MemberRole::kJoining;
  state.members[3].weight = kMaxWeight;
  state.placement[1] = {.homes = {0, 1},
                        .next = {1, 3, 4},
                        .ready = {3, 4},
                        .phase = Phase::kDual,
                        .changed = StateVersion(70)};
  state.placement[2] = {.homes = {0}, .next = {3}, .phase = Phase::kReadNew};
  state.placement[3].target = {4, 3, 0};
  using Kind = StagedChange::Kind;
  state.staged = {{.kind = Kind::kJoin, .node = TestNode(30)},
                  {.kind = Kind::kLeave, .node = TestNode(10)},
                  {.kind = Kind::kReplace, .node = TestNode(40), .other = TestNode(30)},
                  {.kind = Kind::kRemove, .node = TestNode(50)},
                  {.kind = Kind::kWeight, .node = TestNode(10), .weight = 7},
                  {.kind = Kind::kRack, .node = TestNode(10), .rack = "r9"},
                  {.kind = Kind::kSplit},
                  {.kind = Kind::kRebalance}};
  state.plan = SavedPlan{.id = TestUuid(9), .targets = HomeLists(16, {4, 0})};
  return state;
}

TEST(ClusterStateTest, ComesBackFromItsBytesWithAllThatIsInIt) {
  const ClusterState state = RichState();
  const auto decoded = DecodeClusterState(EncodeClusterState(state));
  ASSERT_TRUE(decoded.ok()) << ToString(decoded.status());
  EXPECT_EQ(*decoded, state);
}

TEST(ClusterStateTest, OfOneNodeHasTheBytesThatFormatsShows) {
  const Bytes bytes = EncodeClusterState(FirstState(
      TestUuid(1), {.node = NodeId(TestUuid(2)), .name = "node1"}, kDefaultPartitionBits));
  Bytes tail =
      "\x07"
      "founded";
  tail += Bytes("\0\x06\x01", 3) + Bytes("\x07") + Bytes(14, '\0') + "\x02";
  tail +=
      "\x05"
      "node1" +
      Bytes(1, '\0') +
      "\x05"
      "rack1"
      "\x64\x01" +
      Bytes(9, '\0');  // no start of it was ruled on
  for (int p = 0; p < 64; ++p) tail += Bytes("\0\1\1\0\0\0\0", 7);
  const Bytes properties("\x03\0\x80\x98\x2a\0\x80\xa0\x1f\0", 10);
  tail +=
      "\x02\x06"
      "events" +
      properties +
      "\x07"
      "rollups" +
      properties + Bytes(2, '\0');
  EXPECT_EQ(bytes.size(), 2 + 16 + 8 + 8 + 16 + 16 + tail.size());
  EXPECT_EQ(bytes.substr(bytes.size() - tail.size()), tail);
}

TEST(ClusterStateTest, RefusesAStagedChangeOfNobody) {
  for (const StagedChange& change :
       {StagedChange{.kind = StagedChange::Kind::kLeave, .node = TestNode(77)},
        StagedChange{.kind = StagedChange::Kind::kReplace, .node = TestNode(10)}}) {
    ClusterState state = RingOf(2);
    state.staged = {change};
    EXPECT_EQ(Validate(state).code(), StatusCode::kInvalidArgument);
  }
}

// A next version of RingOf(4) whose partition 0 goes `from` -> `to`.
Status StepOf(PartitionHomes from, PartitionHomes to) {
  ClusterState state = RingOf(4);
  from.changed = state.version;
  state.placement[0] = std::move(from);
  ClusterState next = NextVersionOf(state, "step");
  to.changed = next.version;
  next.placement[0] = std::move(to);
  return ValidateStep(state, next);
}

TEST(ValidateStepTest, APartitionStartsOnlyToItsTarget) {
  const PartitionHomes from{.homes = {0, 1}, .target = {0, 2}};
  EXPECT_TRUE(StepOf(from, {.homes = {0, 1}, .next = {0, 2}, .phase = Phase::kDual}).ok());
  EXPECT_FALSE(StepOf(from, {.homes = {0, 1}, .next = {0, 3}, .phase = Phase::kDual}).ok());
  EXPECT_FALSE(StepOf(from, {.homes = {0, 1}, .next = {2, 0}, .phase = Phase::kDual}).ok());
  EXPECT_FALSE(StepOf(from, {.homes = {0, 1}, .next = {0, 2}, .phase = Phase::kReadNew}).ok());
  EXPECT_FALSE(StepOf(from, {.homes = {0, 2}}).ok());
}

TEST(ValidateStepTest, APhaseBeginsWithNobodyReady) {
  const PartitionHomes ready{.homes = {0, 1}, .next = {0, 2}, .ready = {2}, .phase = Phase::kDual};
  PartitionHomes to{.homes = {0, 1}, .next = {0, 2}, .phase = Phase::kReadNew};
  EXPECT_TRUE(StepOf(ready, to).ok());
  to.ready = {2};
  EXPECT_FALSE(StepOf(ready, to).ok());
}

TEST(ValidateStepTest, APhaseEndsOnlyWhenAllNewHomesAreReady) {
  const PartitionHomes dual{.homes = {0, 1}, .next = {2, 3}, .ready = {2}, .phase = Phase::kDual};
  EXPECT_FALSE(StepOf(dual, {.homes = {0, 1}, .next = {2, 3}, .phase = Phase::kReadNew}).ok());
  EXPECT_TRUE(StepOf(dual, {.homes = {0, 1}}).ok());  // given up
  EXPECT_FALSE(StepOf(dual, {.homes = {2, 3}}).ok());
  PartitionHomes read_new = dual;
  read_new.phase = Phase::kReadNew;
  EXPECT_FALSE(StepOf(read_new, {.homes = {2, 3}}).ok());
  EXPECT_FALSE(StepOf(read_new, {.homes = {0, 1}}).ok());
  read_new.ready = {2, 3};
  EXPECT_TRUE(StepOf(read_new, {.homes = {2, 3}}).ok());
}

TEST(ValidateStepTest, FollowsOnlyTheVersionItIsChainedTo) {
  const ClusterState state = RingOf(3);
  ClusterState other = state;
  other.note = "other";
  EXPECT_TRUE(ValidateStep(state, NextVersionOf(state, "next")).ok());
  EXPECT_FALSE(ValidateStep(other, NextVersionOf(state, "next")).ok());
  EXPECT_FALSE(ValidateStep(state, NextVersionOf(NextVersionOf(state, "a"), "b")).ok());
}

TEST(ClusterStateTest, RefusesEveryCutAndNeverCrashesOnAFlippedByte) {
  const Bytes bytes = EncodeClusterState(RichState());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeClusterState(ByteSpan(bytes).substr(0, size)).status().code(),
              StatusCode::kDataLoss);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x55);
    const auto decoded = DecodeClusterState(flipped);
    EXPECT_TRUE(!decoded.ok() || Validate(*decoded).ok());
  }
}

TEST(ClusterStateTest, RefusesAPartitionWithoutAHomeOrWithOneTwice) {
  ClusterState state = OneNode();
  state.placement[3].homes = {};
  EXPECT_EQ(Validate(state).code(), StatusCode::kInvalidArgument);
  state.placement[3].homes = {0, 0};
  EXPECT_EQ(Validate(state).code(), StatusCode::kInvalidArgument);
  state.placement[3].homes = {1};
  EXPECT_EQ(Validate(state).code(), StatusCode::kInvalidArgument);
}

TEST(BucketChangeTest, MakesTheNextVersionAndChainsItToTheLast) {
  const ClusterState state = OneNode();
  const auto next = WithNewBucket(state, "history", {.ttl_seconds = 0});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->version.value(), state.version.value() + 1);
  EXPECT_EQ(next->previous, HashOf(state));
  EXPECT_EQ(next->FindBucket("history")->ttl_seconds, 0u);
  EXPECT_EQ(state.FindBucket("history"), nullptr);
}

TEST(BucketChangeTest, KeepsWhatIsNotGiven) {
  const auto next = WithBucketChanged(OneNode(), "events", {.n_val = 1});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->FindBucket("events")->n_val, 1u);
  EXPECT_EQ(next->FindBucket("events")->max_chunk_bytes, 512'000u);
}

TEST(BucketChangeTest, RefusesWhatCannotBe) {
  const ClusterState state = OneNode();
  EXPECT_EQ(WithNewBucket(state, "events", {}).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(WithNewBucket(state, "a b", {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WithNewBucket(state, "x", {.n_val = 8}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WithBucketChanged(state, "none", {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(WithBucketChanged(state, "events", {.w = 4}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(BucketChangeTest, BoundsTheNumberOfBuckets) {
  ClusterState state = OneNode();
  for (std::size_t i = state.buckets.size(); i < kMaxBuckets; ++i) {
    state.buckets[fmt::format("b{}", i)] = {};
  }
  EXPECT_EQ(WithNewBucket(state, "more", {}).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace carillon
