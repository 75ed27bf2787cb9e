#include "ring/address_probe.h"

#include <gtest/gtest.h>

#include "ring/gossip_codec.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;

NodeId Node(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return NodeId(uuid);
}
constexpr BootId kLife{.counter = 3, .id = 77};
const Instant kStart{std::chrono::seconds(1'000)};

TEST(AddressProbeTest, HearsTheProcessThatRunsAsTheSameNode) {
  AddressProbe probe(Node(1), 42, kStart);
  const auto question = probe.Tick(kStart);
  ASSERT_TRUE(question.has_value());
  const auto answer = AnswerToProbe(*question, Node(1), kLife);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->boot, kLife);
  EXPECT_FALSE(probe.is_answered());
  probe.Handle(*answer);
  EXPECT_TRUE(probe.is_answered());
  EXPECT_TRUE(probe.is_over(kStart));
}

TEST(AddressProbeTest, AsksAgainAndGivesUpSoon) {
  AddressProbe probe(Node(1), 42, kStart);
  int questions = 0;
  Instant now = kStart;
  while (!probe.is_over(now)) {
    if (probe.Tick(now)) ++questions;
    EXPECT_FALSE(probe.Tick(now).has_value());
    EXPECT_GT(probe.Deadline(), now);
    now = probe.Deadline();
  }
  EXPECT_EQ(questions, 6);
  EXPECT_EQ(now, kStart + milliseconds(1'500));
  EXPECT_FALSE(probe.Tick(now).has_value());
  EXPECT_FALSE(probe.is_answered());
}

TEST(AddressProbeTest, AnotherNodeAtThatAddressDoesNotAnswer) {
  AddressProbe probe(Node(1), 42, kStart);
  EXPECT_FALSE(AnswerToProbe(*probe.Tick(kStart), Node(2), kLife).has_value());
}

TEST(AddressProbeTest, BelievesNoAnswerThatIsNotToItsOwnQuestion) {
  AddressProbe probe(Node(1), 42, kStart);
  const GossipMessage good = *AnswerToProbe(*probe.Tick(kStart), Node(1), kLife);
  GossipMessage other = good;
  other.sequence = 41;
  probe.Handle(other);
  other = good;
  other.from = Node(2);
  probe.Handle(other);
  other = good;
  other.to = Node(1);
  probe.Handle(other);
  other = good;
  other.kind = GossipKind::kPing;
  probe.Handle(other);
  EXPECT_FALSE(probe.is_answered());
}

TEST(AddressProbeTest, PingsOfMembersAreNoQuestions) {
  GossipMessage ping;
  ping.kind = GossipKind::kPing;
  ping.from = Node(2);
  ping.to = Node(1);
  EXPECT_FALSE(AnswerToProbe(ping, Node(1), kLife).has_value());
  ping.from = Node(1);
  EXPECT_FALSE(AnswerToProbe(ping, Node(1), kLife).has_value());
}

TEST(AddressProbeTest, QuestionAndAnswerAreGossipAsItIs) {
  AddressProbe probe(Node(1), 42, kStart);
  const Uuid cluster = Node(9).value();
  const GossipMessage question = *probe.Tick(kStart);
  EXPECT_EQ(*DecodeGossip(cluster, EncodeGossip(cluster, question)), question);
  const GossipMessage answer = *AnswerToProbe(question, Node(1), kLife);
  EXPECT_EQ(*DecodeGossip(cluster, EncodeGossip(cluster, answer)), answer);
}

}  // namespace
}  // namespace carillon
