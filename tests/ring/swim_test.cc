#include "ring/swim.h"

#include <set>

#include "tests/ring/swim_fixture.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(SwimTest, ProbesEveryMemberOnceARound) {
  answers_ = true;
  Run(seconds(8));
  std::map<NodeId, int> probed;
  for (const GossipMessage& ping : Sent(GossipKind::kPing)) ++probed[ping.to];
  EXPECT_THAT(probed, SizeIs(4));
  for (const auto& [node, times] : probed) EXPECT_LE(times, 3);
  EXPECT_THAT(All<StatusChanged>(), IsEmpty());
}

TEST_F(SwimTest, AnswersAPingWithItsSequence) {
  Hear(From(2, GossipKind::kPing, 77));
  ASSERT_THAT(Sent(GossipKind::kAck), SizeIs(1));
  EXPECT_EQ(Sent()[0].sequence, 77u);
  EXPECT_EQ(Sent()[0].to, Node(2));
  EXPECT_EQ(All<SendPacket>()[0].address, AddressOf(2));
}

TEST_F(SwimTest, AsksThreeHelpersAndTheOwnerWhenAPingIsNotAnswered) {
  FailOneProbe();
  EXPECT_THAT(Sent(GossipKind::kPingRequest), SizeIs(3));
  ASSERT_THAT(All<ProbeByRpc>(), SizeIs(1));
  for (const GossipMessage& request : Sent(GossipKind::kPingRequest)) {
    EXPECT_EQ(request.target, All<ProbeByRpc>()[0].node);
    EXPECT_NE(request.to, request.target);
  }
}

TEST_F(SwimTest, SuspectsWhoIsSilentAndBuriesHimWhenTimeIsUp) {
  answers_ = true;
  helpers_nack_ = true;
  silent_ = 3;
  Run(seconds(10));
  EXPECT_EQ(Believed(3), Liveness::kSuspect);
  EXPECT_TRUE(Told(Suspected(3, 1)));
  Run(seconds(30));  // 4 s * 6: nobody else suspects it
  EXPECT_EQ(Believed(3), Liveness::kDead);
  EXPECT_TRUE(Told(About(3, Liveness::kDead)));
  ASSERT_THAT(All<StatusChanged>(), SizeIs(2));
}

TEST_F(SwimTest, KeepsWhoAnswersAHelper) {
  while (Sent(GossipKind::kPingRequest).empty()) Run(milliseconds(50));
  const GossipMessage request = Sent(GossipKind::kPingRequest)[0];
  Hear(From(request.to.value().bytes[15], GossipKind::kAck, request.sequence));
  Run(milliseconds(400));
  EXPECT_THAT(All<StatusChanged>(), IsEmpty());
}

TEST_F(SwimTest, KeepsWhoAnswersOnlyByRpc) {
  while (All<ProbeByRpc>().empty()) Run(milliseconds(50));
  const ProbeByRpc probe = All<ProbeByRpc>()[0];
  swim_.HandleRpcProbe(now_, probe.node, probe.sequence, true, &effects_);
  Run(milliseconds(400));
  EXPECT_THAT(All<StatusChanged>(), IsEmpty());
  EXPECT_EQ(swim_.counters().probes_saved_by_rpc, 1u);
}

TEST_F(SwimTest, TakesNoAckFromAStrangerToTheProbe) {
  while (Sent(GossipKind::kPing).empty()) Run(milliseconds(50));
  const GossipMessage ping = Sent(GossipKind::kPing)[0];
  const std::uint8_t other = ping.to == Node(2) ? 3 : 2;
  Hear(From(other, GossipKind::kAck, ping.sequence));
  Run(milliseconds(600));
  EXPECT_THAT(All<ProbeByRpc>(), SizeIs(1));
}

TEST_F(SwimTest, ProbesForAnotherAndForwardsTheAck) {
  GossipMessage request = From(2, GossipKind::kPingRequest, 9);
  request.target = Node(4);
  Hear(request);
  ASSERT_THAT(Sent(GossipKind::kPing), SizeIs(1));
  Hear(From(4, GossipKind::kAck, Sent(GossipKind::kPing)[0].sequence));
  ASSERT_THAT(Sent(GossipKind::kAck), SizeIs(1));
  EXPECT_EQ(Sent(GossipKind::kAck)[0].to, Node(2));
  EXPECT_EQ(Sent(GossipKind::kAck)[0].sequence, 9u);
}

TEST_F(SwimTest, NacksWhenItsProbeForAnotherIsNotAnswered) {
  answers_ = true;
  silent_ = 4;
  GossipMessage request = From(2, GossipKind::kPingRequest, 9);
  request.target = Node(4);
  Hear(request);
  Run(milliseconds(399));
  EXPECT_THAT(Sent(GossipKind::kNack), IsEmpty());
  Run(milliseconds(1));
  ASSERT_THAT(Sent(GossipKind::kNack), SizeIs(1));
  EXPECT_EQ(Sent(GossipKind::kNack)[0].sequence, 9u);
}

