// Times, forms, base64.
#include <gtest/gtest.h>

#include "collector/dialects/form.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

TEST(TimeOfNumberTest, IsExact) {
  EXPECT_EQ(TimeOfNumber("1700000000.123", TimeUnit::kSeconds), 1700000000123000);
  EXPECT_EQ(TimeOfNumber("1700000000", TimeUnit::kSeconds), 1700000000000000);
  EXPECT_EQ(TimeOfNumber("1700000000.1234567", TimeUnit::kSeconds), 1700000000123456);
  EXPECT_EQ(TimeOfNumber("1700000000123.5", TimeUnit::kMilliseconds), 1700000000123500);
  EXPECT_EQ(TimeOfNumber("1700000000123456789", TimeUnit::kNanoseconds), 1700000000123456);
  EXPECT_EQ(TimeOfNumber("999", TimeUnit::kNanoseconds), 0);
  EXPECT_EQ(TimeOfNumber("-1.5", TimeUnit::kSeconds), -1500000);
  EXPECT_EQ(TimeOfNumber("1.7e9", TimeUnit::kSeconds), 1700000000000000);
}

TEST(TimeOfNumberTest, IsNoneForWhatIsNoNumber) {
  for (const std::string_view text :
       {"", "-", ".", "x", "1x", "1.x", "1e999", "99999999999999999999", "9999999999999999", "1 ",
        "0x1", "--1", "nan", "e"}) {
    EXPECT_EQ(TimeOfNumber(text, TimeUnit::kSeconds), std::nullopt) << text;
  }
}

TEST(TimeOfTextTest, ReadsRfc3339) {
  EXPECT_EQ(TimeOfText("2023-11-14T22:13:20.123Z"), 1700000000123000);
  EXPECT_EQ(TimeOfText("2023-11-14T23:13:20+01:00"), 1700000000000000);
  EXPECT_EQ(TimeOfText("2023-11-14 22:13:20"), 1700000000000000);
  EXPECT_EQ(TimeOfText("2023-11-14T22:13:20.123456789-0000"), 1700000000123456);
  EXPECT_EQ(TimeOfText("1970-01-01"), 0);
  EXPECT_EQ(TimeOfText("1969-12-31T23:59:59Z"), -1000000);
}

TEST(TimeOfTextTest, IsNoneForWhatIsNoTime) {
  for (const std::string_view text :
       {"", "2023", "2023-13-01", "2023-00-01", "2023-11-14T", "2023-11-14T25:00:00Z",
        "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20Zx", "2023-11-14T22:13:20+1", "yesterday"}) {
    EXPECT_EQ(TimeOfText(text), std::nullopt) << text;
  }
}

TEST(FormTest, FindsAndDecodesFields) {
  EXPECT_EQ(FormField("a=1&data=%7B%22x%22%3A+1%7D&b", "data"), R"({"x": 1})");
  EXPECT_EQ(FormField("a=1&b", "b"), "");
  EXPECT_EQ(FormField("aa=1", "a"), std::nullopt);
  EXPECT_EQ(FormDecoded("%zz%4"), "%zz%4");
  EXPECT_EQ(FormDecoded("%41%"), "A%");
  FormReader reader("&&x=1&&y&=3");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.name() + "=" + reader.value(), "x=1");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.name() + "=" + reader.value(), "y=");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.name() + "=" + reader.value(), "=3");
  EXPECT_FALSE(reader.Next());
}

TEST(Base64Test, TakesBothAlphabets) {
  EXPECT_EQ(*DecodeBase64("x", "-_8="), "\xfb\xff");
  EXPECT_EQ(*DecodeBase64("x", "+/8"), "\xfb\xff");
  EXPECT_EQ(*DecodeBase64("x", "aGVs\nbG8="), "hello");
  EXPECT_EQ(*DecodeBase64("x", ""), "");
  EXPECT_EQ(Message(DecodeBase64("data", "a*b").status()), "data is no base64");
  EXPECT_FALSE(DecodeBase64("x", "a").ok());
  EXPECT_EQ(EncodeBase64("hello"), "aGVsbG8=");
  EXPECT_EQ(EncodeBase64(""), "");
}

}  // namespace
}  // namespace carillon
