#include "storage/index_key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tuple>

#include "storage/digest.h"
#include "storage/retention.h"

namespace carillon {
namespace {

rc::Gen<std::string> ShortName(std::size_t min_size) {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(min_size, 4), [](std::size_t size) {
    return rc::gen::container<std::string>(size, rc::gen::elementOf(std::string("-.09AZ_az")));
  });
}

struct Place {
  PartitionId partition;
  std::string bucket;
  ChunkKey key;
  auto Order() const { return std::tie(partition, bucket, key); }
  Bytes Encoded() const { return ChunkIndexKey(partition, bucket, key); }
};

// Small ranges, so that two of them often share a prefix.
Place AnyPlace() {
  return {.partition = PartitionId(*rc::gen::inRange<std::uint16_t>(0, 300)),
          .bucket = *ShortName(1),
          .key = {.epoch = Epoch(*rc::gen::inRange<std::uint64_t>(0, 600)),
                  .dc = *ShortName(1),
                  .cell = *ShortName(1),
                  .type = *ShortName(1),
                  .subtype = *ShortName(0),
                  .number = *rc::gen::arbitrary<std::uint64_t>()}};
}

RC_GTEST_PROP(IndexKeyTest, SortsByPartitionBucketEpochDcCellTypeSubtypeNumber, ()) {
  const Place a = AnyPlace();
  const Place b = AnyPlace();
  RC_ASSERT((a.Encoded() < b.Encoded()) == (a.Order() < b.Order()));
}

RC_GTEST_PROP(IndexKeyTest, ParsesWhatItMakes, ()) {
  const Place place = AnyPlace();
  const auto parsed = ParseChunkIndexKey(place.Encoded());
  RC_ASSERT(parsed.ok());
  RC_ASSERT(parsed->partition == place.partition);
  RC_ASSERT(parsed->bucket == place.bucket);
  RC_ASSERT(parsed->key == place.key);
}

RC_GTEST_PROP(IndexKeyTest, LiesInsideEachOfItsPrefixes, ()) {
  const Place place = AnyPlace();
  const Bytes key = place.Encoded();
  for (const Bytes& prefix :
       {PartitionPrefix(place.partition),
        EpochPrefix(place.partition, place.bucket, place.key.epoch),
        SecondPrefix(place.partition, place.bucket, place.key.epoch, place.key.dc)}) {
    RC_ASSERT(key.starts_with(prefix));
    RC_ASSERT(key >= prefix && key < PrefixLimit(prefix));
  }
}

TEST(IndexKeyTest, EveryTruncationIsDataLoss) {
  const Bytes key = ChunkIndexKey(PartitionId(3), "events",
                                  {.epoch = Epoch(5), .dc = "1", .cell = "c", .type = "T"});
  for (std::size_t size = 0; size < key.size(); ++size) {
    EXPECT_EQ(ParseChunkIndexKey(std::string_view(key).substr(0, size)).status().code(),
              StatusCode::kDataLoss);
  }
  EXPECT_EQ(ParseChunkIndexKey(key + "x").status().code(), StatusCode::kDataLoss);
}

TEST(IndexKeyTest, AnEpochsPrefixIsNotThatOfALongerBucketName) {
  const Bytes of_events = EpochPrefix(PartitionId(1), "events", Epoch(7));
  const Bytes of_events2 = ChunkIndexKey(PartitionId(1), "events2",
                                         {.epoch = Epoch(7), .dc = "1", .cell = "c", .type = "T"});
  EXPECT_FALSE(of_events2.starts_with(of_events));
}

TEST(PrefixLimitTest, IsTheFirstStringAfterThePrefix) {
  EXPECT_EQ(PrefixLimit("ab"), "ac");
  EXPECT_EQ(PrefixLimit("a\xff"), "b");
  EXPECT_EQ(PrefixLimit("\xff\xff"), "");
  EXPECT_EQ(PrefixLimit(""), "");
}

RC_GTEST_PROP(DigestTest, DoesNotDependOnTheOrder, (std::vector<std::string> keys)) {
  Digest forward, backward;
  for (auto key = keys.begin(); key != keys.end(); ++key) forward.Add(DigestOf(*key, 7));
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) backward.Add(DigestOf(*key, 7));
  RC_ASSERT(forward == backward);
  RC_ASSERT(forward.count == keys.size());
}

RC_GTEST_PROP(DigestTest, ANegativeTakesAnEntryOut, (std::string a, std::string b)) {
  Digest digest = DigestOf(a, 1);
  digest.Add(DigestOf(b, 2));
  digest.Add(NegativeDigestOf(b, 2));
  RC_ASSERT(digest == DigestOf(a, 1));
}

