#include "crunch/chunk_codec.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "base/random.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string RandomText(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(' ' + random.Below(95));
  return text;
}

std::string RandomLines(std::size_t count, std::size_t event_bytes) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += RandomText(event_bytes, i) + '\n';
  return lines;
}

StatusCode CodeOf(const StatusOr<Bytes>& result) {
  return result.status().code();
}

// The same frame as a stream would write it: it does not say how much it holds.
std::string UnsizedFrame(std::string_view raw, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  if (window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string frame(ZSTD_compressBound(raw.size()), '\0');
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), raw.data(), raw.size()));
  ZSTD_freeCCtx(context);
  return frame;
}

TEST(ChunkValueTest, DecodesWhatWasEncoded) {
  for (const std::size_t count : {0, 1, 2, 1000}) {
    const std::string lines = RandomLines(count, 50);
    const auto decoded = DecodeChunkValue(EncodeChunkValue(lines));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, lines);
  }
}

TEST(ChunkValueTest, SaysItsSizeAndCarriesNoChecksumOfZstd) {
  const Bytes value = EncodeChunkValue("{}\n");
  EXPECT_EQ(ZSTD_getFrameContentSize(value.data(), value.size()), 3u);
  EXPECT_EQ(value[4] & 0x04, 0);  // RFC 8878, 3.1.1.1.1: Content_Checksum_flag
}

TEST(ChunkValueTest, DecodesAFrameThatDoesNotSayItsSize) {
  const std::string lines = RandomLines(5000, 100);
  const auto decoded = DecodeChunkValue(UnsizedFrame(lines, 0));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, lines);
}

TEST(ChunkValueTest, RefusesEveryTruncation) {
  const Bytes value = EncodeChunkValue(RandomLines(20, 50));
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(CodeOf(DecodeChunkValue(value.substr(0, size))), StatusCode::kDataLoss) << size;
  }
}

TEST(ChunkValueTest, RefusesEveryTruncationOfAnUnsizedFrame) {
  const Bytes value = UnsizedFrame(RandomLines(20, 50), 0);
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(CodeOf(DecodeChunkValue(value.substr(0, size))), StatusCode::kDataLoss) << size;
  }
}

TEST(ChunkValueTest, RefusesBytesAfterTheFrame) {
  const Bytes value = EncodeChunkValue("{}\n");
  EXPECT_EQ(CodeOf(DecodeChunkValue(value + "x")), StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(DecodeChunkValue(value + value)), StatusCode::kDataLoss);
}

TEST(ChunkValueTest, RefusesASkippableFrame) {
  EXPECT_EQ(CodeOf(DecodeChunkValue(std::string("\x50\x2a\x4d\x18\x01\0\0\0x", 9))),
            StatusCode::kDataLoss);
}

TEST(ChunkValueTest, NeverAcceptsAFlippedHeaderAsMoreThanTheFrameCanHold) {
  Bytes value = EncodeChunkValue(RandomLines(100, 50));
  for (std::size_t byte = 0; byte < 12; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = value;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
      const auto decoded = DecodeChunkValue(flipped);
      if (!decoded.ok()) continue;
      EXPECT_EQ(decoded->size(), 5100u);
    }
  }
}

TEST(ChunkValueTest, RefusesAFrameThatClaimsMoreThanItsBytesCanHold) {
  // A header with an 8-byte content size of 100 MiB, then one empty last block.
  std::string frame("\x28\xb5\x2f\xfd\xe0", 5);
  frame += std::string("\0\0\x40\x06\0\0\0\0", 8) + std::string("\x01\0\0", 3);
  const auto decoded = DecodeChunkValue(frame);
  EXPECT_EQ(CodeOf(decoded), StatusCode::kDataLoss);
  EXPECT_THAT(ToString(decoded.status()), HasSubstr("claims to hold 104857600 bytes"));
}

TEST(ChunkValueTest, RefusesASizedBomb) {
  const std::string zeros(kMaxRawChunkBytes + 1, '0');
  std::string frame(ZSTD_compressBound(zeros.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), zeros.data(), zeros.size(), 1));
  EXPECT_EQ(CodeOf(DecodeChunkValue(frame)), StatusCode::kDataLoss);
}

TEST(ChunkValueTest, RefusesAnUnsizedBomb) {
  const std::string zeros(kMaxRawChunkBytes + 1, '0');
  const auto decoded = DecodeChunkValue(UnsizedFrame(zeros, 0));
  EXPECT_EQ(CodeOf(decoded), StatusCode::kDataLoss);
  EXPECT_THAT(ToString(decoded.status()), HasSubstr("holds more than"));
}

TEST(ChunkValueTest, RefusesAWindowAboveEightMebibytes) {
  const std::string lines = RandomLines(10, 50);
  EXPECT_TRUE(DecodeChunkValue(UnsizedFrame(RandomText(9 << 20, 1), 23)).ok());
  EXPECT_EQ(CodeOf(DecodeChunkValue(UnsizedFrame(RandomText(17 << 20, 1), 24))),
            StatusCode::kDataLoss);
}

