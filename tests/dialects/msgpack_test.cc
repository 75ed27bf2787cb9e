#include "collector/dialects/msgpack.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "collector/dialects/gzip_members.h"
#include "collector/dialects/json_document.h"
#include "tests/dialects/msgpack_samples.h"

namespace carillon {
namespace {

using namespace samples;  // NOLINT: words of the tests

std::string Json(const std::string& bytes) {
  std::string out;
  MsgpackReader reader(bytes);
  const Status status = reader.AppendJson(&out);
  if (!status.ok()) return ToString(status);
  EXPECT_TRUE(reader.done());
  return out;
}

TEST(MsgpackTest, EveryTypeHasItsJson) {
  EXPECT_EQ(Json("\xc0"), "null");
  EXPECT_EQ(Json("\xc2"), "false");
  EXPECT_EQ(Json("\xc3"), "true");
  EXPECT_EQ(Json("\x7f"), "127");
  EXPECT_EQ(Json("\xe0"), "-32");
  EXPECT_EQ(Json("\xcc\xff"), "255");
  EXPECT_EQ(Json(Byte(0xcf) + std::string(8, '\xff')), "18446744073709551615");
  EXPECT_EQ(Json("\xd0\x80"), "-128");
  EXPECT_EQ(Json("\xd1\x80\x01"), "-32767");
  EXPECT_EQ(Json(Byte(0xd3) + "\x80" + std::string(7, '\0')), "-9223372036854775808");
  EXPECT_EQ(Json(Byte(0xca) + std::string("\x3d\xcc\xcc\xcd", 4)), "0.1");
  EXPECT_EQ(Json(Byte(0xcb) + std::string("\x3f\xb9\x99\x99\x99\x99\x99\x9a", 8)), "0.1");
  EXPECT_EQ(Json(Byte(0xcb) + std::string("\x7f\xf8\0\0\0\0\0\0", 8)), "null");
  EXPECT_EQ(Json(Text("a\"\n")), R"("a\"\n")");
  EXPECT_EQ(Json(Text(std::string(40, 'x'))), '"' + std::string(40, 'x') + '"');
  EXPECT_EQ(Json(Text("\xff")), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(Json("\xc4\x05hello"), R"("aGVsbG8=")");
  EXPECT_EQ(Json(EventTime(1700000000, 5)), "1700000000.000000005");
  EXPECT_EQ(Json(Byte(0xd6) + Byte(0xff) + std::string("\x65\x53\xf1\x00", 4)),
            "1700000000.000000000");
  EXPECT_EQ(Json(Byte(0xd4) + Byte(7) + "x"), R"("eA==")");
  EXPECT_EQ(Json(Array(2) + "\x01" + Map(1) + "\x05" + Array(0)), R"([1,{"5":[]}])");
  EXPECT_EQ(Json(Map(2) + "\xc4\x01x" + "\x01" + "\xc0" + "\x02"), R"({"eA==":1,"null":2})");
}

TEST(MsgpackTest, ReadsTimesOfEveryKind) {
  using Type = MsgpackType;
  EXPECT_EQ(MsgpackTime({.type = Type::kUnsigned, .number = 1700000000}), 1700000000000000);
  EXPECT_EQ(MsgpackTime({.type = Type::kUnsigned, .number = 1700000000123}), 1700000000123000);
  EXPECT_EQ(MsgpackTime({.type = Type::kDouble, .real = 1700000000.123}), 1700000000123000);
  EXPECT_EQ(MsgpackTime({.type = Type::kDouble, .real = 1700000000123}), 1700000000123000);
  EXPECT_EQ(MsgpackTime({.type = Type::kNegative, .number = ~std::uint64_t{0}}), -1000000);
  EXPECT_EQ(MsgpackTime({.type = Type::kUnsigned, .number = ~std::uint64_t{0}}), std::nullopt);
  EXPECT_EQ(MsgpackTime({.type = Type::kDouble, .real = 1e300}), std::nullopt);
  EXPECT_EQ(MsgpackTime({.type = Type::kText, .bytes = "1"}), std::nullopt);
  const std::string bytes("\x65\x53\xf1\0\0\0\xff\xff", 8);
  EXPECT_EQ(MsgpackTime({.type = Type::kExtension, .extension = 0, .bytes = bytes}),
            1700000000000065);
  EXPECT_EQ(MsgpackTime({.type = Type::kExtension, .extension = 9, .bytes = bytes}), std::nullopt);
}

TEST(MsgpackTest, RefusesWhatIsMalformed) {
  for (const std::string& bytes :
       {std::string(), Byte(0xc1), Byte(0xd9), Byte(0xa5) + "abc",
        Byte(0xdd) + std::string(4, '\xff'), Array(3) + "\x01",
        Byte(0xdf) + std::string(4, '\xff') + "\x01", Map(1) + "\x01", Byte(0xcf) + "\x01",
        Byte(0xc9) + std::string(4, '\xff') + "x", Byte(0xc6) + std::string(4, '\xff')}) {
    EXPECT_EQ(Json(bytes), "INVALID_ARGUMENT: malformed msgpack");
    EXPECT_FALSE(MsgpackReader(bytes).Skip());
  }
  EXPECT_EQ(Json(Map(1) + Map(0) + "\x01"), "OUT_OF_RANGE: a name that is an array or a map");
}

TEST(MsgpackTest, LimitsNestingAndSize) {
  EXPECT_TRUE(Json(std::string(64, '\x91') + "\x01").starts_with("[[["));
  EXPECT_TRUE(Json(std::string(65, '\x91') + "\x01").starts_with("OUT_OF_RANGE"));
  EXPECT_TRUE(Json(std::string(100'000, '\x91')).starts_with("OUT_OF_RANGE"));
  EXPECT_TRUE(MsgpackReader(std::string(100'000, '\x91') + "\x01").Skip());
  Bytes nils = Byte(0xdd);
  PutOrdered(&nils, std::uint32_t{4'000'000});
  EXPECT_TRUE(Json(nils + std::string(4'000'000, '\xc0')).starts_with("OUT_OF_RANGE"));
}

TEST(MsgpackTest, FramerFindsTheEndHoweverTheBytesAreCut) {
  const std::string value = Array(3) + Text("tag") + Byte(0xdc) + std::string("\0\2", 2) +
                            Entry(1, 2) + Entry(3, 4) + Map(1) + Text("c") + Long(0xdb, "xyz");
  for (std::size_t step = 1; step < value.size(); ++step) {
    MsgpackFramer framer(1000);
    for (std::size_t size = 0; size < value.size(); size += step) {
      const auto found = framer.Find(std::string_view(value).substr(0, size));
      ASSERT_TRUE(found.ok() && !found->has_value()) << size;
    }
    EXPECT_EQ(**framer.Find(value + "more"), value.size());
  }
}

TEST(MsgpackTest, FramerRefusesWhatBecomesTooLarge) {
  EXPECT_EQ(MsgpackFramer(100).Find(Byte(0xdd) + std::string(4, '\xff')).status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(MsgpackFramer(100).Find(Byte(0xdb) + std::string(4, '\xff') + "abc").status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(MsgpackFramer(100).Find(Long(0xdb, std::string(96, 'x'))).status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(**MsgpackFramer(100).Find(Long(0xdb, std::string(95, 'x'))), 100u);
  EXPECT_EQ(MsgpackFramer(100).Find("\xc1").status().code(), StatusCode::kInvalidArgument);
}

RC_GTEST_PROP(MsgpackProperty, AnyBytesGiveValidJsonOrAnError, (const std::vector<char>& bytes)) {
  const std::string text(bytes.begin(), bytes.end());
  std::string out;
  MsgpackReader reader(text);
  if (reader.AppendJson(&out).ok()) {
    JsonDocument document;
    RC_ASSERT(document.Parse(out).ok());
    MsgpackReader again(text);
    RC_ASSERT(again.Skip());
    RC_ASSERT(again.at() == reader.at());
    RC_ASSERT(MsgpackFramer(1 << 20).Find(text)->value() == reader.at());
  }
}

TEST(GzipMembersTest, UnpacksAllMembers) {
  EXPECT_EQ(*GunzipMembers(Gzip("hello ") + Gzip("world"), 100), "hello world");
  EXPECT_EQ(*GunzipMembers(Gzip(""), 100), "");
  const std::string large(300'000, 'x');
  EXPECT_EQ(*GunzipMembers(Gzip(large), 1 << 20), large);
  EXPECT_EQ(*GunzipMembers(Gzip(large), 300'000), large);
}

TEST(GzipMembersTest, RefusesWhatIsDamagedOrABomb) {
  const std::string good = Gzip("hello hello hello");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(GunzipMembers(std::string_view(good).substr(0, size), 100).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(GunzipMembers(good + "x", 100).ok());
  std::string flipped = good;
  flipped[flipped.size() - 6] ^= 1;
  EXPECT_FALSE(GunzipMembers(flipped, 100).ok());
  EXPECT_EQ(GunzipMembers(Gzip(std::string(101, 'x')), 100).status().code(),
            StatusCode::kOutOfRange);
  const std::string bomb = Gzip(std::string(8 << 20, '\0'));
  EXPECT_EQ(GunzipMembers(bomb, std::size_t{1} << 30).status().code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace carillon
