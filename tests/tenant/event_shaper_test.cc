#include "collector/tenant/event_shaper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/tenant/tenant_table.h"

namespace carillon {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kNow = 1'700'000'000'250'000;

class EventShaperTest : public testing::Test {
 protected:
  // Of tenant "t", with these lines of TOML in its table.
  void Configure(const std::string& toml) {
    auto table = TenantTable::Parse("[tenants.t]\nenrich = []\n" + toml, "test");
    ASSERT_TRUE(table.ok()) << ToString(table.status());
    table_ = *table;
  }
  void SetUp() override { Configure(""); }

  std::vector<ShapedEvent> Shape(const std::string& json, const std::string& stream = "",
                                 std::optional<std::int64_t> time_us = std::nullopt) {
    batch_.Clear();
    batch_.Add({.stream = stream, .id = "id1", .time_us = time_us, .json = json});
    return shaper_.Shape(table_->tenant(0),
                         {.address = "192.0.2.7",
                          .user_agent = "curl",
                          .received_us = kNow,
                          .user_agents = user_agents_.get()},
                         &batch_);
  }
  std::string Json(const std::string& json, const std::string& stream = "") {
    const auto shaped = Shape(json, stream);
    return shaped.empty() ? "" : std::string(shaped[0].json);
  }

  std::shared_ptr<const TenantTable> table_;
  std::shared_ptr<const UserAgentParser> user_agents_;
  EventBatch batch_;
  EventShaper shaper_;
};

TEST_F(EventShaperTest, AddsTimeAndTypeWhereTheyAreMissing) {
  EXPECT_EQ(Json("{}"), R"({"timestamp":1700000000.250000,"type":"event"})");
  EXPECT_EQ(Json("{ }"), R"({ "timestamp":1700000000.250000,"type":"event"})");
  EXPECT_EQ(Json(R"({"a":1})", "shop.buys"),
            R"({"a":1,"timestamp":1700000000.250000,"type":"shop"})");
  EXPECT_EQ(Json(R"({"timestamp":7,"type":"x"})"), R"({"timestamp":7,"type":"x"})");
}

TEST_F(EventShaperTest, PlacesByStreamOrByItsOwnFields) {
  auto shaped = Shape(R"({"type":"own"})", "shop.buys.now");
  EXPECT_EQ(shaped[0].type, "shop");
  EXPECT_EQ(shaped[0].subtype, "buys.now");
  EXPECT_EQ(shaped[0].bucket, "events");
  EXPECT_EQ(shaped[0].id, "id1");
  shaped = Shape(R"({"type":"own type","subtype":5})");
  EXPECT_EQ(shaped[0].type, "own_type");
  EXPECT_EQ(shaped[0].subtype, "5");
  shaped = Shape("{}", std::string(100, 'x') + "/");
  EXPECT_EQ(shaped[0].type, std::string(64, 'x'));
  EXPECT_EQ(Shape("{}", ".table")[0].type, "event");
}

TEST_F(EventShaperTest, PlacesByTheFirstStreamThatMatches) {
  Configure(
      "[[tenants.t.streams]]\nstream = 'shop.*'\nbucket = 'shop'\ntype = 'S'\n"
      "[[tenants.t.streams]]\nstream = 'shop.buys'\ntype = 'never'\n");
  const auto shaped = Shape("{}", "shop.buys");
  EXPECT_EQ(shaped[0].bucket, "shop");
  EXPECT_EQ(shaped[0].type, "S");
  EXPECT_EQ(shaped[0].subtype, "");
  EXPECT_EQ(Shape("{}", "other")[0].bucket, "events");
}

TEST_F(EventShaperTest, StoresAtTheSecondItCameWhatClaimsAnImpossibleTime) {
  constexpr std::int64_t kDay = 86'400'000'000;
  EXPECT_EQ(Shape("{}", "", kNow - kDay)[0].time_us, kNow - kDay);
  EXPECT_EQ(Shape("{}", "", kNow - 8 * kDay)[0].time_us, kNow);
  EXPECT_EQ(Shape("{}", "", kNow + kDay)[0].time_us, kNow);
  EXPECT_EQ(Shape("{}", "", kNow + 1'000'000)[0].time_us, kNow + 1'000'000);
}

TEST_F(EventShaperTest, SetsWhatOnlyTheCollectorMaySet) {
  Configure("");
  auto table = TenantTable::Parse("[tenants.t]\nenrich = ['received','ip','user_agent']\n", "");
  table_ = *table;
  EXPECT_EQ(
      Json(R"({"timestamp":7,"_ip":"6.6.6.6","type":"x","\u005fip":1,"_received":{"a":[1]}})"),
      R"({"timestamp":7,"type":"x","_received":1700000000.250000,"_ip":"192.0.2.7",)"
      R"("_user_agent":"curl"})");
  EXPECT_EQ(Json(R"({"timestamp":7,"type":"x","_user_agent":"me"})"),
            R"({"timestamp":7,"type":"x","_received":1700000000.250000,"_ip":"192.0.2.7",)"
            R"("_user_agent":"curl"})");
}

TEST_F(EventShaperTest, TakesTheReservedFieldsOutEvenWhenItSetsNone) {
  EXPECT_EQ(Json(R"({"_ip":1})"), R"({"timestamp":1700000000.250000,"type":"event"})");
}

TEST_F(EventShaperTest, ParsesTheUserAgentWhereTheTenantSaysItIs) {
  auto parser = UserAgentParser::Make(
      "user_agent_parsers: [{regex: '(curl|wget)'}]\nos_parsers: []\ndevice_parsers: []\n");
  ASSERT_TRUE(parser.ok()) << parser.status();
  user_agents_ = *parser;
  const std::string event = R"({"timestamp":7,"type":"x","ctx":{"ua":"wget"},"_ua":"mine"})";
  const std::string kept = R"({"timestamp":7,"type":"x","ctx":{"ua":"wget"})";
  EXPECT_EQ(Json(event), kept + "}");
  Configure("user_agent = true");
  EXPECT_EQ(Json(event), kept + R"(,"_ua":{"browser":"curl"}})");
  Configure("user_agent = ['no.such', 'ctx.ua']");
  EXPECT_EQ(Json(event), kept + R"(,"_ua":{"browser":"wget"}})");
  EXPECT_FALSE(TenantTable::Parse("[tenants.t]\nuser_agent = 'x'\n", "").ok());
}

TEST_F(EventShaperTest, RejectsWhatIsNoObjectAndWhatCannotBeStored) {
  EXPECT_TRUE(Shape("[1]").empty());
  EXPECT_EQ(batch_.rejection(0)->code, StatusCode::kInvalidArgument);
  EXPECT_TRUE(Shape("{oops").empty());
  EXPECT_TRUE(Shape("{\"a\":\"" + std::string(kMaxShapedEventBytes, 'x') + "\"}").empty());
  EXPECT_EQ(batch_.rejection(0)->code, StatusCode::kOutOfRange);
  EXPECT_EQ(Shape("{\"a\":\"" + std::string(1'000'000, 'x') + "\"}").size(), 1u);
}

TEST_F(EventShaperTest, DropsBlocksAndKeepsByRule) {
  Configure(
      "[[tenants.t.rules]]\nwhen = { field = 'vip', equals = true }\ndo = 'keep'\n"
      "[[tenants.t.rules]]\nwhen = { field = 'level', equals = 'debug' }\ndo = 'drop'\n"
      "[[tenants.t.rules]]\nwhen = [{ field = 'user.name', prefix = 'bot' },"
      " { field = 'ok', exists = false }]\ndo = 'block'\n"
      "[[tenants.t.rules]]\nstream = 'noise.*'\ndo = 'drop'\n");
  EXPECT_EQ(Json(R"({"level":"debug"})"), "");
  EXPECT_EQ(shaper_.dropped(), 1u);
  EXPECT_EQ(batch_.rejected(), 0u);
  EXPECT_NE(Json(R"({"level":"debug","vip":true})"), "");
  EXPECT_NE(Json(R"({"level":"info"})"), "");
  EXPECT_EQ(Json(R"({"user":{"name":"bot7"}})"), "");
  EXPECT_EQ(batch_.rejection(0)->code, StatusCode::kPermissionDenied);
  EXPECT_NE(Json(R"({"user":{"name":"bot7"},"ok":1})"), "");
  EXPECT_EQ(Json("{}", "noise.a"), "");
}

TEST_F(EventShaperTest, ChangesFieldsByRule) {
  Configure(
      "hash_salt = 'pepper'\n"
      "[[tenants.t.rules]]\ndo = 'redact'\nfields = ['password', 'user.password']\n"
      "[[tenants.t.rules]]\ndo = 'hash'\nfield = 'email'\n"
      "[[tenants.t.rules]]\ndo = 'remove'\nfields = ['card', 'user.card']\n"
      "[[tenants.t.rules]]\ndo = 'rename'\nfield = 'old'\nto = 'new'\n"
      "[[tenants.t.rules]]\ndo = 'set'\nfield = 'env'\nvalue = 'prod'\n"
      "[[tenants.t.rules]]\ndo = 'set'\nfield = 'n'\nvalue = 1\n");
  const std::string json =
      Json(R"({"timestamp":1,"type":"x","password":"p1","user":{"card":1,"password":["p2"]},)"
           R"("email":"a@b.c","card":2,"old":3,"n":0,"password":"p3"})");
  EXPECT_THAT(json, HasSubstr(R"("password":"[redacted]","user":{"password":"[redacted]"},)"));
  EXPECT_THAT(json, Not(HasSubstr("p1")));  // nor behind the name that comes twice
  EXPECT_THAT(json, Not(HasSubstr("p3")));
  EXPECT_THAT(json, Not(HasSubstr("a@b.c")));
  EXPECT_THAT(json, Not(HasSubstr("card")));
  EXPECT_THAT(json, HasSubstr(R"("new":3,"n":1)"));
  EXPECT_THAT(json, HasSubstr(R"("env":"prod"})"));
  EXPECT_EQ(Json(R"({"email":"a@b.c"})").substr(0, 45), Json(R"({"email":"a@b.c"})").substr(0, 45));
}

TEST_F(EventShaperTest, RemovesTheOnlyField) {
  Configure("[[tenants.t.rules]]\ndo = 'remove'\nfields = ['a']\n");
  EXPECT_EQ(Json(R"({"a":1})"), R"({"timestamp":1700000000.250000,"type":"event"})");
  EXPECT_EQ(Json(R"({"a":1 , "a":2})"), R"({ "timestamp":1700000000.250000,"type":"event"})");
}

TEST_F(EventShaperTest, RoutesByRule) {
  Configure(
      "[[tenants.t.rules]]\nwhen = { field = 'secret', exists = true }\ndo = 'route'\n"
      "bucket = 'vault'\ntype = 'S'\n");
  const auto shaped = Shape(R"({"type":"a","subtype":"b","secret":1})");
  EXPECT_EQ(shaped[0].bucket, "vault");
  EXPECT_EQ(shaped[0].type, "S");
  EXPECT_EQ(shaped[0].subtype, "");
}

TEST_F(EventShaperTest, SamplesTheSameEventsEveryTime) {
  Configure("[[tenants.t.rules]]\ndo = 'sample'\nrate = 0.1\nfield = 'user'\n");
  int kept = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string json = "{\"user\":" + std::to_string(i) + "}";
    const bool once = !Shape(json).empty();
    EXPECT_EQ(!Shape(json + " ").empty(), once);
    kept += once ? 1 : 0;
  }
  EXPECT_GT(kept, 60);
  EXPECT_LT(kept, 140);
}

}  // namespace
}  // namespace carillon
