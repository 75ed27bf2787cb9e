#include "storage/segment_scanner.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/segment_reader.h"
#include "tests/storage/segment_fixture.h"

namespace carillon {
namespace {

using Kind = ScanItem::Kind;

// Six chunks with values of many sizes, one of them empty.
SegmentBuilder SmallSegment() {
  SegmentBuilder segment;
  Random random(1);
  for (const std::size_t size : {5, 0, 200, 8, 77, 64}) {
    Bytes value;
    while (value.size() < size) value.push_back(static_cast<char>(random.Next()));
    segment.AddChunk(ByteSpan("events\0key", 10), value);
  }
  return segment;
}

std::vector<std::uint64_t> GoodRecords(const std::vector<ScanItem>& items) {
  std::vector<std::uint64_t> offsets;
  for (const ScanItem& item : items) {
    if (item.kind == Kind::kRecord && item.value_status.ok()) offsets.push_back(item.offset);
  }
  return offsets;
}

std::vector<std::uint64_t> Without(std::vector<std::uint64_t> offsets, std::size_t index) {
  offsets.erase(offsets.begin() + static_cast<std::ptrdiff_t>(index));
  return offsets;
}

// The items lie one after the other: no byte is skipped, none is told of twice.
void ExpectContiguous(const std::vector<ScanItem>& items) {
  std::uint64_t at = kSegmentHeaderBytes;
  for (const ScanItem& item : items) {
    EXPECT_EQ(item.offset, at);
    at = item.limit;
  }
}

TEST(SegmentScannerTest, FindsEveryRecordAndACleanEnd) {
  const SegmentBuilder segment = SmallSegment();
  const auto items = ScanBytes(segment.bytes(), segment.header());
  EXPECT_EQ(GoodRecords(items), segment.offsets());
  ExpectContiguous(items);
  EXPECT_TRUE(items.back().clean);
  EXPECT_EQ(items.back().offset, segment.bytes().size());
}

TEST(SegmentScannerTest, AnEmptySegmentIsAllEnd) {
  const SegmentBuilder segment;
  const auto items = ScanBytes(segment.bytes(), segment.header());
  ASSERT_EQ(items.size(), 1u);
  EXPECT_TRUE(items[0].clean);
}

TEST(SegmentScannerTest, ZerosAfterTheLastRecordAreACleanEnd) {
  const SegmentBuilder segment = SmallSegment();
  const auto items = ScanBytes(segment.bytes() + Bytes(3 << 20, '\0'), segment.header());
  EXPECT_EQ(GoodRecords(items), segment.offsets());
  EXPECT_TRUE(items.back().clean);
  EXPECT_EQ(items.back().offset, segment.bytes().size());
}

TEST(SegmentScannerTest, OneByteAfterZerosMakesTheEndUnclean) {
  const SegmentBuilder segment = SmallSegment();
  const auto items = ScanBytes(segment.bytes() + Bytes(2 << 20, '\0') + "x", segment.header());
  EXPECT_EQ(GoodRecords(items), segment.offsets());
  EXPECT_EQ(items.back().kind, Kind::kEnd);
  EXPECT_FALSE(items.back().clean);
  EXPECT_FALSE(items.back().reason.empty());
}

TEST(SegmentScannerTest, WithoutValuesItStepsOverThem) {
  const SegmentBuilder segment = SmallSegment();
  const auto items = ScanBytes(segment.bytes(), segment.header(), /*read_values=*/false);
  EXPECT_EQ(GoodRecords(items), segment.offsets());
  EXPECT_EQ(items.front().value, "");
}

TEST(SegmentScannerTest, BeginsWhereItIsTold) {
  const SegmentBuilder segment = SmallSegment();
  const auto items = ScanBytes(segment.bytes(), segment.header(), true, segment.offsets()[4]);
  EXPECT_EQ(GoodRecords(items).size(), 2u);
}

TEST(SegmentScannerTest, AnyFlippedBitCostsOnlyItsOwnRecord) {
  const SegmentBuilder segment = SmallSegment();
  const Bytes& good = segment.bytes();
  for (std::size_t at = kSegmentHeaderBytes; at < good.size(); ++at) {
    for (const int mask : {1, 0x80, 0xff}) {
      Bytes bad = good;
      bad[at] = static_cast<char>(bad[at] ^ mask);
      const auto items = ScanBytes(bad, segment.header());
      std::size_t hit = 0;
      while (hit + 1 < segment.offsets().size() && segment.offsets()[hit + 1] <= at) ++hit;
      const auto found = GoodRecords(items);
      const bool padding = found == segment.offsets();
      EXPECT_TRUE(padding || found == Without(segment.offsets(), hit)) << "byte " << at;
      ExpectContiguous(items);
    }
  }
}

TEST(SegmentScannerTest, OnlyPaddingMayChangeUnseen) {
  const SegmentBuilder segment = SmallSegment();
  const auto items = ScanBytes(segment.bytes(), segment.header());
  for (const ScanItem& item : items) {
    if (item.kind != Kind::kRecord) continue;
    const std::uint64_t data_end =
        item.offset + kRecordHeaderBytes + item.header.key_bytes + item.header.value_bytes;
    for (std::uint64_t at = item.offset; at < data_end; ++at) {
      Bytes bad = segment.bytes();
      bad[at] = static_cast<char>(bad[at] ^ 4);
      EXPECT_NE(GoodRecords(ScanBytes(bad, segment.header())), segment.offsets()) << at;
    }
  }
}

TEST(SegmentScannerTest, EveryTruncationKeepsTheRecordsBeforeIt) {
  const SegmentBuilder segment = SmallSegment();
  for (std::size_t size = kSegmentHeaderBytes; size < segment.bytes().size(); ++size) {
    const auto items = ScanBytes(segment.bytes().substr(0, size), segment.header());
    std::size_t whole = 0;
    for (std::size_t i = 0; i < segment.offsets().size(); ++i) {
      const auto head = DecodeRecordHead(ByteSpan(segment.bytes()).substr(segment.offsets()[i]),
                                         segment.header().salt, segment.offsets()[i]);
      const std::uint64_t data_end =
          segment.offsets()[i] + kRecordHeaderBytes + head->key_bytes + head->value_bytes;
      whole += data_end <= size ? 1 : 0;
    }
    EXPECT_EQ(GoodRecords(items).size(), whole) << size;
    EXPECT_EQ(items.back().kind, Kind::kEnd);
  }
}

TEST(SegmentScannerTest, RecordsOfAnotherPlaceOrSegmentNeverValidate) {
  const SegmentBuilder segment = SmallSegment();
  const std::uint64_t first = segment.offsets()[0];
  const std::uint64_t second = segment.offsets()[1];
  const Bytes stale = segment.bytes().substr(first, second - first);
  // The same record again, later in the same segment: a misdirected write.
  EXPECT_EQ(GoodRecords(ScanBytes(segment.bytes() + stale, segment.header())), segment.offsets());
  // Another segment's bytes: a recycled block.
  SegmentHeader other = segment.header();
  other.salt += 1;
  EXPECT_TRUE(GoodRecords(ScanBytes(segment.bytes(), other)).empty());
}

TEST(SegmentScannerTest, ARecordInsideAValueIsNotFoundWhenTheOuterIsWhole) {
  SegmentBuilder inner;
  inner.AddChunk(ByteSpan("events\0inner", 12), "inner");
  SegmentBuilder segment;
  segment.AddChunk(ByteSpan("events\0outer", 12), inner.bytes().substr(kSegmentHeaderBytes));
  EXPECT_EQ(GoodRecords(ScanBytes(segment.bytes(), segment.header())), segment.offsets());
}

TEST(SegmentScannerTest, ResyncsAfterAMegabyteOfGarbage) {
  SegmentBuilder segment;
  Random random(3);
  Bytes garbage;
  while (garbage.size() < (std::size_t{3} << 19))
    garbage.push_back(static_cast<char>(random.Next()));
  segment.AddChunk(ByteSpan("events\0a", 8), garbage);
  const std::uint64_t last = segment.AddChunk(ByteSpan("events\0b", 8), "found");
  Bytes bad = segment.bytes();
  bad[kSegmentHeaderBytes + 8] ^= 1;  // the header of the first record
  const auto items = ScanBytes(bad, segment.header());
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].kind, Kind::kDamage);
  EXPECT_EQ(items[0].limit, last);
  EXPECT_EQ(items[1].value, "found");
}

