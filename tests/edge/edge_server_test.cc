// What clients of all kinds hear.
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/edge/edge_fixture.h"

namespace carillon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::string KeyToml(const std::string& key, const std::string& more = "") {
  return "[[tenants.acme.keys]]\nsha256 = \"" + ToHex(HashOf(key)) + "\"\n" + more + "\n";
}

TEST_F(EdgeTest, KeepsAnEventAndSaysSo) {
  const auto answer = Post(R"({"timestamp":1,"type":"WEB"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"accepted\":1,\"rejected\":0,\"errors\":[]}\n");
  EXPECT_EQ(answer.Header("Content-Type"), "application/json");
  EXPECT_THAT(intake_.events(), ElementsAre(R"({"timestamp":1,"type":"WEB"})"));
  EXPECT_THAT(intake_.places(), ElementsAre("acme events WEB "));
}

TEST_F(EdgeTest, AnswersManyRequestsOfOneConnectionInTheirOrder) {
  RawClient client(port_);
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    const std::string body = "{\"n\":" + std::to_string(i) + (i % 3 == 0 ? "" : "}");
    requests += fmt::format("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}",
                            body.size(), body);
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.Read().status, i % 3 == 0 ? 400 : 200) << i;
  EXPECT_THAT(intake_.events(), SizeIs(133));
}