RC_GTEST_PROP(DigestTest, DecodesWhatItEncodes, (std::string key, std::uint32_t crc)) {
  const Digest digest = DigestOf(key, crc);
  RC_ASSERT(EncodeDigest(digest).size() == 24u);
  RC_ASSERT(*DecodeDigest(EncodeDigest(digest)) == digest);
}

TEST(DigestTest, DependsOnKeyAndCrc) {
  EXPECT_NE(DigestOf("a", 1), DigestOf("b", 1));
  EXPECT_NE(DigestOf("a", 1), DigestOf("a", 2));
}

TEST(DigestTest, OtherLengthsAreDataLoss) {
  EXPECT_EQ(DecodeDigest(Bytes(23, 'x')).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeDigest(Bytes(25, 'x')).status().code(), StatusCode::kDataLoss);
}

class RetentionTest : public testing::Test {
 protected:
  static SegmentEntry Segment(std::uint64_t id, std::uint64_t last_epoch, std::uint64_t expire_at) {
    SegmentEntry entry;
    entry.id = SegmentId(id);
    entry.sealed = true;
    entry.bytes = 100;
    entry.summary = {.records = 1,
                     .max_expire_at = expire_at,
                     .forever = expire_at == 0,
                     .first_epoch = last_epoch,
                     .last_epoch = last_epoch};
    return entry;
  }
  static std::vector<std::uint64_t> Plan(const std::vector<SegmentEntry>& segments,
                                         std::uint64_t now, std::uint64_t free_bytes,
                                         double watermark) {
    std::vector<std::uint64_t> ids;
    for (const SegmentDrop& drop :
         PlanRetention(segments, now, {.total_bytes = 1000, .free_bytes = free_bytes},
                       {.expiry_grace_seconds = 300, .watermark_free = watermark})) {
      ids.push_back(drop.id.value());
    }
    return ids;
  }
};

TEST_F(RetentionTest, DropsWhatExpiredMoreThanTheGraceAgo) {
  const std::vector<SegmentEntry> segments = {Segment(1, 10, 1000), Segment(2, 20, 1001)};
  EXPECT_EQ(Plan(segments, 1300, 1000, 0), std::vector<std::uint64_t>());
  EXPECT_EQ(Plan(segments, 1301, 1000, 0), std::vector<std::uint64_t>({1}));
  EXPECT_EQ(Plan(segments, 1302, 1000, 0), std::vector<std::uint64_t>({1, 2}));
}

TEST_F(RetentionTest, NeverDropsTheOpenSegmentOrWhatIsForever) {
  SegmentEntry open = Segment(1, 10, 1);
  open.sealed = false;
  EXPECT_EQ(Plan({open, Segment(2, 10, 0)}, 1'000'000, 1000, 0), std::vector<std::uint64_t>());
}

TEST_F(RetentionTest, PartitionDropsStayUntilTheirSegmentIsTheOldestOfItsClass) {
  SegmentEntry drops = Segment(2, 10, 1);
  drops.has_drops = true;
  drops.summary.records = 0;
  SegmentEntry other_class = Segment(1, 10, 0);
  other_class.ttl_class = 7;
  EXPECT_EQ(Plan({Segment(1, 10, 0), drops}, 9000, 1000, 0), std::vector<std::uint64_t>());
  EXPECT_EQ(Plan({Segment(1, 10, 0), drops}, 9000, 0, 1), std::vector<std::uint64_t>({1}));
  EXPECT_EQ(Plan({other_class, drops}, 9000, 1000, 0), std::vector<std::uint64_t>({2}));
}

TEST_F(RetentionTest, BelowTheWatermarkTheOldestDataGoesUntilThereIsEnough) {
  const std::vector<SegmentEntry> segments = {Segment(1, 30, 9000), Segment(2, 10, 0),
                                              Segment(3, 20, 9000)};
  EXPECT_EQ(Plan(segments, 100, 500, 0.5), std::vector<std::uint64_t>());
  EXPECT_EQ(Plan(segments, 100, 499, 0.5), std::vector<std::uint64_t>({2}));
  EXPECT_EQ(Plan(segments, 100, 350, 0.5), std::vector<std::uint64_t>({2, 3}));
  EXPECT_EQ(Plan(segments, 100, 0, 0.5), std::vector<std::uint64_t>({2, 3, 1}));
}

TEST_F(RetentionTest, WhatExpiresCountsAsFreed) {
  EXPECT_EQ(Plan({Segment(1, 10, 50), Segment(2, 5, 9000)}, 1000, 400, 0.5),
            std::vector<std::uint64_t>({1}));
}

}  // namespace
}  // namespace carillon