TEST(SegmentScannerTest, GoesOnSayingTheEnd) {
  SimulatedFileSystem files;
  const SegmentBuilder segment;
  ASSERT_TRUE(files.Create("/s").ok());
  files.Overwrite("/s", 0, segment.bytes());
  const auto file = files.OpenReadable("/s");
  SegmentScanner scanner(file->get(), segment.header(), kSegmentHeaderBytes, true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(scanner.Next()->kind, Kind::kEnd);
}

TEST(SegmentScannerTest, AFailedReadIsAnErrorAndNotDamage) {
  SimulatedFileSystem files;
  const SegmentBuilder segment = SmallSegment();
  ASSERT_TRUE(files.Create("/s").ok());
  files.Overwrite("/s", 0, segment.bytes());
  const auto file = files.OpenReadable("/s");
  files.FailReads("/s", kSegmentHeaderBytes, kSegmentHeaderBytes + 1);
  SegmentScanner scanner(file->get(), segment.header(), kSegmentHeaderBytes, true);
  EXPECT_EQ(scanner.Next().status().code(), StatusCode::kUnavailable);
}

class SegmentReaderTest : public testing::Test {
 protected:
  SegmentReaderTest() {
    EXPECT_TRUE(files_.Create("/s").ok());
    files_.Overwrite("/s", 0, segment_.bytes());
  }
  RecordLocation LocationOf(std::size_t index) const {
    const auto& offsets = segment_.offsets();
    const std::uint64_t end =
        index + 1 < offsets.size() ? offsets[index + 1] : segment_.bytes().size();
    return {.segment = SegmentId(42),
            .offset = offsets[index],
            .record_bytes = static_cast<std::uint32_t>(end - offsets[index])};
  }

  const SegmentBuilder segment_ = SmallSegment();
  SimulatedFileSystem files_;
};

TEST_F(SegmentReaderTest, ReadsEveryRecordByItsLocation) {
  const auto reader = SegmentReader::Open(&files_, "/s");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->header(), segment_.header());
  for (std::size_t i = 0; i < segment_.offsets().size(); ++i) {
    const auto record = (*reader)->Read(LocationOf(i));
    ASSERT_TRUE(record.ok());
    EXPECT_EQ(record->key, Bytes("events\0key", 10));
    EXPECT_EQ(Crc32c(record->value.view()), record->header.value_crc);
  }
}

