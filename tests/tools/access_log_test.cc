#include "tools/carillon/input/access_log.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace carillon {
namespace {

using ::testing::HasSubstr;

std::string Json(std::string_view line) {
  std::string json;
  const Status status = AppendAccessLogEvent(line, &json);
  EXPECT_TRUE(status.ok()) << Message(status);
  return json;
}

std::string Text(const simdjson::dom::element& event, const char* field) {
  std::string_view text;
  return event[field].get_string().get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

std::string Count(const simdjson::dom::element& event, const char* field) {
  std::int64_t count = 0;
  return event[field].get_int64().get(count) == simdjson::SUCCESS ? fmt::format("{}", count) : "-";
}

// The line that an event was made of.
std::string Rebuild(const std::string& json) {
  simdjson::dom::parser parser;
  const simdjson::dom::element event = parser.parse(json);
  std::string request = Text(event, "request");
  if (event["method"].error() == simdjson::SUCCESS) {
    request = Text(event, "method") + " " + Text(event, "path") + " " + Text(event, "protocol");
  }
  std::string line = fmt::format("{} {} {} [{}] \"{}\" {} {}", Text(event, "host"),
                                 Text(event, "ident"), Text(event, "user"), Text(event, "time"),
                                 request, Count(event, "status"), Count(event, "bytes"));
  if (event["referer"].error() == simdjson::SUCCESS) {
    line += fmt::format(" \"{}\" \"{}\"", Text(event, "referer"), Text(event, "agent"));
  }
  if (event["rest"].error() == simdjson::SUCCESS) line += " " + Text(event, "rest");
  return line;
}

constexpr char kPrefix[] = "1.2.3.4 - frank [10/Oct/2000:13:55:36 -0700] ";

TEST(AccessLogTest, SplitsACombinedLine) {
  EXPECT_EQ(
      Json(std::string(kPrefix) + R"("GET /a.gif HTTP/1.0" 200 2326 "http://x/" "Mozilla/4")"),
      R"({"host":"1.2.3.4","ident":"-","user":"frank","time":"10/Oct/2000:13:55:36 -0700",)"
      R"("method":"GET","path":"/a.gif","protocol":"HTTP/1.0","status":200,"bytes":2326,)"
      R"("referer":"http://x/","agent":"Mozilla/4"})");
}

TEST(AccessLogTest, SplitsACommonLine) {
  EXPECT_THAT(Json(std::string(kPrefix) + R"("GET / HTTP/1.0" 304 -)"),
              HasSubstr(R"("protocol":"HTTP/1.0","status":304,"bytes":null})"));
}

TEST(AccessLogTest, KeepsARequestThatDoesNotSplitCleanly) {
  for (const char* request : {"-", "", "GET /", "GET /a b HTTP/1.1", "get / HTTP/1.1",
                              "GET  HTTP/1.1", "GET / HTTQ/1.1", R"(\x16\x03\x01)", "a\tb"}) {
    const std::string line = fmt::format("{}\"{}\" 400 0 \"-\" \"-\"", kPrefix, request);
    EXPECT_THAT(Json(line), HasSubstr("\"request\":")) << request;
    EXPECT_EQ(Rebuild(Json(line)), line);
  }
}

TEST(AccessLogTest, GivesBackEveryLine) {
  for (const char* rest :
       {R"("GET /a?q=\"x\" HTTP/1.1" 200 5 "-" "agent \"quoted\" \x41\\")",
        R"("GET / HTTP/1.1" 200 - "http://r/" "")", R"("GET / HTTP/1.1" - -)",
        R"("GET / HTTP/1.1" 200 5 "-" "agent cut off)",
        R"("GET / HTTP/1.1" 200 5 "-" "a" "more" 17)", R"("GET / HTTP/1.1" 200 5 0.003)",
        R"("GET / HTTP/1.1" 200 5 "-" "a"x)", R"("GET / HTTP/1.1" 200 5 )"}) {
    const std::string line = std::string(kPrefix) + rest;
    EXPECT_EQ(Rebuild(Json(line)), line);
  }
}

TEST(AccessLogTest, GivesBackEveryLineOfARealLog) {
  std::ifstream file(std::string(CARILLON_TEST_DATA) + "/samples/access.log");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) EXPECT_EQ(Rebuild(Json(line)), line);
  EXPECT_EQ(lines, 41);
}

TEST(AccessLogTest, TakesAUserWithSpaces) {
  const std::string line = R"(h - John Doe [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1)";
  EXPECT_THAT(Json(line), HasSubstr(R"("user":"John Doe")"));
  EXPECT_EQ(Rebuild(Json(line)), line);
}

TEST(AccessLogTest, RefusesWhatIsNoLineOfALogAndLeavesTheOutputAlone) {
  for (const std::string rest :
       {"", "\"GET / HTTP/1.0\"", "\"GET / HTTP/1.0\" 200", "\"GET / HTTP/1.0\" ok 5",
        "\"GET / HTTP/1.0\" 200 5k", "\"GET / HTTP/1.0\" 0200 5", "\"GET / HTTP/1.0 200 5",
        "GET / 200 5"}) {
    std::string json = "before";
    EXPECT_FALSE(AppendAccessLogEvent(kPrefix + rest, &json).ok()) << rest;
    EXPECT_EQ(json, "before");
  }
  std::string json;
  EXPECT_FALSE(AppendAccessLogEvent("just some words", &json).ok());
}

}  // namespace
}  // namespace carillon