TEST_F(SwimTest, BuriesSoonerWhoManySuspect) {
  answers_ = true;
  const Instant began = now_;
  HearRumor(2, Suspected(3, 2));
  HearRumor(4, Suspected(3, 4));
  HearRumor(5, Suspected(3, 5));
  silent_ = 3;
  while (Believed(3) != Liveness::kDead) Run(milliseconds(100));
  EXPECT_LE(now_ - began, milliseconds(4100));
}

TEST_F(SwimTest, CountsASuspecterOnce) {
  answers_ = true;
  helpers_nack_ = true;
  silent_ = 3;
  for (int i = 0; i < 5; ++i) HearRumor(2, Suspected(3, 2));
  Run(seconds(6));
  EXPECT_EQ(Believed(3), Liveness::kSuspect);
}

TEST_F(SwimTest, BelievesARefutationOnlyWithAHigherIncarnation) {
  HearRumor(2, Suspected(3, 2));
  HearRumor(2, About(3, Liveness::kAlive, 0));
  EXPECT_EQ(Believed(3), Liveness::kSuspect);
  GossipMessage refutation = From(3, GossipKind::kGossip);
  refutation.incarnation = 1;
  Hear(refutation);
  EXPECT_EQ(Believed(3), Liveness::kAlive);
  HearRumor(4, Suspected(3, 4));  // of before
  EXPECT_EQ(Believed(3), Liveness::kAlive);
}

TEST_F(SwimTest, RefutesWhatIsSaidOfItself) {
  HearRumor(2, Suspected(1, 2));
  EXPECT_EQ(swim_.incarnation(), 1u);
  EXPECT_EQ(swim_.awareness(), 1u);
  answers_ = true;
  Run(milliseconds(300));
  EXPECT_TRUE(Told(About(1, Liveness::kAlive, 1)));
  HearRumor(3, Suspected(1, 3));  // refuted already
  EXPECT_EQ(swim_.incarnation(), 1u);
}

TEST_F(SwimTest, TellsASuspectSoThatItCanRefute) {
  HearRumor(2, Suspected(3, 2));
  Hear(From(3, GossipKind::kPing, 5));
  ASSERT_THAT(Sent(GossipKind::kAck), SizeIs(1));
  ASSERT_FALSE(Sent(GossipKind::kAck)[0].rumors.empty());
  EXPECT_EQ(Sent(GossipKind::kAck)[0].rumors[0], Suspected(3, 1));
}

TEST_F(SwimTest, DoesNotBelieveIllFromTheDead) {
  HearRumor(2, About(3, Liveness::kDead));
  HearRumor(3, Suspected(4, 3));
  EXPECT_EQ(Believed(4), Liveness::kAlive);
  EXPECT_EQ(swim_.counters().distrusted, 1u);
}

TEST_F(SwimTest, AsksTheDeadNowAndThenAndTellsThem) {
  HearRumor(2, About(3, Liveness::kDead));
  answers_ = true;
  Run(seconds(11));
  bool asked = false;
  for (const GossipMessage& ping : Sent(GossipKind::kPing)) {
    if (ping.to != Node(3)) continue;
    asked = true;
    EXPECT_EQ(ping.rumors.at(0), About(3, Liveness::kDead));
  }
  EXPECT_TRUE(asked);
  EXPECT_EQ(Believed(3), Liveness::kDead);  // an answer of the same incarnation refutes nothing
}

TEST_F(SwimTest, WelcomesANewLifeOfTheDead) {
  HearRumor(2, About(3, Liveness::kDead));
  GossipMessage message = From(3, GossipKind::kPing, 1);
  message.boot = {.counter = kPeerBoot.counter + 1, .id = 34};
  Hear(message);
  EXPECT_EQ(Believed(3), Liveness::kAlive);
  HearRumor(2, About(3, Liveness::kDead));  // of the old life
  EXPECT_EQ(Believed(3), Liveness::kAlive);
}

TEST_F(SwimTest, IgnoresPacketsOfAnOldLifeAndSaysSo) {
  GossipMessage message = From(3, GossipKind::kPing, 1);
  message.boot.counter = kPeerBoot.counter - 1;
  Hear(message);
  EXPECT_EQ(swim_.counters().from_old_lives, 1u);
  EXPECT_THAT(Sent(GossipKind::kAck), IsEmpty());
  ASSERT_THAT(Sent(GossipKind::kGossip), SizeIs(1));
  EXPECT_EQ(Sent()[0].rumors.at(0), About(3, Liveness::kAlive));
}

