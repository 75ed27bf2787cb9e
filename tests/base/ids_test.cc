#include "base/ids.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace carillon {
namespace {

constexpr char kText[] = "00112233-4455-6677-8899-aabbccddeeff";

TEST(IdTest, ComparesAndPrintsAsItsValue) {
  EXPECT_LT(Epoch(1), Epoch(2));
  EXPECT_EQ(fmt::format("{} {}", Epoch(1428415043), PartitionId(7)), "1428415043 7");
}

TEST(UuidTest, PrintsLowerCaseWithFourDashes) {
  Uuid uuid;
  for (int i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(i * 0x11);
  EXPECT_EQ(ToString(uuid), kText);
  EXPECT_EQ(fmt::format("{}", uuid), kText);
}

TEST(UuidTest, ParsesWhatItPrints) {
  const auto uuid = ParseUuid(kText);
  ASSERT_TRUE(uuid.ok());
  EXPECT_EQ(ToString(*uuid), kText);
  EXPECT_FALSE(uuid->IsNil());
}

TEST(UuidTest, RefusesOtherText) {
  for (const char* bad :
       {"", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233+4455-6677-8899-aabbccddeeff", "0011223344-55-6677-8899-aabbccddeeff",
        "g0112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef "}) {
    EXPECT_EQ(ParseUuid(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(UuidTest, TheZeroIsNil) {
  EXPECT_TRUE(Uuid{}.IsNil());
}

TEST(UuidTest, RandomOnesDiffer) {
  EXPECT_NE(RandomUuid(), RandomUuid());
}

}  // namespace
}  // namespace carillon
