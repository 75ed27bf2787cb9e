#include "ring/address_probe.h"
#include "server/node/identity_guard.h"
#include "server/node/node_view.h"
#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using Advice = IdentityGuard::Advice;

constexpr BootId kOther{.counter = 5, .id = 99};

class IdentityTest : public ThreeNodesFixture {
 protected:
  GossipMessage From(std::uint8_t number, const BootId& boot) const {
    return {.kind = GossipKind::kGossip,
            .from = NodeOf(number),
            .to = NodeOf(1),
            .boot = boot,
            .state = {},
            .target = {},
            .rumors = {}};
  }
  // n2 believes that `life` is this node's.
  void HearOfSelf(const BootId& life) {
    GossipMessage message = From(2, {.counter = 3, .id = 33});
    message.rumors.push_back(
        {.node = NodeOf(1), .liveness = Liveness::kAlive, .boot = life, .from = {}});
    Step(GossipReceived{.message = message});
  }
  static SharedState Ruled(std::uint8_t node, const BootId& life) {
    auto next = WithLife(State(), NodeOf(node), life);
    EXPECT_TRUE(next.ok());
    next->change = NodeOf(77).value();
    return Share(*std::move(next));
  }
  Status Ask() {
    Step(ListSecondsInput{.request = RequestId(++asked_),
                          .bucket = "events",
                          .range = {Epoch(kNow - 10), Epoch(kNow)},
                          .filter = {}});
    for (const Answer& answer : Take<Answer>()) return answer.status;
    return OkStatus();  // it is being worked on
  }
  std::uint64_t asked_ = 0;
};

TEST_F(IdentityTest, IsSilentAndServesNothingWhenAnotherLifeOfItIsBelievedIn) {
  Start();
  EXPECT_TRUE(Ask().ok());
  HearOfSelf(kOther);
  EXPECT_EQ(EndSaves(), (Dispute{.other = kOther, .open = true}));
  EXPECT_THAT(std::string(Message(Ask())), HasSubstr("serves no more"));
  (void)Take<SendGossip>();
  Pass(seconds(20));
  EXPECT_TRUE(Take<SendGossip>().empty());
  Step(PeerRequest{.request = RequestId(901), .sender = SenderOf(2), .message = EchoRequest{}});
  const auto answers = Take<AnswerPeer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].reply.status.code(), StatusCode::kUnavailable);
}

TEST_F(IdentityTest, AnswersWhoAsksWhetherItRunsAtItsAddress) {
  Start();
  (void)Take<SendGossip>();
  AddressProbe probe(NodeOf(1), 42, Instant{});
  const GossipMessage question = *probe.Tick(Instant{});
  Step(GossipReceived{.message = question, .address = "10.0.0.9:7401"});
  const auto answers = Take<SendGossip>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].address, "10.0.0.9:7401");
  probe.Handle(answers[0].message);
  EXPECT_TRUE(probe.is_answered());
  EXPECT_TRUE(Ask().ok());  // the question says nothing of another life
}

TEST_F(IdentityTest, DoesNotKeepTheNodeFromItsAddressWhenItIsRefusedItself) {
  Start();
  HearOfSelf(kOther);
  EndSaves();
  (void)Take<SendGossip>();
  AddressProbe probe(NodeOf(1), 42, Instant{});
  Step(GossipReceived{.message = *probe.Tick(Instant{}), .address = "10.0.0.9:7401"});
  EXPECT_TRUE(Take<SendGossip>().empty());
}

TEST_F(IdentityTest, ADisputedDirectoryIsRefusedAfterARestartToo) {
  Start({.state = Share(State()), .lives = {54, 55}, .dispute = {.other = kOther, .open = true}});
  EXPECT_EQ(Take<Alarm>().size(), 1u);
  EXPECT_EQ(Ask().code(), StatusCode::kUnavailable);
  EXPECT_THAT(ViewOf(*node_, time_.now, 0).refusal, HasSubstr("serves no more"));
}

TEST_F(IdentityTest, ServesAgainWhenTheRingRulesForALifeOfItsDirectory) {
  Start();
  HearOfSelf(kOther);
  EndSaves();
  HearState(Ruled(1, {.counter = 4, .id = 54}));
  EXPECT_TRUE(Ask().ok());
  EXPECT_FALSE(node_->ring().guard().dispute().open);
  (void)Take<SendGossip>();
  Pass(seconds(5));
  EXPECT_FALSE(Take<SendGossip>().empty());
}

TEST_F(IdentityTest, IsRefusedForGoodWhenTheRingRulesForAnother) {
  Start({.state = Ruled(1, kOther), .lives = {54, 55}});
  EXPECT_THAT(std::string(Message(Ask())), HasSubstr("old copy"));
}

TEST_F(IdentityTest, TheRuledLifeServesOnWhateverOthersBelieve) {
  Start({.state = Ruled(1, kBoot), .lives = {54, 55}});
  HearOfSelf({.counter = 8, .id = 99});
  EXPECT_TRUE(Ask().ok());
  EXPECT_EQ(node_->ring().swim().boot(), (BootId{.counter = 9, .id = 55}));
}

