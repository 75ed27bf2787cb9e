#include "collector/dialects/treasure_data.h"

#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using TreasureDataTest = DialectTest;

constexpr char kMedia[] = "application/vnd.treasuredata.v1+json";

TestRequest Browser(std::string body, std::string target = "POST /web_db/page_views?modified=1") {
  return TestRequest(target,
                     {{"Authorization", "TD1 8241/abc"},
                      {"Content-Type", kMedia},
                      {"Origin", "http://shop.example"}},
                     std::move(body));
}
TestRequest Phone(std::string body) {
  return TestRequest("POST /app_db/taps", {{"Authorization", "TD1 9/k"}, {"Content-Type", kMedia}},
                     std::move(body));
}

TEST_F(TreasureDataTest, V4TakesABrowsersEvent) {
  const TestRequest request =
      Browser(R"({"events":[{"td_version":"4.4.3","n":12345678901234567890123,"uuid":"u"}]})",
              "POST /web_db/page_views?modified=1700000000123&time=1700000000");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "treasuredata");
  EXPECT_EQ(key_, "8241/abc");
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(Stream(0), "web_db.page_views");
  EXPECT_EQ(Json(0), R"({"td_version":"4.4.3","n":12345678901234567890123,"uuid":"u"})");
  EXPECT_EQ(Id(0), "");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Answer(request).body, R"({"created":true,"receipts":[{"success":true}]})");
}

TEST_F(TreasureDataTest, V4TakesAPhonesEventsByTheirUuids) {
  const TestRequest request = Phone(
      R"({"events":[{"uuid":"a-1","x":1,"time":1700000000},{"uuid":"a-2"},7,{"uuid":"a-4"}]})");
  ASSERT_TRUE(Send(request).ok());
  ASSERT_EQ(events_.size(), 4u);
  EXPECT_EQ(Id(0), "a-1");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Id(3), "a-4");
  EXPECT_EQ(Why(2), "events[2]: no JSON object");
  EXPECT_EQ(Answer(request).body,
            R"({"created":true,"receipts":[{"success":true},{"success":true},)"
            R"({"success":false,"error":{"name":"InvalidPropertyValueError",)"
            R"("description":"events[2]: no JSON object"}},{"success":true}]})");
}

TEST_F(TreasureDataTest, PhoneKeepsWhatMayBeTakenLater) {
  const TestRequest request = Phone(R"({"events":[{"uuid":"a"}]})");
  ASSERT_TRUE(Send(request).ok());
  events_.Reject(0, {.code = StatusCode::kResourceExhausted, .text = "over quota"});
  EXPECT_NE(Answer(request).body.find("TryAgainError"), std::string::npos);
  EXPECT_EQ(AnswerTo(request, Unavailable("spool is full")).status, 503);
  EXPECT_EQ(AnswerTo(request, MakeStatus(StatusCode::kUnauthenticated, "")).status, 401);
}

TEST_F(TreasureDataTest, KeysStayOutOfEvents) {
  ASSERT_TRUE(
      Send(Browser(R"({"events":[{"a":1,"writeKey":"8241/abc","api_key":"x","\u0061piKey":2}]})"))
          .ok());
  EXPECT_EQ(Json(0), R"({"a":1})");
}

TEST_F(TreasureDataTest, FillsInTheGlobalId) {
  TestRequest request =
      Browser(R"({"events":[{"td_global_id":"td_global_id","td_ip":"td_ip","a":1}]})");
  request.headers.emplace_back("Cookie", "x=1; _td_global=0123-abc; y=2");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(Json(0), R"({"a":1,"td_global_id":"0123-abc"})");
}

