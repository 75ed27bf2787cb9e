#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "collector/user_agent/user_agent_cache.h"
#include "collector/user_agent/user_agent_parser.h"

namespace carillon {
namespace {

constexpr char kChrome[] =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36";

// uap-core's own rules, made once: that takes a second.
std::shared_ptr<const UserAgentParser> Rules() {
  static const auto parser = [] {
    std::ifstream file("/usr/share/uap-core/regexes.yaml");
    std::ostringstream text;
    text << file.rdbuf();
    return UserAgentParser::Make(text.str());
  }();
  EXPECT_TRUE(parser.ok()) << parser.status();
  return *parser;
}

std::shared_ptr<const UserAgentParser> Small() {
  auto parser = UserAgentParser::Make(R"(
user_agent_parsers:
  - regex: '(Foo)/(\d+)\.(\d+)'
  - regex: '(foo)bar(\d*)'
    regex_flag: 'i'
    family_replacement: 'Bar of $1'
    v1_replacement: '9'
  - regex: 'Foo'
os_parsers: []
device_parsers:
  - regex: 'dev (\w+) ?(\w*)'
    device_replacement: '$1 $2'
    brand_replacement: 'Brand'
)");
  EXPECT_TRUE(parser.ok()) << parser.status();
  return *parser;
}

TEST(UserAgentParserTest, KnowsBrowsersSystemsAndDevices) {
  EXPECT_EQ(
      Rules()->Parse(kChrome),
      (UserAgent{
          .browser = "Chrome", .browser_version = "120.0.0", .os = "Windows", .os_version = "10"}));
  const UserAgent phone = Rules()->Parse(
      "Mozilla/5.0 (iPhone; CPU iPhone OS 8_1_2 like Mac OS X) AppleWebKit/600.1.4 (KHTML, like "
      "Gecko) Version/8.0 Mobile/12B440 Safari/600.1.4");
  EXPECT_EQ(phone, (UserAgent{.browser = "Mobile Safari",
                              .browser_version = "8.0",
                              .os = "iOS",
                              .os_version = "8.1.2",
                              .device = "iPhone",
                              .brand = "Apple",
                              .model = "iPhone"}));
}

TEST(UserAgentParserTest, TakesTheFirstRuleAndItsReplacements) {
  EXPECT_EQ(Small()->Parse("x Foo/1.2"), (UserAgent{.browser = "Foo", .browser_version = "1.2"}));
  EXPECT_EQ(Small()->Parse("FOObar7"),
            (UserAgent{.browser = "Bar of FOO", .browser_version = "9"}));
  EXPECT_EQ(Small()->Parse("dev one two"),
            (UserAgent{.device = "one two", .brand = "Brand", .model = "one"}));
  EXPECT_EQ(Small()->Parse("dev one").device, "one");
}

TEST(UserAgentParserTest, LooksAtNoMoreThanTheBeginning) {
  EXPECT_EQ(Small()->Parse(std::string(kMaxParsedUserAgentBytes - 3, ' ') + "Foo/1.2"),
            UserAgent());
  EXPECT_EQ(Small()->Parse(std::string(1 << 20, 'x')), UserAgent());
  EXPECT_EQ(Small()->Parse(""), UserAgent());
  EXPECT_EQ(Small()->Parse("\xff\xfe Foo/1.2").browser, "Foo");
}

TEST(UserAgentParserTest, SaysWhatIsWrongWithRules) {
  for (const char* yaml :
       {"", "[]", "user_agent_parsers: 7", "{", "a: b: c", "user_agent_parsers: [{regex: '('}]"}) {
    EXPECT_EQ(UserAgentParser::Make(yaml).status().code(), StatusCode::kInvalidArgument) << yaml;
  }
}

TEST(UserAgentCacheTest, SaysWhatIsKnownAsJson) {
  UserAgentCache cache;
  EXPECT_EQ(cache.Find(*Rules(), kChrome),
            R"({"browser":"Chrome","browser_version":"120.0.0","os":"Windows","os_version":"10"})");
  EXPECT_EQ(cache.Find(*Rules(), "nobody knows this"), "{}");
}

TEST(UserAgentCacheTest, ParsesATextOnceAndForgetsTheOneUsedLeast) {
  UserAgentCache cache;
  const auto parser = Small();
  for (std::size_t i = 0; i < UserAgentCache::kMaxTexts; ++i) {
    cache.Find(*parser, fmt::format("Foo/1.{}", i));
    cache.Find(*parser, "Foo/1.0");
  }
  EXPECT_EQ(cache.parsed(), UserAgentCache::kMaxTexts);
  cache.Find(*parser, "one more");
  EXPECT_EQ(cache.size(), UserAgentCache::kMaxTexts);
  cache.Find(*parser, "Foo/1.0");
  EXPECT_EQ(cache.parsed(), UserAgentCache::kMaxTexts + 1);
  cache.Find(*parser, "Foo/1.1");
  EXPECT_EQ(cache.parsed(), UserAgentCache::kMaxTexts + 2);
}

}  // namespace
}  // namespace carillon
