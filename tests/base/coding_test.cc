#include "base/coding.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace carillon {
namespace {

TEST(CodingTest, FixedIntegersAreLittleEndian) {
  Bytes bytes;
  PutFixed<std::uint32_t>(&bytes, 0x01020304);
  EXPECT_EQ(bytes, "\x04\x03\x02\x01");
}

TEST(CodingTest, OrderedIntegersAreBigEndian) {
  Bytes bytes;
  PutOrdered<std::uint32_t>(&bytes, 0x01020304);
  EXPECT_EQ(bytes, "\x01\x02\x03\x04");
}

TEST(CodingTest, VarintsAreShortWhenSmall) {
  const auto size = [](std::uint64_t value) {
    Bytes bytes;
    PutVarint(&bytes, value);
    return bytes.size();
  };
  EXPECT_EQ(size(0), 1u);
  EXPECT_EQ(size(127), 1u);
  EXPECT_EQ(size(128), 2u);
  EXPECT_EQ(size(std::numeric_limits<std::uint64_t>::max()), 10u);
}

RC_GTEST_PROP(CodingTest, ReadsBackWhatWasPut,
              (std::uint8_t a, std::uint16_t b, std::uint32_t c, std::uint64_t d, std::string e)) {
  Bytes bytes;
  PutFixed(&bytes, a);
  PutOrdered(&bytes, b);
  PutFixed(&bytes, c);
  PutVarint(&bytes, d);
  PutOrdered(&bytes, d);
  PutString(&bytes, e);
  Decoder decoder(bytes);
  RC_ASSERT(decoder.Fixed<std::uint8_t>() == a);
  RC_ASSERT(decoder.Ordered<std::uint16_t>() == b);
  RC_ASSERT(decoder.Fixed<std::uint32_t>() == c);
  RC_ASSERT(decoder.Varint() == d);
  RC_ASSERT(decoder.Ordered<std::uint64_t>() == d);
  RC_ASSERT(decoder.String() == e);
  RC_ASSERT(decoder.Done());
}

RC_GTEST_PROP(CodingTest, VarintsRoundTripAtEveryWidth, (std::uint64_t value)) {
  const auto width = *rc::gen::inRange<int>(0, 64);
  const std::uint64_t cut = value >> width;
  Bytes bytes;
  PutVarint(&bytes, cut);
  Decoder decoder(bytes);
  RC_ASSERT(decoder.Varint() == cut);
  RC_ASSERT(decoder.Done());
}

RC_GTEST_PROP(CodingTest, OrderedIntegersSortAsTheirValues, (std::uint64_t a, std::uint64_t b)) {
  Bytes left, right;
  PutOrdered(&left, a);
  PutOrdered(&right, b);
  RC_ASSERT((left < right) == (a < b));
}

RC_GTEST_PROP(CodingTest, EveryTruncationFails, (std::uint64_t value, std::string text)) {
  Bytes bytes;
  PutVarint(&bytes, value);
  PutString(&bytes, text);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Decoder decoder(ByteSpan(bytes).substr(0, size));
    (void)decoder.Varint();
    (void)decoder.String();
    RC_ASSERT(decoder.failed());
  }
}

TEST(DecoderTest, StaysFailedAndReturnsNothing) {
  Decoder decoder("abc");
  EXPECT_EQ(decoder.Fixed<std::uint32_t>(), 0u);
  EXPECT_TRUE(decoder.failed());
  EXPECT_EQ(decoder.Fixed<std::uint8_t>(), 0u);
  EXPECT_EQ(decoder.Varint(), 0u);
  EXPECT_EQ(decoder.Take(1), "");
  EXPECT_FALSE(decoder.Done());
}

TEST(DecoderTest, RefusesAVarintOfMoreThan64Bits) {
  Decoder eleven_bytes(ByteSpan("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11));
  (void)eleven_bytes.Varint();
  EXPECT_TRUE(eleven_bytes.failed());
  Decoder bit_65(ByteSpan("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  (void)bit_65.Varint();
  EXPECT_TRUE(bit_65.failed());
}

TEST(DecoderTest, RefusesAStringLongerThanTheInput) {
  Bytes bytes;
  PutVarint(&bytes, std::numeric_limits<std::uint64_t>::max());
  bytes += "abc";
  Decoder decoder(bytes);
  EXPECT_EQ(decoder.String(), "");
  EXPECT_TRUE(decoder.failed());
}

TEST(DecoderTest, IsNotDoneWhileBytesAreLeft) {
  Decoder decoder("ab");
  EXPECT_EQ(decoder.Take(1), "a");
  EXPECT_FALSE(decoder.Done());
  EXPECT_EQ(decoder.remaining(), 1u);
}

}  // namespace
}  // namespace carillon
