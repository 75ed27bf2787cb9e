#include "ring/cluster_state.h"

#include <gtest/gtest.h>

#include "ring/bucket_change.h"
#include "ring/hash_ring.h"

namespace carillon {
namespace {

Uuid TestUuid(std::uint8_t last) {
  Uuid uuid;
  uuid.bytes[0] = 7;
  uuid.bytes[15] = last;
  return uuid;
}

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

TEST(ClusterStateTest, RefusesEveryCutAndNeverCrashesOnAFlippedByte) {
  const Bytes bytes = EncodeClusterState(OneNode());
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
