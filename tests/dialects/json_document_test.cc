#include "collector/dialects/json_document.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include "collector/dialects/json_text.h"

namespace carillon {
namespace {

Status Parse(std::string_view text) {
  JsonDocument document;
  return document.Parse(text);
}

std::string LineOf(std::string_view text) {
  JsonDocument document;
  EXPECT_TRUE(document.Parse(text).ok()) << text;
  std::string scratch;
  return std::string(document.root().Line(&scratch));
}

TEST(JsonDocumentTest, FindsMembersAndItems) {
  JsonDocument document;
  ASSERT_TRUE(document.Parse(R"( {"a":{"b":[1,"x",null,{}]},"c":true} )").ok());
  const JsonValue root = document.root();
  EXPECT_EQ(root["a"]["b"].size(), 4u);
  EXPECT_EQ(root["c"].Text(), "true");
  EXPECT_FALSE(root["b"].exists());
  EXPECT_FALSE(root["a"]["b"]["x"].exists());
  EXPECT_EQ(root.height(), 4u);
  EXPECT_EQ(root["a"].raw(), R"({"b":[1,"x",null,{}]})");
}

TEST(JsonDocumentTest, KeepsNumbersAsTheyAreWritten) {
  const std::string text =
      R"({"a":18446744073709551617,"b":0.10,"c":1E+400,"d":-0,"e":123456789012345678901234567890})";
  EXPECT_EQ(LineOf(text), text);
}

TEST(JsonDocumentTest, PutsAnObjectIntoOneLine) {
  EXPECT_EQ(LineOf("{ \"a b\" : [ 1 ,\n\t2 ] ,\r\n \"q\\\" \" : \" x \\\\\" }"),
            R"({"a b":[1,2],"q\" ":" x \\"})");
}

TEST(JsonDocumentTest, TakesTheLastOfMembersOfOneName) {
  JsonDocument document;
  ASSERT_TRUE(document.Parse(R"({"a":1,"\u0061":2,"b":3})").ok());
  EXPECT_EQ(document.root()["a"].raw(), "2");
  std::string rest;
  document.root().AppendMembers(std::vector<std::string_view>{"a"}, &rest);
  EXPECT_EQ(rest, R"("b":3)");
}

TEST(JsonDocumentTest, UnescapesText) {
  JsonDocument document;
  ASSERT_TRUE(
      document.Parse(R"(["\u00e9\ud83d\ude00\n\"\/","\ud800","\udc00x","\ud800\u0041"])").ok());
  std::vector<std::string> texts;
  for (const JsonValue item : document.root().items()) texts.push_back(item.Text());
  EXPECT_EQ(texts[0], "\xc3\xa9\xf0\x9f\x98\x80\n\"/");
  EXPECT_EQ(texts[1], "\xef\xbf\xbd");
  EXPECT_EQ(texts[2], "\xef\xbf\xbdx");
  EXPECT_EQ(texts[3],
            "\xef\xbf\xbd"
            "A");
  EXPECT_TRUE(document.root().HasLoneSurrogate());
}

TEST(JsonDocumentTest, KnowsWhereALoneSurrogateIs) {
  JsonDocument document;
  ASSERT_TRUE(document.Parse(R"({"good":{"a":"\ud83d\ude00"},"bad":[{"\ud83d":1}]})").ok());
  EXPECT_FALSE(document.root()["good"].HasLoneSurrogate());
  EXPECT_TRUE(document.root()["bad"].HasLoneSurrogate());
}

TEST(JsonDocumentTest, ReadsValuesOneBehindTheOther) {
  JsonDocument document;
  ASSERT_TRUE(document.ParseSequence("{\"a\":1}{\"b\":[2]} \n {}").ok());
  ASSERT_EQ(document.root().size(), 3u);
  EXPECT_EQ((*++document.root().items().begin()).raw(), R"({"b":[2]})");
  ASSERT_TRUE(document.ParseSequence("  ").ok());
  EXPECT_EQ(document.root().size(), 0u);
  EXPECT_FALSE(document.ParseSequence("{}{").ok());
  EXPECT_FALSE(document.root().exists());
}

TEST(JsonDocumentTest, RefusesWhatIsNoJson) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":1}}",
                                      "{} {}",
                                      "nul",
                                      "truex",
                                      "01",
                                      "-",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "+1",
                                      "NaN",
                                      "\"",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "\"\\u12",
                                      "\"a\nb\"",
                                      "\xff",
                                      "\"\xc3\"",
                                      "\"\xed\xa0\x80\"",
                                      "[1 2]",
                                      "{\"a\":1 \"b\":2}",
                                      "[}",
                                      "{]",
                                      "//x\n1"}) {
    const Status status = Parse(text);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_FALSE(Message(status).empty());
  }
  EXPECT_FALSE(Parse(std::string_view("{\"a\":\"\0\"}", 9)).ok());
  EXPECT_FALSE(Parse(std::string_view("{}\0", 3)).ok());
}