TEST(ChunkValueTest, DecodesAfterADamagedFrameOnTheSameThread) {
  const Bytes value = UnsizedFrame(RandomLines(5000, 100), 0);
  Bytes damaged = value;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  (void)DecodeChunkValue(damaged);  // whatever it says
  EXPECT_TRUE(DecodeChunkValue(value).ok());
}

std::vector<std::string> Visited(std::string_view ndjson) {
  std::vector<std::string> events;
  ForEachEvent(ndjson, [&](std::string_view event) {
    events.emplace_back(event);
    return true;
  });
  return events;
}

TEST(ForEachEventTest, PassesOverEmptyLinesAndTakesALastLineWithoutItsEnd) {
  EXPECT_THAT(Visited("a\n\nb\n\n\nc"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Visited(""), IsEmpty());
  EXPECT_THAT(Visited("\n"), IsEmpty());
}

TEST(ForEachEventTest, StopsWhenToldAndCountsWhatItShowed) {
  EXPECT_EQ(ForEachEvent("a\nb\nc\n", [](std::string_view event) { return event != "b"; }), 2u);
}

TEST(CheckEventTest, RefusesWhatCannotBeALine) {
  EXPECT_EQ(CheckEvent("", 1000).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckEvent("{\n}", 1000).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckEvent(std::string(kMaxEventBytes + 1, 'a'), 1 << 20).code(),
            StatusCode::kResourceExhausted);
}

TEST(CheckEventTest, GoesByTheCompressedSize) {
  EXPECT_TRUE(CheckEvent(std::string(100'000, 'a'), 1000).ok());
  EXPECT_EQ(CheckEvent(RandomText(100'000, 1), 1000).code(), StatusCode::kResourceExhausted);
}

std::string DecodeAll(const std::vector<EncodedChunk>& chunks) {
  std::string lines;
  for (const EncodedChunk& chunk : chunks) {
    const auto raw = DecodeChunkValue(chunk.value);
    EXPECT_TRUE(raw.ok());
    EXPECT_EQ(raw->size(), chunk.raw_bytes);
    EXPECT_EQ(ForEachEvent(*raw, [](std::string_view) { return true; }), chunk.events);
    lines += *raw;
  }
  return lines;
}

TEST(EncodeLinesTest, MakesOneChunkOfWhatFits) {
  const std::string lines = RandomLines(10, 50);
  const auto chunks = EncodeLines(lines, 1000);
  EXPECT_EQ(chunks.size(), 1u);
  EXPECT_EQ(DecodeAll(chunks), lines);
  EXPECT_THAT(EncodeLines("", 1000), IsEmpty());
}

TEST(EncodeLinesTest, HalvesWhatDoesNotFitAndKeepsTheOrder) {
  const std::string lines = RandomLines(200, 100);
  const auto chunks = EncodeLines(lines, 2000);
  EXPECT_GT(chunks.size(), 8u);
  EXPECT_LT(chunks.size(), 24u);
  for (const EncodedChunk& chunk : chunks) EXPECT_LE(chunk.value.size(), 2000u);
  EXPECT_EQ(DecodeAll(chunks), lines);
}

TEST(EncodeLinesTest, SplitsAroundOneLargeLineWhereverItStands) {
  const std::string large = RandomText(1800, 9) + '\n';
  const std::string small = RandomLines(4, 200);
  for (const std::string& lines : {large + small, small + large, small + large + small}) {
    const auto chunks = EncodeLines(lines, 2000);
    for (const EncodedChunk& chunk : chunks) EXPECT_LE(chunk.value.size(), 2000u);
    EXPECT_EQ(DecodeAll(chunks), lines);
  }
}

TEST(CompressionRatioTest, BelievesAWorseRatioAtOnceAndABetterOneSlowly) {
  CompressionRatio ratio;
  const std::size_t first = ratio.RawTarget(500'000);
  EXPECT_NEAR(static_cast<double>(first), 500'000 * 3 * 0.9, 100);
  ratio.Learn(2'000'000, 1'000'000);
  EXPECT_NEAR(static_cast<double>(ratio.RawTarget(500'000)), 500'000 * 2 * 0.9, 100);
  ratio.Learn(6'000'000, 1'000'000);
  EXPECT_NEAR(static_cast<double>(ratio.RawTarget(500'000)), 500'000 * 3 * 0.9, 100);
}

TEST(CompressionRatioTest, LearnsNothingFromSmallValues) {
  CompressionRatio ratio;
  ratio.Learn(100, CompressionRatio::kMinValueBytes - 1);
  EXPECT_EQ(ratio.RawTarget(500'000), CompressionRatio().RawTarget(500'000));
}

TEST(CompressionRatioTest, NeverAimsAboveWhatAChunkMayHold) {
  CompressionRatio ratio;
  for (int i = 0; i < 100; ++i) ratio.Learn(100'000'000, CompressionRatio::kMinValueBytes);
  EXPECT_LT(ratio.RawTarget(8 << 20) + kMaxEventBytes, kMaxRawChunkBytes);
}

}  // namespace
}  // namespace carillon