TEST_F(IdentityTest, ALaterLifeOfTheRuledDirectoryAsksTheRingForItself) {
  Start({.state = Ruled(1, {.counter = 4, .id = 54}), .lives = {54, 55}});
  (void)EndSaves();
  (void)Take<AskPeer>();
  HearOfSelf(kOther);
  EXPECT_TRUE(Ask().ok());
  (void)EndSaves();
  EXPECT_FALSE(TakeAsked<RegisterMessage>().empty());
}

TEST_F(IdentityTest, WhoSeesTwoOfOneNodeAsksTheRingForTheFirstAndShowsIt) {
  Start();
  Step(GossipReceived{.message = From(2, {.counter = 3, .id = 33})});
  (void)EndSaves();
  (void)Take<AskPeer>();
  Step(GossipReceived{.message = From(2, {.counter = 3, .id = 34})});
  (void)EndSaves();
  EXPECT_FALSE(TakeAsked<RegisterMessage>().empty());
  EXPECT_TRUE(ViewOf(*node_, time_.now, 0).health[1].duplicate);
  EXPECT_FALSE(ViewOf(*node_, time_.now + kShowDuplicates, 0).health[1].duplicate);
}

TEST_F(IdentityTest, RefusesRequestsOfAnotherLifeThanItBelievesIn) {
  Start();
  Step(GossipReceived{.message = From(2, {.counter = 3, .id = 33})});
  const auto is_refused = [this](const BootId& boot) {
    Step(PeerRequest{
        .request = RequestId(902), .sender = SenderOf(2, boot), .message = EchoRequest{}});
    return Take<AnswerPeer>().at(0).reply.copied_sender;
  };
  EXPECT_FALSE(is_refused({.counter = 3, .id = 33}));
  EXPECT_FALSE(is_refused({.counter = 4, .id = 44}));  // its next start
  EXPECT_TRUE(is_refused({.counter = 3, .id = 34}));
  EXPECT_TRUE(is_refused({.counter = 2, .id = 22}));
  // It may look whether the ring has ruled.
  Step(PeerRequest{
      .request = RequestId(903),
      .sender = SenderOf(2, {.counter = 3, .id = 34}),
      .message = RegisterMessage(FetchStateRequest{.header = HeaderAfter(node_->shared_state())})});
  EXPECT_FALSE(Take<AnswerPeer>().at(0).reply.copied_sender);
}

TEST_F(IdentityTest, NoticesTwoOfOneNodeByTheRequestOfTheSecond) {
  Start();
  Step(GossipReceived{.message = From(2, {.counter = 3, .id = 33})});
  Step(PeerRequest{.request = RequestId(902),
                   .sender = SenderOf(2, {.counter = 3, .id = 34}),
                   .message = EchoRequest{}});
  EXPECT_EQ(Take<Alarm>().size(), 1u);
  EXPECT_TRUE(ViewOf(*node_, time_.now, 0).health[1].duplicate);
}

TEST_F(IdentityTest, LearnsFromARefusedRequestThatItIsACopy) {
  Start();
  (void)TakeAsked<EchoRequest>();
  Pass(seconds(10));
  const auto asked = TakeAsked<EchoRequest>();
  ASSERT_FALSE(asked.empty());
  Step(PeerReplied{.operation = asked[0].operation,
                   .reply = {.status = Unavailable("copied"),
                             .copied_sender = true,
                             .version = node_->state().version}});
  EXPECT_EQ(Ask().code(), StatusCode::kUnavailable);
}

TEST(IdentityGuardTest, ARulingSettlesADisputeAndTheNextStartIsStillRuledOut) {
  IdentityGuard guard(NodeId(Uuid{.bytes = {1}}), 7, {5, 6, 7}, {});
  EXPECT_EQ(guard.HearOfOther(kOther), Advice::kSilence);
  EXPECT_EQ(guard.HearOfOther(kOther), Advice::kNothing);
  ClusterState state =
      FirstState(Uuid{.bytes = {9}}, {.node = NodeId(Uuid{.bytes = {1}}), .name = "a"}, 3);
  state.members[0].life = {.counter = 2, .id = 6};
  EXPECT_TRUE(guard.HandleState(state));
  EXPECT_FALSE(guard.refused());
  state.members[0].life = {.counter = 3, .id = 8};
  EXPECT_TRUE(guard.HandleState(state));
  EXPECT_TRUE(guard.refused());
  IdentityGuard again(NodeId(Uuid{.bytes = {1}}), 9, {5, 6, 7, 9}, {});
  EXPECT_TRUE(again.HandleState(state));
}

TEST(IdentityGuardTest, TheRingRulesForLaterLivesOnly) {
  const NodeId node(Uuid{.bytes = {1}});
  ClusterState state = FirstState(Uuid{.bytes = {9}}, {.node = node, .name = "a"}, 3);
  state.members[0].life = {.counter = 4, .id = 6};
  EXPECT_EQ(WithLife(state, node, {.counter = 4, .id = 7}).status().code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(WithLife(state, node, {.counter = 5, .id = 0}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(WithLife(state, NodeId{}, {.counter = 5, .id = 7}).status().code(),
            StatusCode::kNotFound);
  const auto next = WithLife(state, node, {.counter = 5, .id = 7});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->members[0].life, (BootId{.counter = 5, .id = 7}));
  EXPECT_EQ(next->version, StateVersion(2));
}

}  // namespace
}  // namespace carillon
