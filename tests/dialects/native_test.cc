#include "collector/dialects/native.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using testing::HasSubstr;

class PlainRequest final : public EdgeRequest {
 public:
  std::string_view Header(std::string_view name) const override {
    const auto found = headers.find(std::string(name));
    return found == headers.end() ? std::string_view() : found->second;
  }
  std::map<std::string, std::string> headers;
};

class NativeTest : public testing::Test {
 protected:
  NativeTest() {
    request_.method = "POST";
    request_.path = "/v1/events";
  }
  Status Decode(std::string body) {
    body_ = std::move(body);
    const std::size_t size = body_.size();
    body_.resize(size + kBodyPadding);
    request_.body = std::string_view(body_).substr(0, size);
    events_.Clear();
    return NativeDialect().Decode(request_, &events_);
  }
  std::string KeyWith(const std::string& name, const std::string& value) {
    request_.headers = {{name, value}};
    return NativeDialect().KeyOf(request_);
  }
  EdgeAnswer Answer(const Status& status) {
    return NativeDialect().Answer(request_, {.status = status, .events = &events_});
  }

  PlainRequest request_;
  std::string body_;
  EventBatch events_;
};

TEST_F(NativeTest, TakesOneObject) {
  ASSERT_TRUE(Decode(R"({"timestamp":1428415043,"type":"WEB","id":"a1"})").ok());
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_.event(0).json, R"({"timestamp":1428415043,"type":"WEB","id":"a1"})");
  EXPECT_EQ(events_.event(0).time_us, 1428415043'000000);
  EXPECT_EQ(events_.event(0).id, "a1");
  EXPECT_EQ(Answer(OkStatus()).body, "{\"accepted\":1,\"rejected\":0,\"errors\":[]}\n");
}

TEST_F(NativeTest, TakesAnArrayAndLinesAndObjectsBehindOneAnother) {
  for (const char* body : {R"([{"a":1},{"a":2}])", "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}{\"a\":2}",
                           "\r\n{\"a\":1}\r\n\r\n{\"a\":2}"}) {
    ASSERT_TRUE(Decode(body).ok()) << body;
    ASSERT_EQ(events_.size(), 2u) << body;
    EXPECT_EQ(events_.event(1).json, R"({"a":2})");
    EXPECT_EQ(events_.event(1).time_us, std::nullopt);
  }
}

TEST_F(NativeTest, PutsAnEventOfManyLinesIntoOne) {
  ASSERT_TRUE(Decode("{\n  \"a\": \"x y\",\n  \"b\": [1, 2]\n}\n").ok());
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_.event(0).json, R"({"a":"x y","b":[1,2]})");
}

TEST_F(NativeTest, RejectsABadLineAndTakesTheOthers) {
  ASSERT_TRUE(Decode("{\"a\":1}\n{oops\n{\"a\":3}\n7\n").ok());
  ASSERT_EQ(events_.size(), 4u);
  EXPECT_EQ(events_.rejected(), 2u);
  const EdgeAnswer answer = Answer(OkStatus());
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("accepted":2,"rejected":2,"errors":[{"index":1,)"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"index":3,"error":"no JSON object"})"));
}

TEST_F(NativeTest, RefusesABodyWithoutAnyEvent) {
  EXPECT_EQ(Decode("").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decode(" \n ").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decode("{\"a\":").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decode("[{\"a\":1},").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Decode("hello").code(), StatusCode::kInvalidArgument);
}

TEST_F(NativeTest, SaysWithFourHundredThatNothingWasAccepted) {
  ASSERT_TRUE(Decode("[1,2]").ok());
  EXPECT_EQ(Answer(OkStatus()).status, 400);
}

