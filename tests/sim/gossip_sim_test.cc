#include "tests/sim/gossip/gossip_sim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;

TEST(GossipSimTest, EveryoneNoticesADeathInTime) {
  const GossipReport report =
      RunGossip({.members = 40, .duration = minutes(4), .deaths = 3, .through_bytes = true}, 1);
  EXPECT_EQ(report.unnoticed, 0u);
  ASSERT_EQ(report.all_noticed.size(), 3u);
  // A round until probed, a probe, the least suspicion, the news.
  for (const Duration noticed : report.all_noticed) EXPECT_LT(noticed, seconds(20));
  EXPECT_EQ(report.false_deaths, 0u);
  EXPECT_EQ(report.not_alive_at_end, 0u);
  EXPECT_THAT(report.violations, IsEmpty());
}

TEST(GossipSimTest, NobodyChangesHisMindWithoutFaults) {
  const GossipReport report = RunGossip({.members = 40, .duration = minutes(10)}, 2);
  EXPECT_EQ(report.status_changes, 0u);
  EXPECT_EQ(report.counters.probes_failed, 0u);
  EXPECT_THAT(report.violations, IsEmpty());
}

TEST(GossipSimTest, BuriesNobodyForLostAndRepeatedPackets) {
  const GossipReport report = RunGossip({.members = 40,
                                         .duration = minutes(10),
                                         .lost_per_million = 50'000,
                                         .repeated_per_million = 50'000,
                                         .delay_most = std::chrono::milliseconds(100),
                                         .through_bytes = true},
                                        3);
  EXPECT_EQ(report.false_deaths, 0u);
  EXPECT_THAT(report.violations, IsEmpty());
}

TEST(GossipSimTest, BuriesFewerSlowMembersWithLifeguard) {
  GossipOptions options{.members = 50,
                        .duration = minutes(5),
                        .lost_per_million = 10'000,
                        .slow_members = 5,
                        .slow_away = seconds(7),
                        .slow_cycle = seconds(8)};
  const GossipReport with = RunGossip(options, 4);
  options.swim.lifeguard = false;
  const GossipReport without = RunGossip(options, 4);
  EXPECT_EQ(with.false_deaths, 0u);
  EXPECT_LT(with.slow_deaths * 10, without.slow_deaths);
}

TEST(GossipSimTest, OneLinkCutOneWayChangesNothing) {
  const GossipReport report = RunGossip({.members = 30,
                                         .duration = minutes(5),
                                         .cuts = {{.from_first = 0,
                                                   .from_limit = 1,
                                                   .to_first = 1,
                                                   .to_limit = 2,
                                                   .begin = seconds(10),
                                                   .end = minutes(5)}}},
                                        5);
  EXPECT_EQ(report.false_deaths, 0u);
  EXPECT_EQ(report.status_changes, 0u);
}

TEST(GossipSimTest, OneThatHearsNobodyIsBuriedOnceAndDisturbsNobody) {
  const GossipOptions options{.members = 30,
                              .duration = minutes(10),
                              .cuts = {{.from_first = 1,
                                        .from_limit = 30,
                                        .to_first = 0,
                                        .to_limit = 1,
                                        .begin = seconds(10),
                                        .end = minutes(10)}}};
  const GossipReport report = RunGossip(options, 6);
  // The others bury it, each once; it buries them. No healthy one is buried by a healthy one.
  EXPECT_LE(report.false_deaths, 2 * 29u);
  EXPECT_EQ(report.not_alive_at_end, 2 * 29u);
  GossipOptions first_half = options;
  first_half.duration = minutes(5);
  EXPECT_EQ(RunGossip(first_half, 6).status_changes, report.status_changes);
}

TEST(GossipSimTest, OneThatNobodyHearsIsBuriedOnce) {
  const GossipReport report = RunGossip({.members = 30,
                                         .duration = minutes(10),
                                         .cuts = {{.from_first = 0,
                                                   .from_limit = 1,
                                                   .to_first = 1,
                                                   .to_limit = 30,
                                                   .begin = seconds(10),
                                                   .end = minutes(10)}}},
                                        7);
  EXPECT_LE(report.false_deaths, 2 * 29u);
}

TEST(GossipSimTest, TwoSidesOfAHealedPartitionFindEachOther) {
  const GossipReport report = RunGossip(
      {.members = 40, .duration = minutes(10), .cuts = SplitOff(8, 40, seconds(30), minutes(5))},
      8);
  EXPECT_GE(report.false_deaths, 8u * 32u);
  EXPECT_EQ(report.not_alive_at_end, 0u);
  EXPECT_THAT(report.violations, IsEmpty());
}

TEST(GossipSimTest, TheSameSeedIsTheSameRun) {
  const GossipOptions options{
      .members = 30, .duration = minutes(3), .deaths = 2, .lost_per_million = 50'000};
  const GossipReport first = RunGossip(options, 9);
  EXPECT_NE(first.trace_hash, 0u);
  EXPECT_EQ(first.trace_hash, RunGossip(options, 9).trace_hash);
  EXPECT_EQ(first.packets, RunGossip(options, 9).packets);
  EXPECT_NE(first.trace_hash, RunGossip(options, 10).trace_hash);
}

}  // namespace
}  // namespace carillon