TEST(JsonDocumentTest, SaysWhereItWentWrong) {
  EXPECT_EQ(Message(Parse(R"({"a":tru})")), "JSON: want a value at byte 5");
  EXPECT_EQ(Message(Parse(R"({"a":)")), "JSON ends too early, at byte 5");
}

TEST(JsonDocumentTest, LimitsNesting) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(Parse(nested(kMaxDocumentDepth)).ok());
  EXPECT_FALSE(Parse(nested(kMaxDocumentDepth + 1)).ok());
  EXPECT_FALSE(Parse(nested(100'000)).ok());
  EXPECT_FALSE(Parse(std::string(100'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_FALSE(Parse(objects).ok());
}

TEST(JsonDocumentTest, LimitsTheNumberOfValues) {
  std::string text = "[";
  for (std::size_t i = 0; i < kMaxDocumentNodes; ++i) text += "1,";
  text.back() = ']';
  EXPECT_EQ(Parse(text).code(), StatusCode::kOutOfRange);
}

TEST(JsonDocumentTest, EveryCutOfATextIsRefused) {
  const std::string text =
      R"({"a":[1.5e3,"x\u0041y",true],"b":{"c":null},"long name here":"0123456"})";
  ASSERT_TRUE(Parse(text).ok());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(Parse(std::string(text.substr(0, size))).ok()) << size;
  }
}

// Pieces of JSON put together by chance: accepted exactly when simdjson accepts them.
RC_GTEST_PROP(JsonDocumentProperty, AgreesWithSimdjson, ()) {
  static const std::vector<std::string> kPieces = {
      "{",  "}",      "[",    "]",     ",",      ":", "\"a\"", "\"\\n\"", "\"\xc3\xa9\"",
      "1",  "-2.5e3", "true", "false", "null",   " ", "\n",    "0",       "\"\\u0041\"",
      "\"", "\\",     "{}",   "[]",    "\"k\":1"};
  const auto picks = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, kPieces.size()));
  std::string text = *rc::gen::element<std::string>("", "[", "{");
  for (const std::size_t pick : picks) text += kPieces[pick];
  simdjson::dom::parser parser;
  const bool good = parser.parse(text).error() == simdjson::SUCCESS;
  RC_ASSERT(Parse(text).ok() == good);
}

RC_GTEST_PROP(JsonTextProperty, ComesBackWhateverItWas, (const std::vector<char>& bytes)) {
  const std::string text(bytes.begin(), bytes.end());
  const std::string json = JsonText(text);
  simdjson::dom::parser parser;
  std::string_view back;
  RC_ASSERT(parser.parse(json).get_string().get(back) == simdjson::SUCCESS);
  if (simdjson::validate_utf8(text)) RC_ASSERT(back == text);
  JsonDocument document;
  RC_ASSERT(document.Parse(json).ok());
  RC_ASSERT(document.root().Text() == back);
}

TEST(JsonTextTest, ReplacesWhatIsNotUtf8ByteByByte) {
  EXPECT_EQ(JsonText("a\xff\xc3\xa9\xc3"), "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"");
  EXPECT_EQ(JsonText(std::string_view("\0\x7f\n", 3)), R"("\u0000\u007f\n")");
}

}  // namespace
}  // namespace carillon
