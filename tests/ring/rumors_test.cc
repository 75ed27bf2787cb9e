#include "ring/rumors.h"

#include <gtest/gtest.h>

#include "ring/gossip_codec.h"
#include "ring/suspicion.h"

namespace carillon {
namespace {

using std::chrono::seconds;

NodeId Node(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return NodeId(uuid);
}
Rumor About(std::uint8_t number, std::uint32_t incarnation = 0) {
  return {.node = Node(number), .boot = {1, 1}, .incarnation = incarnation, .from = {}};
}

TEST(RumorsTest, TellsFirstWhatWasToldLeast) {
  Rumors rumors;
  rumors.Add(About(1));
  EXPECT_EQ(rumors.Take(1000, 10).size(), 1u);
  rumors.Add(About(2));
  const auto taken = rumors.Take(GossipBytes(About(1)), 10);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].node, Node(2));
}

TEST(RumorsTest, ForgetsWhatWasToldOftenEnough) {
  Rumors rumors;
  rumors.Add(About(1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rumors.Take(1000, 3).size(), 1u);
  EXPECT_TRUE(rumors.empty());
}

TEST(RumorsTest, ReplacesAnOlderRumorAndBeginsAgain) {
  Rumors rumors;
  rumors.Add(About(1));
  rumors.Take(1000, 3);
  rumors.Add(About(1, 1));
  EXPECT_EQ(rumors.size(), 1u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rumors.Take(1000, 3).at(0), About(1, 1));
  EXPECT_TRUE(rumors.empty());
}

TEST(RumorsTest, TakesNoMoreThanFits) {
  Rumors rumors;
  for (std::uint8_t i = 0; i < 200; ++i) rumors.Add(About(i));
  const std::size_t each = GossipBytes(About(1));
  EXPECT_EQ(rumors.Take(3 * each + each - 1, 10).size(), 3u);
  EXPECT_EQ(rumors.Take(each - 1, 10).size(), 0u);
  EXPECT_EQ(rumors.Take(100'000, 10).size(), kMaxRumorsPerMessage);
  EXPECT_EQ(rumors.size(), 200u);
}

TEST(RumorsTest, TellsLogarithmicallyOften) {
  EXPECT_EQ(TellingLimit(4, 1), 4u);
  EXPECT_EQ(TellingLimit(4, 10), 16u);
  EXPECT_EQ(TellingLimit(4, 1000), 40u);
}

TEST(SuspicionTest, KnowsLogarithms) {
  EXPECT_EQ(Log2Times1024(1), 0u);
  EXPECT_EQ(Log2Times1024(8), 3 * 1024u);
  EXPECT_EQ(Log2Times1024(3), 1623u);  // 1.58496
  EXPECT_EQ(Log2Times1024(std::uint64_t{1} << 63), 63 * 1024u);
}

TEST(SuspicionTest, ShrinksWithEachConfirmationDownToTheLeast) {
  const SuspicionTimes times = SuspicionTimesOf(4, 6, seconds(1), 9);
  EXPECT_EQ(times.least, seconds(4));
  EXPECT_EQ(times.most, seconds(24));
  EXPECT_EQ(times.confirmations, 2u);
  const Instant now{seconds(100)};
  Suspicion suspicion(times, now, Node(1));
  EXPECT_EQ(suspicion.deadline(), now + seconds(24));
  EXPECT_FALSE(suspicion.Confirm(now, Node(1)));
  EXPECT_TRUE(suspicion.Confirm(now, Node(2)));
  EXPECT_LT(suspicion.deadline(), now + seconds(12));
  EXPECT_TRUE(suspicion.Confirm(now, Node(3)));
  EXPECT_EQ(suspicion.deadline(), now + seconds(4));
  EXPECT_FALSE(suspicion.Confirm(now, Node(4)));
}

TEST(SuspicionTest, IsNeverDueBeforeTheConfirmationThatMadeItDue) {
  const Instant now{seconds(100)};
  Suspicion suspicion(SuspicionTimesOf(4, 6, seconds(1), 9), now, Node(1));
  suspicion.Confirm(now + seconds(20), Node(2));
  EXPECT_EQ(suspicion.deadline(), now + seconds(20));
}

TEST(SuspicionTest, WaitsTheLeastWhereNobodyCouldConfirm) {
  EXPECT_EQ(SuspicionTimesOf(4, 6, seconds(1), 2).confirmations, 0u);
  EXPECT_EQ(SuspicionTimesOf(4, 6, seconds(1), 999).least / seconds(1), 12);
}

}  // namespace
}  // namespace carillon
