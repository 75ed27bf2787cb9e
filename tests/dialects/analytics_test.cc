// PostHog, Snowplow, Mixpanel, Amplitude.
#include "collector/dialects/form.h"
#include "tests/dialects/dialect_fixture.h"
#include "tests/dialects/msgpack_samples.h"

namespace carillon {
namespace {

using PostHogTest = DialectTest;
using SnowplowTest = DialectTest;
using MixpanelTest = DialectTest;
using AmplitudeTest = DialectTest;

TEST_F(PostHogTest, TakesABatch) {
  const TestRequest request(
      "POST /batch/", {},
      R"({"api_key":"phc_k","batch":[{"distinct_id":"d","event":"$pageview","properties":)"
      R"({"$lib":"posthog-node","token":"phc_k"},"type":"capture","uuid":"0188-u1",)"
      R"("timestamp":"2023-11-14T22:13:20.000Z"}],"sent_at":"2023-11-14T22:13:21.000Z"})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "posthog");
  EXPECT_EQ(key_, "phc_k");
  EXPECT_EQ(Stream(0), "$pageview");
  EXPECT_EQ(Id(0), "0188-u1");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Json(0),
            R"({"distinct_id":"d","event":"$pageview","type":"capture","uuid":"0188-u1",)"
            R"("timestamp":"2023-11-14T22:13:20.000Z","properties":{"$lib":"posthog-node"}})");
  EXPECT_EQ(Answer(request).body, R"({"status":1})");
}

TEST_F(PostHogTest, TakesABrowsersEventsHoweverTheyArePacked) {
  const std::string body = R"([{"event":"a","uuid":"u","properties":{"token":"phc_k","x":1}}])";
  const std::string want = R"({"event":"a","uuid":"u","properties":{"x":1}})";
  const std::string base64 = EncodeBase64(body);
  for (const std::string& packed : {body, samples::Gzip(body), "data=" + base64}) {
    ASSERT_TRUE(
        Send(TestRequest("POST /e/?compression=x&_=1", {{"Content-Type", "text/plain"}}, packed))
            .ok());
    EXPECT_EQ(key_, "phc_k");
    EXPECT_EQ(Json(0), want);
  }
  ASSERT_TRUE(Send(TestRequest("POST /i/v0/e/", {}, R"({"event":"a","api_key":"k"})")).ok());
  EXPECT_EQ(key_, "k");
  EXPECT_EQ(Json(0), R"({"event":"a"})");
  EXPECT_FALSE(Send(TestRequest("POST /e/", {}, "data=***")).ok());
  EXPECT_FALSE(Send(TestRequest("POST /e/", {}, "\x1f\x8b broken")).ok());
  EXPECT_FALSE(Send(TestRequest("POST /e/", {}, R"({"batch":3})")).ok());
}

TEST_F(PostHogTest, AnswersQuestionsWithoutEvents) {
  const TestRequest flags("POST /flags/?v=2", {}, R"({"token":"phc_k"})");
  ASSERT_TRUE(Send(flags).ok());
  EXPECT_EQ(dialect_, "posthog_config");
  EXPECT_EQ(key_, "phc_k");
  EXPECT_TRUE(Answer(flags).body.starts_with(R"({"flags":{})"));
  const TestRequest config("GET /array/phc_k/config");
  ASSERT_TRUE(Send(config).ok());
  EXPECT_EQ(key_, "phc_k");
  EXPECT_TRUE(Answer(config).body.starts_with(R"({"token":"phc_k",)"));
  const TestRequest script("GET /array/phc_k/config.js");
  ASSERT_TRUE(Send(script).ok());
  EXPECT_EQ(Answer(script).content_type, "application/javascript");
  EXPECT_NE(Answer(script).body.find(R"(c["phc_k"]={config:{"token":"phc_k",)"), std::string::npos);
  EXPECT_EQ(Answer(TestRequest("GET /array/%3C%2Fscript%3E/config.js")).status, 404);
}

TEST_F(SnowplowTest, TakesAPost) {
  const TestRequest request(
      "POST /com.snowplowanalytics.snowplow/tp2", {},
      R"({"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":)"
      R"([{"e":"pv","eid":"e-1","dtm":"1700000000123","aid":"shop","url":"http://x"}]})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "snowplow");
  EXPECT_EQ(key_, "shop");
  EXPECT_EQ(Stream(0), "pv");
  EXPECT_EQ(Id(0), "e-1");
  EXPECT_EQ(Time(0), 1700000000123000);
  EXPECT_EQ(Json(0), R"({"e":"pv","eid":"e-1","dtm":"1700000000123","url":"http://x"})");
  EXPECT_EQ(Answer(request).body, "ok");
  EXPECT_FALSE(Send(TestRequest("POST /com.snowplowanalytics.snowplow/tp2", {}, "{}")).ok());
}

TEST_F(SnowplowTest, TakesAGet) {
  const TestRequest request("GET /i?e=se&eid=e-2&dtm=1700000000123&aid=shop&se_la=a%20b",
                            {{"Authorization", "Bearer k"}});
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(key_, "k");
  EXPECT_EQ(Json(0), R"({"e":"se","eid":"e-2","dtm":"1700000000123","aid":"shop","se_la":"a b"})");
  EXPECT_EQ(Answer(request).content_type, "image/gif");
  EXPECT_EQ(Answer(request).body.size(), 43u);
  EXPECT_EQ(Answer(request).body.back(), ';');
}

TEST_F(MixpanelTest, TakesAGet) {
  const std::string data = EncodeBase64(
      R"({"event":"buy","properties":{"token":"t1","time":1700000000,"$insert_id":"i1"}})");
  const TestRequest request("GET /track?ip=0&verbose=0&data=" + data);
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "mixpanel");
  EXPECT_EQ(key_, "t1");
  EXPECT_EQ(Stream(0), "buy");
  EXPECT_EQ(Id(0), "i1");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Json(0), R"({"event":"buy","properties":{"time":1700000000,"$insert_id":"i1"}})");
  EXPECT_EQ(Answer(request).body, "1");
}

TEST_F(MixpanelTest, TakesAFormOfABrowser) {
  const TestRequest request(
      "POST /track/?verbose=1&ip=1&_=1700000000000", {},
      R"(data=%5B%7B%22event%22%3A%22a%22%2C%22properties%22%3A%7B%22token%22%3A%22t%22%2C)"
      R"(%22time%22%3A1700000000123%7D%7D%2C3%5D)");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(key_, "t");
  EXPECT_EQ(Time(0), 1700000000123000);
  EXPECT_EQ(Why(1), "events[1]: no JSON object");
  EXPECT_EQ(Answer(request).body, R"({"status":1,"error":null})");
}

TEST_F(MixpanelTest, TakesAnImport) {
  const TestRequest request("POST /import?strict=1", {{"Authorization", "Basic c2VjOg=="}},
                            R"([{"event":"a","properties":{}},{"event":"b","properties":{}}])");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(key_, "sec");
  EXPECT_EQ(Answer(request).body, R"({"code":200,"status":"OK","num_records_imported":2})");
}

TEST_F(MixpanelTest, AnswersWhatItDoesNotTake) {
  const TestRequest profile("POST /engage?verbose=0", {},
                            "data=" + EncodeBase64(R"({"$token":"t","$set":{}})"));
  ASSERT_TRUE(Send(profile).ok());
  EXPECT_EQ(key_, "t");
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(Answer(profile).body, "1");
  const TestRequest nothing("POST /track");
  EXPECT_EQ(Message(Send(nothing)), "data: not there");
  EXPECT_EQ(Answer(nothing).body, "0");
  EXPECT_EQ(Answer(nothing).status, 400);
}

TEST_F(AmplitudeTest, TakesEvents) {
  const TestRequest request(
      "POST /2/httpapi", {},
      R"({"api_key":"ak","events":[{"event_type":"click","user_id":"u","time":1700000000123,)"
      R"("insert_id":"i1","api_key":"ak"}],"options":{},"client_upload_time":"x"})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "amplitude");
  EXPECT_EQ(key_, "ak");
  EXPECT_EQ(Stream(0), "click");
  EXPECT_EQ(Id(0), "i1");
  EXPECT_EQ(Time(0), 1700000000123000);
  EXPECT_EQ(Json(0),
            R"({"event_type":"click","user_id":"u","time":1700000000123,"insert_id":"i1"})");
  EXPECT_EQ(Answer(request).body,
            fmt::format(R"({{"code":200,"events_ingested":1,"payload_size_bytes":{},)"
                        R"("server_upload_time":1700000100000}})",
                        request.body.size()));
  EXPECT_EQ(AnswerTo(request, ResourceExhausted("quota")).body, R"({"code":429,"error":"quota"})");
  EXPECT_EQ(AnswerTo(request, MakeStatus(StatusCode::kUnauthenticated, "")).status, 400);
  EXPECT_FALSE(Send(TestRequest("POST /2/httpapi", {}, R"({"events":{}})")).ok());
}

}  // namespace
}  // namespace carillon
