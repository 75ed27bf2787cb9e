#include "base/checksum.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/hash.h"

namespace carillon {
namespace {

// The vectors of RFC 3720, B.4.
TEST(ChecksumTest, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(Bytes(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(Bytes(32, '\xff')), 0x62a8ab43u);
  Bytes up, down;
  for (int i = 0; i < 32; ++i) up.push_back(static_cast<char>(i));
  for (int i = 31; i >= 0; --i) down.push_back(static_cast<char>(i));
  EXPECT_EQ(Crc32c(up), 0x46dd794eu);
  EXPECT_EQ(Crc32c(down), 0x113fdb5cu);
}

RC_GTEST_PROP(ChecksumTest, CanBeExtendedAtAnyPoint, (std::string first, std::string second)) {
  RC_ASSERT(Crc32cExtend(Crc32c(first), second) == Crc32c(first + second));
}

RC_GTEST_PROP(ChecksumTest, DoesNotDependOnHowARopeIsCut, (std::vector<std::string> pieces)) {
  Rope rope;
  std::string whole;
  for (const std::string& piece : pieces) {
    rope.Append(SharedBytes(piece));
    whole += piece;
  }
  RC_ASSERT(Crc32c(rope) == Crc32c(whole));
  RC_ASSERT(rope.Flatten() == whole);
  RC_ASSERT(rope.size() == whole.size());
}

// Placement and digests depend on these values for ever (xxHash 0.8, seed 0).
TEST(HashTest, NeverChanges) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(Hash128(""), (Hash128Value{.low = 0x6001c324468d497fu, .high = 0x99aa06d3014798d8u}));
}

TEST(SharedBytesTest, ASliceKeepsTheBytesAlive) {
  SharedBytes slice;
  {
    const SharedBytes whole(Bytes("a chunk's value of more than sixteen bytes"));
    slice = whole.Slice(2, 5);
  }
  EXPECT_EQ(slice.view(), "chunk");
}

}  // namespace
}  // namespace carillon