TEST_F(SwimTest, IgnoresStrangersAndPacketsMeantForOthers) {
  GossipMessage stranger = From(9, GossipKind::kPing, 1);
  Hear(stranger);
  GossipMessage astray = From(2, GossipKind::kPing, 1);
  astray.to = Node(9);
  Hear(astray);
  EXPECT_THAT(effects_, IsEmpty());
  EXPECT_EQ(swim_.counters().from_strangers, 1u);
  EXPECT_EQ(swim_.counters().misaddressed, 1u);
}

TEST_F(SwimTest, ReportsANewerClusterStateAndNoOlderOne) {
  swim_.SetState({.generation = 0, .version = StateVersion(4), .hash = {}});
  GossipMessage message = From(2, GossipKind::kGossip);
  message.state.version = StateVersion(3);
  Hear(message);
  EXPECT_THAT(All<StateSeen>(), IsEmpty());
  message.state.version = StateVersion(5);
  Hear(message);
  Hear(message);  // told already
  ASSERT_THAT(All<StateSeen>(), SizeIs(1));
  EXPECT_EQ(All<StateSeen>()[0].from, Node(2));
  EXPECT_EQ(All<StateSeen>()[0].state.version, StateVersion(5));
}

TEST_F(SwimTest, ReportsAnotherStateOfTheSameVersion) {
  GossipMessage message = From(2, GossipKind::kGossip);
  message.state.hash.low = 1;
  Hear(message);
  EXPECT_THAT(All<StateSeen>(), SizeIs(1));
}

TEST_F(SwimTest, SeesThatItsIdentityWasCopied) {
  GossipMessage copy = From(1, GossipKind::kPing, 1);
  copy.boot = {.counter = kBoot.counter, .id = 99};
  Hear(copy);
  ASSERT_THAT(All<IdentityConflict>(), SizeIs(1));
  EXPECT_EQ(All<IdentityConflict>()[0].node, Node(1));
  EXPECT_EQ(All<IdentityConflict>()[0].seen, copy.boot);
}

TEST_F(SwimTest, SeesByARumorThatAnotherLifeOfItselfIsNewer) {
  Rumor rumor = About(1, Liveness::kAlive);
  rumor.boot = {.counter = kBoot.counter + 1, .id = 99};
  HearRumor(2, rumor);
  ASSERT_THAT(All<IdentityConflict>(), SizeIs(1));
  EXPECT_EQ(swim_.incarnation(), 0u);
}

TEST_F(SwimTest, TellsBothOfTwoThatRunAsOneNode) {
  GossipMessage copy = From(3, GossipKind::kPing, 1);
  copy.boot.id = 99;
  Hear(copy);
  ASSERT_THAT(All<IdentityConflict>(), SizeIs(1));
  EXPECT_EQ(All<IdentityConflict>()[0].node, Node(3));
  EXPECT_EQ(Sent(GossipKind::kAck).at(0).rumors.at(0).boot, kPeerBoot);
}

TEST_F(SwimTest, APacketOfAnOldLifeThatWaitedOutItsPauseProvesNoCopy) {
  GossipMessage late = From(3, GossipKind::kPing, 1);
  late.boot.counter = kPeerBoot.counter - 1;
  now_ += minutes(1);
  Hear(late);
  EXPECT_THAT(All<IdentityConflict>(), IsEmpty());
  Run(seconds(12));
  Hear(late);
  EXPECT_THAT(All<IdentityConflict>(), SizeIs(1));
}

TEST_F(SwimTest, NoticesAPauseBeforeAnythingElseAndBlamesNobody) {
  HearRumor(2, Suspected(3, 2));
  effects_.clear();
  now_ += minutes(1);
  Hear(From(2, GossipKind::kPing, 1));
  ASSERT_FALSE(effects_.empty());
  ASSERT_TRUE(std::holds_alternative<WasPaused>(effects_[0]));
  EXPECT_GT(std::get<WasPaused>(effects_[0]).gap, seconds(55));
  swim_.Tick(now_, &effects_);
  EXPECT_EQ(Believed(3), Liveness::kSuspect);
  EXPECT_THAT(All<WasPaused>(), SizeIs(1));
  EXPECT_FALSE(Sent(GossipKind::kSync).empty());  // asks what it missed
}

TEST_F(SwimTest, TakesAConfirmationThatEndsASuspicionForNoPause) {
  answers_ = true;
  helpers_nack_ = true;
  silent_ = 3;
  HearRumor(2, Suspected(3, 2));
  Run(seconds(20));
  HearRumor(4, Suspected(3, 4));
  HearRumor(5, Suspected(3, 5));
  Run(seconds(1));
  EXPECT_EQ(Believed(3), Liveness::kDead);
  EXPECT_THAT(All<WasPaused>(), IsEmpty());
}