TEST_F(EdgeTest, TakesARequestThatComesByteByByte) {
  RawClient client(port_);
  const std::string request =
      "POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
  for (const char c : request) ASSERT_TRUE(client.Send(std::string_view(&c, 1)));
  EXPECT_EQ(client.Read().status, 200);
  ASSERT_TRUE(
      client.Send("POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\n{\"a\r\n4;x=y\r\n\":2}\r\n0\r\nX-Write-Key: stolen\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_THAT(intake_.events(), SizeIs(2));
}

TEST_F(EdgeTest, AnswersWhenTheIntakeHasKeptAndNotBefore) {
  intake_.Hold();
  RawClient client(port_);
  ASSERT_TRUE(
      client.Send("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
                  "POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
                  "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(intake_.AwaitHeld(2));
  EXPECT_EQ(RawClient(port_).Ask("GET", "/livez").status, 200);  // others are not held up
  intake_.Release();
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_EQ(client.Read().body, "alive\n");
}

TEST_F(EdgeTest, LetsGoOfARequestWhoseClientHasGone) {
  intake_.Hold();
  {
    RawClient client(port_);
    ASSERT_TRUE(client.Send("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"));
    ASSERT_TRUE(intake_.AwaitHeld(1));
  }
  intake_.Release();
  EXPECT_EQ(Post("{}").status, 200);
}

TEST_F(EdgeTest, AnswersAClientThatHasStoppedSending) {
  RawClient client(port_);
  ASSERT_TRUE(client.Send("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"));
  ::shutdown(client.descriptor(), SHUT_WR);
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_TRUE(client.IsClosedByServer());
}

TEST_F(EdgeTest, TellsTheClientToComeBackWhenTheSpoolIsFull) {
  intake_.Answer(ResourceExhausted("the spool is full"));
  const auto answer = Post("{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.Header("Retry-After"), "7");
  EXPECT_THAT(answer.body, HasSubstr("the spool is full"));
}

TEST_F(EdgeTest, SaysWhatIsThereToThoseWhoAreLost) {
  const auto answer = RawClient(port_).Ask("POST", "/v2/evnts", "{}");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, HasSubstr("POST /v1/events"));
}

TEST_F(EdgeTest, RefusesBadJsonAndKeepsNothing) {
  EXPECT_EQ(Post("{oops").status, 400);
  EXPECT_EQ(Post("").status, 400);
  EXPECT_THAT(intake_.events(), IsEmpty());
}

TEST_F(EdgeTest, WantsAKeyThatSomebodyHas) {
  StartEdge({}, KeyToml("k1") + KeyToml("k2", "revoked = true"), "");
  EXPECT_EQ(Post("{}").status, 401);
  EXPECT_EQ(Post("{}", "X-Write-Key: nobodys\r\n").status, 401);
  EXPECT_EQ(Post("{}", "X-Write-Key: k2\r\n").status, 401);
  EXPECT_EQ(Post("{}", "X-Write-Key: k1\r\n").status, 200);
  EXPECT_EQ(Post("{}", "Authorization: Bearer k1\r\n").status, 200);
  EXPECT_EQ(Post(R"({"write_key":"k1","events":[{}]})", "Content-Type: text/plain\r\n").status,
            200);
  EXPECT_THAT(intake_.events(), SizeIs(3));
}

TEST_F(EdgeTest, LetsBrowsersOfTheRightOriginIn) {
  StartEdge({}, KeyToml("k1", "origins = ['https://shop.example']"), "");
  const auto preflight =
      RawClient(port_).Ask("OPTIONS", "/v1/events", "",
                           "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n"
                           "Access-Control-Request-Headers: content-type,x-write-key\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.Header("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(preflight.Header("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(preflight.Header("Access-Control-Allow-Headers"), "content-type,x-write-key");
  EXPECT_EQ(preflight.Header("Access-Control-Max-Age"), "600");
  EXPECT_EQ(preflight.Header("Vary"), "Origin");

  const auto allowed = Post("{}", "X-Write-Key: k1\r\nOrigin: https://shop.example\r\n");
  EXPECT_EQ(allowed.status, 200);
  EXPECT_EQ(allowed.Header("Access-Control-Allow-Origin"), "https://shop.example");
  const auto refused = Post("{}", "X-Write-Key: k1\r\nOrigin: https://evil.test\r\n");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.Header("Access-Control-Allow-Origin"), "");
}

TEST_F(EdgeTest, HoldsATenantToItsQuotaAndNobodyElse) {
  StartEdge({},
            "quota = { requests_per_second = 1, requests_burst = 2 }\n[tenants.globex]\n"
            "[[tenants.globex.keys]]\nsha256 = '" +
                ToHex(HashOf("g")) + "'\n");
  EXPECT_EQ(Post("{}").status, 200);
  EXPECT_EQ(Post("{}").status, 200);
  const auto over = Post("{}");
  EXPECT_EQ(over.status, 429);
  EXPECT_EQ(over.Header("Retry-After"), "1");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Post("{}", "X-Write-Key: g\r\n").status, 200);
  EXPECT_THAT(MetricsText(), HasSubstr("carillon_collector_over_quota_total{tenant=\"acme\"} 1"));
}

TEST_F(EdgeTest, HearsOfAChangedTenantWithoutARestart) {
  StartEdge({}, KeyToml("k1"), "");
  EXPECT_EQ(Post("{}", "X-Write-Key: k1\r\n").status, 200);
  std::ofstream(directory_ + "/tenants.toml") << KeyToml("k1", "revoked = true");
  EXPECT_EQ(tenants_->ReloadIfChanged().value(), true);
  EXPECT_EQ(tenants_->ReloadIfChanged().value(), false);
  EXPECT_EQ(Post("{}", "X-Write-Key: k1\r\n").status, 401);
  std::ofstream(directory_ + "/tenants.toml") << "[tenants.acme]\nbukket = 1\n";
  EXPECT_FALSE(tenants_->ReloadIfChanged().ok());
  EXPECT_EQ(Post("{}", "X-Write-Key: k1\r\n").status, 401);  // as it was
}

RingTenants OfRing(const std::string& tenant, const std::string& document, const std::string& key,
                   WriteKeyRecord record = {}) {
  RingTenants ring;
  ring.section.changed = StateVersion(2);
  ring.section.tenants[tenant] = {.text = document, .changed = StateVersion(2)};
  record.tenant = tenant;
  ring.section.keys[HashOf(key).bytes] = record;
  return ring;
}

TEST_F(EdgeTest, TakesTenantsOfTheRingAsTheyAreHeard) {
  StartEdge({}, "", "");
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 401);
  tenants_->HearRing(OfRing("globex", "type = 'g'\nenrich = []", "r"));
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 200);
  EXPECT_THAT(intake_.places(), ElementsAre("globex events g "));
  ASSERT_TRUE(tenants_->Reload().ok());  // of the file
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 200);
  tenants_->HearRing(OfRing("globex", "", "r", {.revoked = true}));
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 401);
  tenants_->HearRing({});
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 401);
}

TEST_F(EdgeTest, HoldsAKeyToItsOwnRate) {
  StartEdge({}, KeyToml("other"), "");
  tenants_->HearRing(OfRing("globex", "", "r", {.requests_per_second = 1}));
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 200);
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 200);  // a burst of two seconds
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 429);
  EXPECT_EQ(Post("{}", "X-Write-Key: other\r\n").status, 200);
  tenants_->HearRing(OfRing("globex", "type = 'new'", "r", {.requests_per_second = 1}));
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 429);  // what was used stays used
}