TEST_F(NativeTest, RejectsWhatIsNoTimeNoTypeOrTooDeep) {
  std::string deep;
  for (std::size_t i = 0; i <= kMaxEventDepth; ++i) deep += R"({"a":)";
  deep += "1" + std::string(kMaxEventDepth + 1, '}');
  for (const std::string& body :
       {std::string(R"({"timestamp":"yesterday"})"), std::string(R"({"timestamp":null})"),
        std::string(R"({"timestamp":1e300})"), std::string(R"({"type":{}})"),
        std::string(R"({"subtype":[]})"), std::string(R"({"a":"\ud800"})"), deep,
        R"({"id":")" + std::string(257, 'x') + R"("})"}) {
    ASSERT_TRUE(Decode(body).ok()) << body;
    EXPECT_EQ(events_.rejected(), 1u) << body;
  }
}

TEST_F(NativeTest, ReadsTimesOfEveryUnit) {
  const std::map<std::string, std::int64_t> times = {
      {"1428415043.25", 1428415043'250000},
      {"1428415043250", 1428415043'250000},
      {"1428415043250001", 1428415043'250001},
      {"\"1428415043\"", 1428415043'000000},
      {"\"2015-04-07T13:57:23.25Z\"", 1428415043'250000},
      {"\"2015-04-07T15:57:23+02:00\"", 1428415043'000000},
      {"\"2015-04-07 13:57:23\"", 1428415043'000000},
      {"0", 0}};
  for (const auto& [text, time_us] : times) {
    ASSERT_TRUE(Decode("{\"timestamp\":" + text + "}").ok());
    EXPECT_EQ(events_.event(0).time_us, time_us) << text;
  }
}

TEST_F(NativeTest, RefusesMoreEventsThanARequestMayHave) {
  std::string body;
  for (std::size_t i = 0; i <= kMaxEventsInRequest; ++i) body += "{}\n";
  EXPECT_EQ(Decode(body).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(Answer(OutOfRange("too many")).status, 413);
}

TEST_F(NativeTest, FindsTheKeyWhereverItIsShown) {
  EXPECT_EQ(KeyWith("X-Write-Key", "k1"), "k1");
  EXPECT_EQ(KeyWith("Authorization", "Bearer k1"), "k1");
  EXPECT_EQ(KeyWith("Authorization", "bearer  k1 "), "k1");
  EXPECT_EQ(KeyWith("Authorization", "Basic azE6"), "k1");          // k1:
  EXPECT_EQ(KeyWith("Authorization", "Basic azE6c2VjcmV0"), "k1");  // k1:secret
  EXPECT_EQ(KeyWith("Authorization", "Basic %%%"), "");
  EXPECT_EQ(KeyWith("Authorization", "Digest x"), "");
}

TEST_F(NativeTest, TakesABeaconWithItsKeyInTheBody) {
  ASSERT_TRUE(Decode(R"({"write_key":"k1","events":[{"a":1},{"a":2}]})").ok());
  EXPECT_EQ(NativeDialect().KeyOf(request_), "k1");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_.event(0).json, R"({"a":1})");
}

TEST_F(NativeTest, TellsEachKindOfRefusalApart) {
  const std::map<int, Status> answers = {
      {401, MakeStatus(StatusCode::kUnauthenticated, "no key")},
      {403, MakeStatus(StatusCode::kPermissionDenied, "revoked")},
      {400, InvalidArgument("bad")},
      {429, ResourceExhausted("over")},
      {503, Unavailable("full")}};
  for (const auto& [status, outcome] : answers) {
    EXPECT_EQ(Answer(outcome).status, status);
    EXPECT_THAT(Answer(outcome).body, HasSubstr(R"("error":")"));
  }
}

TEST_F(NativeTest, MatchesOnlyItsOwnPathAndMethod) {
  EXPECT_TRUE(NativeDialect().Matches(request_));
  request_.method = "GET";
  EXPECT_FALSE(NativeDialect().Matches(request_));
  request_.method = "POST";
  request_.path = "/v1/events/";
  EXPECT_FALSE(NativeDialect().Matches(request_));
}

}  // namespace
}  // namespace carillon