TEST_F(SwimTest, SlowsDownWhenNobodyAnswersAndRecovers) {
  for (int i = 0; i < 4; ++i) FailOneProbe();
  EXPECT_GE(swim_.awareness(), 4u);
  EXPECT_LT(swim_.awareness(), 8u);
  answers_ = true;
  Run(minutes(2));
  EXPECT_EQ(swim_.awareness(), 0u);
}

TEST_F(SwimTest, StaysHealthyWhenHelpersNack) {
  answers_ = true;
  helpers_nack_ = true;
  silent_ = 3;
  Run(seconds(10));
  EXPECT_EQ(Believed(3), Liveness::kSuspect);
  EXPECT_EQ(swim_.awareness(), 0u);
}

TEST_F(SwimTest, AnswersATableWithItsOwn) {
  GossipMessage part = From(2, GossipKind::kSync, 0);
  Hear(part);
  EXPECT_THAT(Sent(GossipKind::kSyncAnswer), IsEmpty());
  part.sequence = 1;
  Hear(part);
  ASSERT_THAT(Sent(GossipKind::kSyncAnswer), SizeIs(1));
  EXPECT_THAT(Sent(GossipKind::kSyncAnswer)[0].rumors, SizeIs(5));
}

TEST_F(SwimTest, ReportsABrokenDataPathWithoutBuryingAnybody) {
  for (int i = 0; i < 3; ++i) swim_.HandleDataPath(now_, Node(3), false, {}, &effects_);
  ASSERT_THAT(All<DataPathChanged>(), SizeIs(1));
  EXPECT_FALSE(All<DataPathChanged>()[0].ok);
  EXPECT_EQ(Believed(3), Liveness::kAlive);
  swim_.HandleDataPath(now_, Node(3), true, milliseconds(2), &effects_);
  ASSERT_THAT(All<DataPathChanged>(), SizeIs(2));
  EXPECT_TRUE(All<DataPathChanged>()[1].ok);
}

// Seed 16 of cluster-hints: the node was left out for ever.
TEST_F(SwimTest, ReportsTheDataPathOfANewLifeAsGood) {
  for (int i = 0; i < 3; ++i) swim_.HandleDataPath(now_, Node(3), false, {}, &effects_);
  effects_.clear();
  GossipMessage reborn = From(3, GossipKind::kGossip);
  reborn.boot = {.counter = kPeerBoot.counter + 1, .id = 77};
  Hear(reborn);
  ASSERT_THAT(All<DataPathChanged>(), SizeIs(1));
  EXPECT_TRUE(All<DataPathChanged>()[0].ok);
}

TEST_F(SwimTest, ProbesADoubtedDataPathMoreOften) {
  swim_.HandleDataPath(now_, Node(3), false, {}, &effects_);
  answers_ = true;
  Run(seconds(60));
  int of_doubted = 0;
  for (const ProbeDataPath& probe : All<ProbeDataPath>()) of_doubted += probe.node == Node(3);
  EXPECT_THAT(All<ProbeDataPath>(), SizeIs(12));
  EXPECT_GE(of_doubted, 6);
}

TEST_F(SwimTest, TellsThatItLeavesAndIsNotTalkedOutOfIt) {
  swim_.Leave(now_, &effects_);
  EXPECT_TRUE(Told(About(1, Liveness::kLeft)));
  HearRumor(2, About(1, Liveness::kLeft));
  EXPECT_EQ(swim_.incarnation(), 0u);
}

TEST_F(SwimTest, BelievesALeaverAtOnce) {
  HearRumor(2, About(3, Liveness::kLeft));
  EXPECT_EQ(Believed(3), Liveness::kLeft);
}

TEST_F(SwimTest, ForgetsARemovedMemberInEverythingItDoes) {
  HearRumor(2, Suspected(3, 2));
  swim_.SetMembers(now_, {{.node = Node(2), .address = AddressOf(2)}});
  effects_.clear();
  answers_ = true;
  Run(seconds(30));
  for (const GossipMessage& message : Sent()) EXPECT_EQ(message.to, Node(2));
  EXPECT_THAT(All<StatusChanged>(), IsEmpty());
}

TEST_F(SwimTest, IsQuietAlone) {
  swim_.SetMembers(now_, {});
  EXPECT_EQ(swim_.Deadline(), std::nullopt);
  now_ += minutes(10);
  swim_.SetMembers(now_, {{.node = Node(2), .address = AddressOf(2)}});
  swim_.Tick(now_, &effects_);
  EXPECT_THAT(All<WasPaused>(), IsEmpty());
}

}  // namespace
}  // namespace carillon
