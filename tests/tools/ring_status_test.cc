#include "tools/carillon/ring/ring_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/ring_samples.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(RingStatusTest, ShowsSharesAndSaysThatAllIsWell) {
  const std::string text = StatusText(ViewOfState(SampleState()), {});
  EXPECT_EQ(
      text,
      "   member  rack  health  role    weight  primaries  partitions  share  address\n"
      "A  n1      r1    alive   normal     100          3           8  33.3%  127.0.0.1:7001\n"
      "B  n2      r2    alive   normal     100          3           8  33.3%  127.0.0.1:7002\n"
      "C  n3      r3    alive   normal     100          2           8  33.3%  127.0.0.1:7003\n"
      "\n"
      "cluster 00000000-0000-0000-0000-000000000063: version 1, generation 0, 8 partitions, "
      "3 members, 3 copies of each\n"
      "all is well\n");
}

TEST(RingStatusTest, NamesEverythingThatIsDegraded) {
  ClusterState state = SampleState();
  state.placement[0].target = {1, 2, 0};
  state.placement[1].next = {0, 1, 2};
  state.placement[1].phase = Phase::kDual;
  state.placement[2].homes = {0, 1};
  ClusterView view = ViewOfState(std::move(state));
  view.health[2] = {
      .node = view.health[2].node, .health = Health::kDead, .since = std::chrono::seconds(200)};
  view.frozen = "two states of version 4";
  EXPECT_THAT(TroublesOf(view),
              ElementsAre("n3 is dead", "2 partitions move (1 wait, 1 dual, 0 read-new)",
                          "1 partition has fewer homes than the 3 a bucket wants, down to 2",
                          "the ring cannot change: two states of version 4"));
  const std::string text = StatusText(view, {});
  EXPECT_THAT(text, HasSubstr("dead 3 min 20 s"));
  EXPECT_THAT(text, HasSubstr("degraded: n3 is dead\n"));
}

TEST(RingStatusTest, ShowsThatTwoRunAsOneMemberAndThatTheViewerIsRefused) {
  ClusterView view = ViewOfState(SampleState());
  EXPECT_THAT(StatusJson(view), HasSubstr("\"duplicate\":false"));
  view.health[1].duplicate = std::chrono::seconds(12);
  view.refusal = "this data directory is an old copy";
  EXPECT_THAT(
      TroublesOf(view),
      ElementsAre("n1, which says this: this data directory is an old copy",
                  "two processes run as n2, last seen 12.0 s ago: find and destroy the copy "
                  "of its data directory"));
  EXPECT_THAT(StatusText(view, {}), HasSubstr("alive, twice"));
  EXPECT_THAT(StatusJson(view), HasSubstr("\"duplicate\":true"));
  EXPECT_THAT(StatusJson(view), HasSubstr("\"refusal\":\"this data directory is an old copy\""));
}

TEST(RingStatusTest, DoesNotTakeAStagedChangeForATrouble) {
  ClusterState state = SampleState();
  state.staged = {
      {.kind = StagedChange::Kind::kWeight, .node = SampleNode(2), .weight = 150},
      {.kind = StagedChange::Kind::kReplace, .node = SampleNode(1), .other = SampleNode(9)}};
  const ClusterView view = ViewOfState(std::move(state));
  EXPECT_THAT(TroublesOf(view), IsEmpty());
  const std::string text = StatusText(view, {});
  EXPECT_THAT(text, HasSubstr("staged: weight n2 150\n"));
  EXPECT_THAT(text, HasSubstr("staged: replace n1 00000000-0000-0000-0000-000000000009\n"));
  EXPECT_THAT(text, HasSubstr("next: carillon ring plan\n"));
}