TEST_F(TreasureDataTest, GivesAGlobalIdAndItsCookie) {
  TestRequest request("GET /", {{"Authorization", "TD1 8241/abc"}});
  request.chance = 7;
  ASSERT_TRUE(Send(request).ok());
  EXPECT_TRUE(events_.empty());
  const EdgeAnswer answer = Answer(request);
  ASSERT_EQ(answer.headers.size(), 1u);
  const std::string id = answer.body.substr(14, 36);
  EXPECT_TRUE(answer.headers[0].second.starts_with("_td_global=" + id + ";"));
  request.chance = 8;
  EXPECT_NE(Answer(request).body, answer.body);
  request.headers.emplace_back("Cookie", "_td_global=mine");
  EXPECT_EQ(Answer(request).body, R"({"global_id":"mine"})");
  EXPECT_TRUE(Answer(request).headers.empty());
  request.headers.back().second = "_td_global=\"><script>";
  EXPECT_EQ(Answer(request).body.find("script"), std::string::npos);
}

TEST_F(TreasureDataTest, RefusesWhatIsNoBatch) {
  EXPECT_EQ(Message(Send(Browser("{}"))), "events: want an array of records");
  EXPECT_EQ(Message(Send(Browser("[]"))), "events: want an array of records");
  EXPECT_EQ(Message(Send(Browser(R"({"events":[{)"))), "JSON ends too early, at byte 12");
  const TestRequest bad_name = Browser(R"({"events":[{}]})", "POST /ab/page_views");
  EXPECT_EQ(Message(Send(bad_name)), "database: want 3 to 255 of a-z, 0-9, _ in the path");
  EXPECT_EQ(Answer(bad_name).status, 400);
  EXPECT_FALSE(Send(Browser("{}", "POST /abc/Def")).ok());
  EXPECT_FALSE(Send(Browser("{}", "POST /abc/..%2f")).ok());
}

TEST_F(TreasureDataTest, RejectsOneBadEventAndTakesTheOthers) {
  const TestRequest request = Browser(R"({"events":[{"a":)" + Nested(63) + R"(},{"a":)" +
                                      Nested(64) + R"(},{"s":"\ud800"},{"b":1e999}]})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(events_.rejected(), 2u);
  EXPECT_EQ(Why(1), "events[1]: nested deeper than 64 levels");
  EXPECT_EQ(Why(2), "events[2]: half of a surrogate pair in a string");
  EXPECT_EQ(Json(3), R"({"b":1e999})");
  EXPECT_EQ(Answer(request).status, 200);
  ASSERT_TRUE(Send(Browser(R"({"events":[1]})")).ok());
  EXPECT_EQ(Answer(request).status, 400);
}

TEST_F(TreasureDataTest, LimitsEventsInARequest) {
  std::string body = R"({"events":[)";
  for (std::size_t i = 0; i <= kMaxEventsInRequest; ++i) body += "{},";
  body.back() = ']';
  EXPECT_EQ(Send(Browser(body + "}")).code(), StatusCode::kOutOfRange);
}

TEST_F(TreasureDataTest, V3TakesARecord) {
  const TestRequest request("POST /js/v3/event/web_db/clicks?modified=1&time=1700000000",
                            {{"X-TD-Write-Key", "k3"}, {"X-TD-Fetch-Api", "true"}},
                            R"({ "a" : 1 })");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "treasuredata_v3");
  EXPECT_EQ(key_, "k3");
  EXPECT_EQ(Stream(0), "web_db.clicks");
  EXPECT_EQ(Json(0), R"({"a":1})");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Answer(request).body, R"({"created":true})");
  EXPECT_EQ(Message(Send(TestRequest("POST /js/v3/event/web_db/clicks", {}, "[1]"))),
            "record: no JSON object");
}

TEST_F(TreasureDataTest, V2AnswersAsAScript) {
  // {"td_version":"2.5.3","a":1}
  const TestRequest request(
      "GET /js/v3/event/web_db/clicks?api_key=k2&modified=1&data=eyJ0ZF92ZXJzaW9uIjoiMi41LjMiLCJhIj"
      "oxfQ%3D%3D&callback=TreasureJSONPCallback0");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(key_, "k2");
  EXPECT_EQ(Json(0), R"({"td_version":"2.5.3","a":1})");
  const EdgeAnswer answer = Answer(request);
  EXPECT_EQ(answer.content_type, "application/javascript");
  EXPECT_EQ(answer.body,
            "typeof TreasureJSONPCallback0 === 'function' && "
            R"(TreasureJSONPCallback0({"created":true}))");
}

