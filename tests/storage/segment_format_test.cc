#include "storage/segment_format.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/chunk_info.h"
#include "tests/storage/segment_fixture.h"

namespace carillon {
namespace {

constexpr char kGolden[] = CARILLON_TEST_DATA "/golden/segment_v1.seg";

// One record of each type, with nothing left to chance.
Bytes GoldenSegment() {
  SegmentBuilder segment;
  segment.Add({.type = RecordType::kSync}, "", "");
  segment.Add({.type = RecordType::kChunk,
               .epoch = 1'428'415'043,
               .expire_at = 1'429'106'243,
               .ring_position = 0xbeef},
              ByteSpan("events\0001428415043:1:cell0:WEB:app:chunk0", 40), "the value of a chunk");
  Commit commit{.bucket = "events", .epoch = Epoch(1'428'415'043), .dc = "1"};
  commit.chunks.push_back({.key = {.epoch = Epoch(1'428'415'043),
                                   .dc = "1",
                                   .cell = "cell0",
                                   .type = "WEB",
                                   .subtype = "app",
                                   .number = 0},
                           .events = 3,
                           .raw_bytes = 1000,
                           .value_bytes = 20,
                           .value_crc = Crc32c("the value of a chunk")});
  commit.seal = Seal{.writer = 5, .epoch = Epoch(1'428'415'043)};
  segment.Add({.type = RecordType::kManifest,
               .epoch = 1'428'415'043,
               .expire_at = 1'429'106'243,
               .ring_position = 0x1234},
              ByteSpan("events\0001428415043-1", 19), EncodeCommitValue(commit));
  segment.Add({.type = RecordType::kDrop}, "",
              EncodePartitionDrop({.first = 0x4000, .last = 0x7fff, .below_sequence = 3}));
  segment.Add({.type = RecordType::kSeal}, "",
              EncodeSegmentSummary({.records = 2,
                                    .value_bytes = 20,
                                    .max_expire_at = 1'429'106'243,
                                    .forever = false,
                                    .first_epoch = 1'428'415'043,
                                    .last_epoch = 1'428'415'043}));
  return segment.bytes();
}

// When this fails, the bytes on users' disks have changed: give the format a new version. To write
// the file anew on purpose: CARILLON_WRITE_GOLDEN=1 storage_test --gtest_filter=*Golden*
TEST(SegmentGoldenTest, TheBytesOfVersion1NeverChange) {
  const Bytes bytes = GoldenSegment();
  if (std::getenv("CARILLON_WRITE_GOLDEN") != nullptr) {
    std::ofstream(kGolden, std::ios::binary) << bytes;
  }
  std::ifstream file(kGolden, std::ios::binary);
  ASSERT_TRUE(file.good()) << kGolden;
  const Bytes golden{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(bytes == golden) << "the format of segments has changed";
}

TEST(SegmentGoldenTest, TheGoldenFileCanBeRead) {
  std::ifstream file(kGolden, std::ios::binary);
  const Bytes golden{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto header = DecodeSegmentHeader(golden);
  ASSERT_TRUE(header.ok()) << ToString(header.status());
  EXPECT_EQ(*header, SegmentBuilder::DefaultHeader());
  const std::vector<ScanItem> items = ScanBytes(golden, *header);
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[0].header.type, RecordType::kSync);
  EXPECT_EQ(items[1].value, "the value of a chunk");
  EXPECT_EQ(items[2].header.ring_position, 0x1234);
  EXPECT_EQ(DecodePartitionDrop(items[3].value)->below_sequence, 3u);
  EXPECT_EQ(DecodeSegmentSummary(items[4].value)->records, 2u);
  EXPECT_TRUE(items[5].clean);
}

TEST(SegmentHeaderTest, EveryFlippedBitIsRefused) {
  const Bytes good = EncodeSegmentHeader(SegmentBuilder::DefaultHeader());
  ASSERT_EQ(good.size(), kSegmentHeaderBytes);
  for (std::size_t bit = 0; bit < good.size() * 8; bit += bit < 1024 ? 1 : 61) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeSegmentHeader(bad).ok()) << "bit " << bit;
  }
}

TEST(SegmentHeaderTest, EveryTruncationIsDataLoss) {
  const Bytes good = EncodeSegmentHeader(SegmentBuilder::DefaultHeader());
  for (const std::size_t size : {0ul, 1ul, 8ul, 100ul, kSegmentHeaderBytes - 1}) {
    EXPECT_EQ(DecodeSegmentHeader(ByteSpan(good).substr(0, size)).status().code(),
              StatusCode::kDataLoss);
  }
}

TEST(SegmentHeaderTest, AVersionOfTheFutureIsUnimplemented) {
  Bytes bytes = EncodeSegmentHeader(SegmentBuilder::DefaultHeader());
  bytes[8] = 2;
  bytes.resize(kSegmentHeaderBytes - 4);
  const std::uint32_t crc = Crc32c(bytes);
  bytes.append(reinterpret_cast<const char*>(&crc), 4);
  EXPECT_EQ(DecodeSegmentHeader(bytes).status().code(), StatusCode::kUnimplemented);
}

RC_GTEST_PROP(RecordTest, DecodesWhatItEncodes,
              (std::uint64_t salt, std::uint64_t sequence, std::uint64_t expire_at,
               std::uint32_t crc, std::uint16_t position)) {
  const Bytes key = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  RecordHeader header{.type = RecordType::kManifest,
                      .key_bytes = static_cast<std::uint16_t>(key.size()),
                      .value_bytes = *rc::gen::inRange<std::uint32_t>(0, kMaxRecordValueBytes + 1),
                      .sequence = sequence,
                      .epoch = sequence / 3,
                      .expire_at = expire_at,
                      .value_crc = crc,
                      .ring_position = position};
  RC_PRE(key.size() <= kMaxRecordKeyBytes);
  const auto offset = *rc::gen::arbitrary<std::uint64_t>();
  Bytes bytes;
  AppendRecordHead(header, key, salt, offset, &bytes);
  RC_ASSERT(BeginsLikeRecord(bytes));
  const auto decoded = DecodeRecordHead(bytes, salt, offset);
  RC_ASSERT(decoded.ok());
  RC_ASSERT(*decoded == header);
  RC_ASSERT(!DecodeRecordHead(bytes, salt + 1, offset).ok());
  RC_ASSERT(!DecodeRecordHead(bytes, salt, offset + kRecordAlignment).ok());
}

TEST(RecordTest, EveryFlippedBitOfHeaderAndKeyIsDataLoss) {
  const Bytes key("events\0001:1:c:T::chunk0", 23);
  Bytes good;
  AppendRecordHead({.key_bytes = 23, .value_bytes = 5, .sequence = 1}, key, 77, 4096, &good);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeRecordHead(bad, 77, 4096).status().code(), StatusCode::kDataLoss) << bit;
  }
}

TEST(RecordTest, EveryTruncationIsDataLoss) {
  const Bytes key(100, 'k');
  Bytes good;
  AppendRecordHead({.key_bytes = 100}, key, 77, 4096, &good);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeRecordHead(ByteSpan(good).substr(0, size), 77, 4096).status().code(),
              StatusCode::kDataLoss);
  }
}

TEST(RecordTest, TheNextRecordBeginsAtAMultipleOf8) {
  EXPECT_EQ(RecordHeader{}.RecordBytes(), 48u);
  EXPECT_EQ((RecordHeader{.key_bytes = 1}.RecordBytes()), 56u);
  EXPECT_EQ((RecordHeader{.key_bytes = 3, .value_bytes = 5}.RecordBytes()), 56u);
  EXPECT_EQ((RecordHeader{.key_bytes = 4, .value_bytes = 5}.RecordBytes()), 64u);
}

TEST(RecordKeyTest, SplitsAtTheFirstNul) {
  const auto key = SplitRecordKey(std::string_view("events\0a\0b", 10));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->bucket, "events");
  EXPECT_EQ(key->key, std::string_view("a\0b", 3));
  EXPECT_EQ(SplitRecordKey("events").status().code(), StatusCode::kDataLoss);
}

TEST(SegmentSummaryTest, AddsWhatRecordsSay) {
  SegmentSummary summary;
  summary.Add({.type = RecordType::kSync, .epoch = 1});
  EXPECT_EQ(summary, SegmentSummary());
  summary.Add({.type = RecordType::kChunk, .value_bytes = 10, .epoch = 5, .expire_at = 50});
  summary.Add({.type = RecordType::kManifest, .value_bytes = 99, .epoch = 3, .expire_at = 70});
  EXPECT_EQ(summary, (SegmentSummary{.records = 2,
                                     .value_bytes = 10,
                                     .max_expire_at = 70,
                                     .first_epoch = 3,
                                     .last_epoch = 5}));
  summary.Add({.type = RecordType::kChunk, .epoch = 9, .expire_at = 0});
  EXPECT_TRUE(summary.forever);
  EXPECT_EQ(summary.max_expire_at, 0u);
}

TEST(SegmentSummaryTest, DecodesWhatItEncodesAndNoOtherLength) {
  const SegmentSummary summary{.records = 300,
                               .value_bytes = 1 << 30,
                               .max_expire_at = 77,
                               .forever = true,
                               .first_epoch = 1,
                               .last_epoch = 2};
  const Bytes bytes = EncodeSegmentSummary(summary);
  EXPECT_EQ(*DecodeSegmentSummary(bytes), summary);
  EXPECT_FALSE(DecodeSegmentSummary(bytes + "x").ok());
  EXPECT_FALSE(DecodeSegmentSummary(ByteSpan(bytes).substr(0, bytes.size() - 1)).ok());
}

TEST(PartitionDropTest, CoversOlderRecordsOfItsPositions) {
  const PartitionDrop drop{.first = 10, .last = 19, .below_sequence = 100};
  EXPECT_TRUE(drop.Covers({.sequence = 99, .ring_position = 10}));
  EXPECT_TRUE(drop.Covers({.sequence = 99, .ring_position = 19}));
  EXPECT_FALSE(drop.Covers({.sequence = 100, .ring_position = 10}));
  EXPECT_FALSE(drop.Covers({.sequence = 99, .ring_position = 9}));
  EXPECT_FALSE(drop.Covers({.sequence = 99, .ring_position = 20}));
}

TEST(PartitionDropTest, DecodesWhatItEncodesAndNoOtherLength) {
  const PartitionDrop drop{.first = 1, .last = 2, .below_sequence = 3};
  EXPECT_EQ(*DecodePartitionDrop(EncodePartitionDrop(drop)), drop);
  EXPECT_FALSE(DecodePartitionDrop(EncodePartitionDrop(drop) + "x").ok());
  EXPECT_FALSE(DecodePartitionDrop("").ok());
}

TEST(TtlClassTest, GrowsByPowersOfTwoOfHours) {
  EXPECT_EQ(TtlClass(0), 0u);
  EXPECT_EQ(TtlClass(1), 1u);
  EXPECT_EQ(TtlClass(3600), 1u);
  EXPECT_EQ(TtlClass(3601), 2u);
  EXPECT_EQ(TtlClass(7200), 2u);
  EXPECT_EQ(TtlClass(7201), 3u);
  EXPECT_EQ(TtlClass(8 * 86400), 9u);
}

TEST(TtlClassTest, HoldsEveryTtlWithinItsBound) {
  for (std::uint64_t ttl = 1; ttl < std::uint64_t{200} * 366 * 86400; ttl = ttl * 5 / 4 + 1) {
    const std::uint32_t ttl_class = TtlClass(ttl);
    EXPECT_LE(ttl, 3600u * (std::uint64_t{1} << (ttl_class - 1)));
    EXPECT_TRUE(ttl_class == 1 || ttl > 3600u * (std::uint64_t{1} << (ttl_class - 2)));
  }
}

TEST(SegmentFileNameTest, ParsesWhatItMakesAndRefusesTheRest) {
  EXPECT_EQ(SegmentFileName(SegmentId(42)), "000000000000002a.seg");
  EXPECT_EQ(*ParseSegmentFileName("000000000000002a.seg"), SegmentId(42));
  EXPECT_EQ(*ParseSegmentFileName(SegmentFileName(SegmentId(~0ull))), SegmentId(~0ull));
  for (const char* bad :
       {"", ".seg", "2a.seg", "000000000000002a", "000000000000002a.tmp", "000000000000002g.seg",
        "0000000000000000.seg", "000000000000002a.seg.tmp", "-00000000000002a.seg",
        " 00000000000002a.seg"}) {
    EXPECT_FALSE(ParseSegmentFileName(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace carillon
