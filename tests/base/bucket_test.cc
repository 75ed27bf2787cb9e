#include "base/bucket.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

TEST(BucketTest, TheDefaultsAreValid) {
  EXPECT_TRUE(Validate(BucketProperties{}).ok());
  EXPECT_EQ(BucketProperties{}.ttl_seconds, 8u * 86400);
}

TEST(BucketTest, WantsAQuorumUnlessTold) {
  EXPECT_EQ(BucketProperties{.n_val = 1}.AcksWanted(), 1u);
  EXPECT_EQ(BucketProperties{.n_val = 3}.AcksWanted(), 2u);
  EXPECT_EQ(BucketProperties{.n_val = 4}.AcksWanted(), 3u);
  EXPECT_EQ((BucketProperties{.n_val = 5, .w = 1}.AcksWanted()), 1u);
}

TEST(BucketTest, NamesThePropertyThatIsWrong) {
  const auto message = [](BucketProperties properties) {
    return std::string(Message(Validate(properties)));
  };
  EXPECT_EQ(message({.n_val = 0}), "n_val 0 is not in 1..7");
  EXPECT_EQ(message({.n_val = 8}), "n_val 8 is not in 1..7");
  EXPECT_EQ(message({.n_val = 2, .w = 3}), "w 3 is above n_val 2");
  EXPECT_EQ(message({.max_chunk_bytes = 0}), "max_chunk_bytes 0 is not in 1..8388608");
  EXPECT_EQ(message({.max_chunk_bytes = 8388609}), "max_chunk_bytes 8388609 is not in 1..8388608");
  EXPECT_NE(message({.ttl_seconds = kMaxTtlSeconds + 1}).find("ttl"), std::string::npos);
}

TEST(BucketTest, AcceptsTheLimitsThemselves) {
  EXPECT_TRUE(Validate(BucketProperties{.n_val = 7, .w = 7}).ok());
  EXPECT_TRUE(Validate(BucketProperties{.ttl_seconds = 0, .max_chunk_bytes = 8388608}).ok());
  EXPECT_TRUE(Validate(BucketProperties{.ttl_seconds = kMaxTtlSeconds}).ok());
}

TEST(TtlTest, ParsesEveryUnit) {
  EXPECT_EQ(*ParseTtl("forever"), 0u);
  EXPECT_EQ(*ParseTtl("8d"), 691200u);
  EXPECT_EQ(*ParseTtl("36h"), 129600u);
  EXPECT_EQ(*ParseTtl("90m"), 5400u);
  EXPECT_EQ(*ParseTtl("30s"), 30u);
  EXPECT_EQ(*ParseTtl("45"), 45u);
}

TEST(TtlTest, RefusesWhatIsNoDuration) {
  for (const char* bad : {"", "d", "0", "0d", "-1d", "1.5h", "1w", "8dd", " 8d", "8 d", "01d",
                          "36601d", "99999999999999999999", "Forever", "213504000000000d"}) {
    EXPECT_EQ(ParseTtl(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(TtlTest, FormatsWithTheLargestUnitThatFits) {
  EXPECT_EQ(FormatTtl(0), "forever");
  EXPECT_EQ(FormatTtl(691200), "8d");
  EXPECT_EQ(FormatTtl(129600), "36h");
  EXPECT_EQ(FormatTtl(5400), "90m");
  EXPECT_EQ(FormatTtl(61), "61s");
}

TEST(TtlTest, ParsesWhatItFormats) {
  for (const std::uint64_t ttl : {1ul, 59ul, 60ul, 3600ul, 86399ul, 86400ul, kMaxTtlSeconds}) {
    EXPECT_EQ(*ParseTtl(FormatTtl(ttl)), ttl);
  }
}

TEST(SyncModeTest, ParsesWhatItPrintsAndNothingElse) {
  for (const SyncMode mode : {SyncMode::kAlways, SyncMode::kInterval, SyncMode::kOs}) {
    EXPECT_EQ(*ParseSyncMode(ToString(mode)), mode);
  }
  EXPECT_EQ(ParseSyncMode("Always").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseSyncMode("").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carillon