TEST(RingStatusTest, SaysWhichRulesSettleAndWhoIsWaitedFor) {
  ClusterState state = SampleState();
  state.buckets["events"] = {.n_val = 3, .w = 2};
  state.settling = {
      .since = state.version, .before = {{"events", {.n_val = 1, .w = 1}}}, .ready = {1}};
  const ClusterView view = ViewOfState(std::move(state));
  const std::string text = StatusText(view, {});
  EXPECT_THAT(text, HasSubstr("all is well\nsettling: bucket events from n_val 1, w 1 to n_val 3, "
                              "w 2; waits for n1, n3\n"));
  EXPECT_THAT(StatusJson(view),
              HasSubstr(R"("settling":[{"bucket":"events","n_val_before":1,"w_before":1,)"
                        R"("waits_for":["n1","n3"]}])"));
}

TEST(RingStatusTest, SortsMembersAsPeopleDo) {
  ClusterState state = SampleState();
  state.members[0].name = "node10";
  state.members[1].name = "node9";
  state.members[2].name = "db";
  EXPECT_THAT(ByName(state), ElementsAre(2, 1, 0));
}

TEST(RingStatusTest, DrawsOnlyWhenTold) {
  const ClusterView view = ViewOfState(SampleState());
  EXPECT_THAT(StatusText(view, {.picture = true}), HasSubstr(" 8 partitions "));
  EXPECT_THAT(StatusText(view, {.picture = true, .color = true}), HasSubstr("\033[32mA"));
  EXPECT_THAT(StatusText(view, {}), Not(HasSubstr("AAAA")));
}

TEST(RingStatusTest, TellsProgramsTheSame) {
  const std::string json = StatusJson(ViewOfState(SampleState()));
  EXPECT_THAT(json, HasSubstr(R"("version":1,"generation":0,"partitions":8,"seen_by":"n1")"));
  EXPECT_THAT(json, HasSubstr(R"("voter":true,"primaries":3,"partitions":8})"));
  EXPECT_THAT(json, HasSubstr(R"("degraded":false,"troubles":[]})"));
}

TEST(RingStatusTest, ListsMembersWithWhoVotes) {
  ClusterView view = ViewOfState(SampleState());
  view.voters.pop_back();
  view.health[1].latency = std::chrono::microseconds(1500);
  const std::string text = MembersText(view);
  EXPECT_THAT(text, HasSubstr("r2       100  normal  alive    1.5 ms  yes\n"));
  EXPECT_THAT(text, HasSubstr("r3       100  normal  alive         -  no\n"));
  EXPECT_THAT(text, HasSubstr("as n1 sees it\n"));
}

TEST(RingLookupTest, SaysWhereAKeyLives) {
  ClusterView view = ViewOfState(SampleState());
  view.health[0].health = Health::kSuspect;
  const std::string text = WhereText(view, "events", "1428415043-1");
  EXPECT_THAT(text, HasSubstr(" of 8\nphase      stable\nhomes      "));
  EXPECT_THAT(text, HasSubstr("n1 (suspect)"));
  EXPECT_THAT(text, HasSubstr("fallbacks  none\n"));
  EXPECT_THAT(WhereJson(view, "events", "1428415043-1"),
              HasSubstr(R"({"name":"n1","address":"127.0.0.1:7001","health":"suspect"})"));
}

TEST(RingLookupTest, ListsTheVersionsOldestFirst) {
  ClusterView view = ViewOfState(SampleState());
  view.history = {{.generation = 0,
                   .version = StateVersion(7),
                   .hash = {.low = 1, .high = 0xABCDEF0123456789},
                   .note = "join n3",
                   .when = WallTime(std::chrono::seconds(1428415043))}};
  EXPECT_EQ(HistoryText(view),
            "version  generation  in force here         hash      what\n"
            "      7           0  2015-04-07T13:57:23Z  abcdef01  join n3\n");
  EXPECT_THAT(HistoryJson(view),
              HasSubstr(R"("when":1428415043,"hash":"abcdef01234567890000000000000001")"));
}

}  // namespace
}  // namespace carillon