TEST_F(EdgeTest, SlowsWhoShowsWrongKeysAndNobodyElse) {
  StartEdge({}, KeyToml("good"), "");
  int refused = 0;
  for (std::uint32_t i = 0; i < WrongKeys::kBurst; ++i) {
    refused += Post("{}", fmt::format("X-Write-Key: guess-{}\r\n", i)).status == 401 ? 1 : 0;
  }
  EXPECT_EQ(refused, WrongKeys::kBurst);
  const auto slowed = Post("{}", "X-Write-Key: guess\r\n");
  EXPECT_EQ(slowed.status, 429);
  EXPECT_NE(slowed.Header("Retry-After"), "");
  EXPECT_EQ(Post("{}", "X-Write-Key: good\r\n").status, 200);
  EXPECT_THAT(MetricsText(), HasSubstr("carillon_collector_wrong_keys_total 21"));
}

TEST_F(EdgeTest, KeepsCountOfTheDayOfTenantsThatComeAndGo) {
  StartEdge({}, "", "");
  const RingTenants ring = OfRing("globex", "quota = {requests_per_day = 3}", "r");
  tenants_->RestoreDays(
      {{"globex", {.day = WallSeconds(SystemClock().WallNow()) / 86'400, .use = {.requests = 1}}}});
  tenants_->HearRing(ring);
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 200);
  EXPECT_EQ(tenants_->UsedDays().at("globex").use.requests, 2);
  tenants_->HearRing({});
  EXPECT_EQ(tenants_->UsedDays().at("globex").use.requests, 2);
  tenants_->HearRing(ring);
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 200);
  EXPECT_EQ(Post("{}", "X-Write-Key: r\r\n").status, 429);
}

TEST_F(EdgeTest, TellsWhoTheClientIs) {
  StartEdge({}, "[tenants.t]\n", "t");
  ASSERT_EQ(Post(R"({"_ip":"6.6.6.6"})", "X-Forwarded-For: 7.7.7.7\r\n").status, 200);
  EXPECT_THAT(intake_.events()[0], HasSubstr(R"("_ip":"127.0.0.1"})"));
  EXPECT_THAT(intake_.events()[0], HasSubstr(R"("_received":1)"));
}

TEST_F(EdgeTest, ShowsHealthAndNumbers) {
  EXPECT_EQ(RawClient(port_).Ask("GET", "/livez").status, 200);
  EXPECT_EQ(RawClient(port_).Ask("GET", "/readyz").body, "ready\n");
  const auto head = RawClient(port_).Ask("HEAD", "/readyz");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Header("Content-Length"), "6");
  Post("{}\n[]\n");
  const std::string text = MetricsText();
  EXPECT_THAT(text,
              HasSubstr(R"(carillon_collector_requests_total{dialect="native",code="OK"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(carillon_collector_events_total{tenant="acme",result="accepted"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(carillon_collector_events_total{tenant="acme",result="rejected"} 1)"));
}

TEST_F(EdgeTest, AnswersWhatIsUnderWayBeforeItStops) {
  intake_.Hold();
  RawClient client(port_);
  RawClient idle(port_);
  EXPECT_EQ(idle.Ask("GET", "/livez").status, 200);
  ASSERT_TRUE(client.Send("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"));
  ASSERT_TRUE(intake_.AwaitHeld(1));
  std::thread stopping([this] { server_->Stop(std::chrono::seconds(20)); });
  EXPECT_TRUE(idle.IsClosedByServer());
  intake_.Release();
  const auto answer = client.Read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("Connection"), "close");
  EXPECT_TRUE(client.IsClosedByServer());
  ::shutdown(client.descriptor(), SHUT_WR);
  ::shutdown(idle.descriptor(), SHUT_WR);
  stopping.join();
}

TEST_F(EdgeTest, DoesNotShareAPortWithAnother) {
  EdgeHost host({.metrics = metrics_.get()});
  const auto second = EdgeServer::Start({.address = server_->address()}, &host);
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
}

TEST(ListenOverflowsTest, IsANumberOfTheKernels) {
  EXPECT_GE(ListenOverflows(), 0);
}

}  // namespace
}  // namespace carillon