TEST_F(SegmentReaderTest, RefusesAPlaceWhereNoRecordIs) {
  const auto reader = SegmentReader::Open(&files_, "/s");
  for (const std::uint64_t offset : {0ul, 4104ul, 1ul << 40}) {
    const auto record = (*reader)->Read({.offset = offset, .record_bytes = 64});
    EXPECT_EQ(record.status().code(), StatusCode::kDataLoss);
  }
  RecordLocation short_one = LocationOf(2);
  short_one.record_bytes = 100;
  EXPECT_EQ((*reader)->Read(short_one).status().code(), StatusCode::kDataLoss);
}

TEST_F(SegmentReaderTest, RefusesEveryFlippedByteOfARecord) {
  const auto reader = SegmentReader::Open(&files_, "/s");
  const RecordLocation location = LocationOf(2);
  for (std::uint64_t at = 0; at < kRecordHeaderBytes + 10 + 200; ++at) {
    files_.FlipBit("/s", (location.offset + at) * 8);
    EXPECT_EQ((*reader)->Read(location).status().code(), StatusCode::kDataLoss) << at;
    files_.FlipBit("/s", (location.offset + at) * 8);
  }
  EXPECT_TRUE((*reader)->Read(location).ok());
}

TEST_F(SegmentReaderTest, RefusesAFileWithADamagedHeader) {
  files_.FlipBit("/s", 100);
  EXPECT_EQ(SegmentReader::Open(&files_, "/s").status().code(), StatusCode::kDataLoss);
  files_.TruncateTo("/s", 10);
  EXPECT_EQ(SegmentReader::Open(&files_, "/s").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(SegmentReader::Open(&files_, "/t").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace carillon
