#include "tools/carillon/collectors/collector_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kGood[] = R"({"version":"1","uptime_seconds":61.5,"not_ready":"",
  "ring":{"reachable":true,"cluster":"c","tenants_version":3},
  "tenants":{"all":2,"of_ring":1,"refused":0},
  "per_second":{"requests":12.4,"events":1234.6,"bytes":10.0},
  "totals":{"requests":5},"spool":{"bytes":2500,"limit_bytes":10000},
  "lag_seconds":1.5,"connections":1,"refused":{"408":1,"UNAUTHENTICATED":3}})";

CollectorStatus Good() {
  auto status = ParseCollectorStatus(kGood);
  EXPECT_TRUE(status.ok()) << ToString(status.status());
  return *std::move(status);
}

TEST(CollectorReportTest, FindsTheStatusOfAnAddressAndAUrl) {
  EXPECT_EQ(StatusUrl("127.0.0.1:7491"), "http://127.0.0.1:7491/status");
  EXPECT_EQ(StatusUrl("http://edge:7491/"), "http://edge:7491/status");
  EXPECT_EQ(StatusUrl("https://edge"), "https://edge/status");
}

TEST(CollectorReportTest, ShowsATableAndWhatIsRefused) {
  const std::string text = CollectorsText({{.url = "edge1:7491", .status = Good()}});
  EXPECT_THAT(text, HasSubstr("edge1:7491"));
  EXPECT_THAT(text, HasSubstr("1,235"));
  EXPECT_THAT(text, HasSubstr("2.5 KB"));
  EXPECT_THAT(text, HasSubstr("reachable  ready\n"));
  EXPECT_THAT(text, HasSubstr("edge1:7491: refused since its start: 408 1, UNAUTHENTICATED 3\n"));
}

TEST(CollectorReportTest, SaysWhatIsNotAsItShouldBe) {
  CollectorStatus bad = Good();
  bad.ring_reachable = false;
  bad.not_ready = "the spool is full";
  bad.tenants_refused = 2;
  const std::vector<AskedCollector> asked = {{.url = "a:1", .status = bad},
                                             {.url = "b:1", .status = Unavailable("b:1: refused")}};
  const std::string text = CollectorsText(asked);
  EXPECT_THAT(text, HasSubstr("a:1: the spool is full\n"));
  EXPECT_THAT(text, HasSubstr("a:1: does not reach the ring"));
  EXPECT_THAT(text, HasSubstr("a:1: cannot use 2 tenants"));
  EXPECT_THAT(text, HasSubstr("no answer"));
  EXPECT_THAT(text, HasSubstr("b:1: b:1: refused\n"));
  EXPECT_FALSE(AllWell(asked));
  EXPECT_TRUE(AllWell({{.url = "a:1", .status = Good()}}));
}

TEST(CollectorReportTest, GivesProgramsWhatTheCollectorSaid) {
  const std::string json = CollectorsJson(
      {{.url = "a:1", .status = Good()}, {.url = "b:1", .status = Unavailable("away")}});
  EXPECT_THAT(json, testing::StartsWith(R"([{"url":"a:1","error":"","status":{"version":"1",)"));
  EXPECT_THAT(json, HasSubstr(R"({"url":"b:1","error":"away","status":null}])"));
  EXPECT_THAT(json.substr(0, json.size() - 1), Not(HasSubstr("\n")));
}

TEST(CollectorReportTest, RefusesWhatIsNoStatus) {
  for (const char* text : {"", "[]", "{}", "<html>", R"({"version":"1"})"}) {
    EXPECT_EQ(ParseCollectorStatus(text).status().code(), StatusCode::kDataLoss) << text;
  }
}

}  // namespace
}  // namespace carillon