TEST_F(TreasureDataTest, V2LinkClickIsAPostWithoutABody) {
  ASSERT_TRUE(Send(TestRequest("POST /js/v3/event/web_db/clicks?api_key=k&data=eyJhIjoxfQ")).ok());
  EXPECT_EQ(Json(0), R"({"a":1})");
  EXPECT_FALSE(Send(TestRequest("POST /js/v3/event/web_db/clicks?api_key=k")).ok());
  EXPECT_EQ(Message(Send(TestRequest("GET /js/v3/event/web_db/clicks?data=*"))),
            "data is no base64");
}

TEST_F(TreasureDataTest, V2CallsNothingButAName) {
  const TestRequest request(
      "GET /js/v3/event/web_db/clicks?data=eyJhIjoxfQ&callback=alert(1)%2F%2F");
  EXPECT_FALSE(Send(request).ok());
  EXPECT_EQ(Answer(request).status, 400);
  EXPECT_EQ(Answer(request).body.find("alert"), std::string::npos);
  TestRequest global("GET /js/v3/global_id?callback=cb.x");
  ASSERT_TRUE(Send(global).ok());
  EXPECT_TRUE(Answer(global).body.starts_with("typeof cb.x === 'function' && cb.x({\"global_id\""));
}

TEST_F(TreasureDataTest, OldPhonesSendTablesOfRecords) {
  const TestRequest request(
      "POST /android/v3/event", {{"X-TD-Write-Key", "k"}, {"X-TD-Data-Type", "k"}},
      R"({"app_db.taps":[{"#UUID":"u1","#SSUT":true,"a":1,"\u0061piKey":2},3],"bad":[{"b":2}]})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "treasuredata_mobile");
  EXPECT_EQ(Stream(0), "app_db.taps");
  EXPECT_EQ(Id(0), "u1");
  EXPECT_EQ(Json(0), R"({"a":1})");
  EXPECT_EQ(Why(2), "records[2]: 'bad': want database.table");
  EXPECT_EQ(Answer(request).body,
            R"({"app_db.taps":[{"success":true},{"success":false,"error":{"name":)"
            R"("InvalidPropertyValueError","description":"records[1]: no JSON object"}}],)"
            R"("bad":[{"success":false,"error":{"name":"InvalidPropertyValueError",)"
            R"("description":"records[2]: 'bad': want database.table"}}]})");
  EXPECT_TRUE(Send(TestRequest("POST /ios/v3/event", {}, "{}")).ok());
  EXPECT_FALSE(Send(TestRequest("POST /ios/v3/event", {}, R"({"a.b":1})")).ok());
}

TEST_F(TreasureDataTest, PostbackTakesItsTimeWhenItIsNear) {
  const char kTarget[] = "POST /postback/v3/event/ads_db/installs?td_write_key=k";
  ASSERT_TRUE(
      Send(TestRequest(kTarget, {}, R"({"td_record_time":1700000000,"td_write_key":"k"})")).ok());
  EXPECT_EQ(key_, "k");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Json(0), R"({"td_record_time":1700000000})");
  ASSERT_TRUE(Send(TestRequest(kTarget, {}, R"({"td_record_time":1600000000})")).ok());
  EXPECT_EQ(Time(0), -1);
  ASSERT_TRUE(Send(TestRequest(kTarget, {}, R"({"td_record_time":1800000000})")).ok());
  EXPECT_EQ(Time(0), -1);
  EXPECT_EQ(Send(TestRequest(kTarget, {}, std::string(kMaxPostbackBytes + 1, ' '))).code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(AnswerTo(TestRequest(kTarget), MakeStatus(StatusCode::kUnauthenticated, "")).status,
            403);
}

}  // namespace
}  // namespace carillon
