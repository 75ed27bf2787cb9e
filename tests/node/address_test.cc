#include "ring/staging.h"
#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using std::chrono::seconds;

class AddressTest : public ThreeNodesFixture {
 protected:
  void StartAt(const std::string& address) {
    node_ = std::make_unique<Node>(
        NodeOptions{.self = NodeOf(1), .boot = kBoot, .address = address},
        SavedRing{.state = Share(State()), .acceptor = {}, .lives = {54, 55}},
        std::vector<HeardSeal>(), time_);
    Step(StartInput{});
  }
  static SharedState Moved(std::uint8_t number, const std::string& address) {
    auto next = WithAddress(State(), NodeOf(number), address);
    EXPECT_TRUE(next.ok());
    next->change = NodeOf(77).value();
    return Share(*std::move(next));
  }
  // n2 says that it is at `address`.
  void HearAddress(const std::string& address, const BootId& boot = {}) {
    Member member = MemberOf(2);
    member.address = address;
    Step(PeerRequest{.request = RequestId(900),
                     .sender = SenderOf(2, boot),
                     .message = JoinCluster{.member = member}});
  }
  // Where n2 is asked for something.
  std::string WhereSecondIsAsked() {
    (void)Take<AskPeer>();
    Step(RepairInput{.request = RequestId(++asked_)});
    Pass(seconds(2));
    for (const AskPeer& asked : Take<AskPeer>()) {
      if (asked.to == NodeOf(2)) return asked.address;
    }
    return "nowhere";
  }
  std::uint64_t asked_ = 0;
};

TEST_F(AddressTest, ANodeAtItsOldAddressTellsNobody) {
  StartAt("h:1");
  Pass(seconds(3));
  EXPECT_TRUE(TakeAsked<JoinCluster>().empty());
}

TEST_F(AddressTest, ANodeAtANewAddressAsksOneMemberAfterTheOtherToTellTheRing) {
  StartAt("new:1");
  auto asked = TakeAsked<JoinCluster>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].to, NodeOf(2));
  EXPECT_EQ(std::get<JoinCluster>(asked[0].message).member.node, NodeOf(1));
  EXPECT_EQ(std::get<JoinCluster>(asked[0].message).member.address, "new:1");
  ReplyWith(asked[0], Unavailable("no answer"));
  Pass(seconds(1));
  asked = TakeAsked<JoinCluster>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].to, NodeOf(3));
}

TEST_F(AddressTest, ANodeLearnsFromTheAnswerThatTheRingKnowsItsNewAddress) {
  StartAt("new:1");
  const auto asked = TakeAsked<JoinCluster>();
  ASSERT_EQ(asked.size(), 1u);
  Reply(asked[0], StateReply{.state = Moved(1, "new:1")});
  EndSaves();
  EXPECT_EQ(node_->state().FindMember(NodeOf(1))->address, "new:1");
  Pass(seconds(3));
  EXPECT_TRUE(TakeAsked<JoinCluster>().empty());
}

TEST_F(AddressTest, AMemberIsAskedWhereItSaysThatItIsBeforeTheRingKnows) {
  Start();
  EXPECT_EQ(WhereSecondIsAsked(), "h:2");
  HearAddress("new:2");
  EXPECT_EQ(WhereSecondIsAsked(), "new:2");
}

TEST_F(AddressTest, WhatTheRingKnowsOfAnAddressCountsFromThenOn) {
  Start();
  HearAddress("new:2");
  HearAddress("newer:2");
  EXPECT_EQ(WhereSecondIsAsked(), "newer:2");
  HearState(Moved(2, "newer:2"), 3);
  EXPECT_EQ(node_->state().FindMember(NodeOf(2))->address, "newer:2");
  EXPECT_EQ(WhereSecondIsAsked(), "newer:2");
}

TEST_F(AddressTest, WhatTheRingLearnsLaterCountsMoreThanWhatWasHeard) {
  Start();
  HearAddress("heard:2");
  HearState(Moved(2, "newer:2"), 3);
  EXPECT_EQ(WhereSecondIsAsked(), "newer:2");
}

TEST_F(AddressTest, ANodeWhoseOldAddressIsDecidedLateTellsItsOwnAgain) {
  StartAt("h:1");
  EXPECT_TRUE(TakeAsked<JoinCluster>().empty());
  HearState(Moved(1, "old:1"), 3);
  Pass(seconds(1));
  const auto asked = TakeAsked<JoinCluster>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(std::get<JoinCluster>(asked[0].message).member.address, "h:1");
}

TEST_F(AddressTest, AnAddressOfAnotherMemberIsNotBelieved) {
  Start();
  HearAddress("h:3");
  EXPECT_EQ(WhereSecondIsAsked(), "h:2");
}

TEST_F(AddressTest, WhoIsKnownToBeACopyIsNotFollowedToItsAddress) {
  Start();
  Step(GossipReceived{.message = {.kind = GossipKind::kGossip,
                                  .from = NodeOf(2),
                                  .to = NodeOf(1),
                                  .boot = {.counter = 7, .id = 70},
                                  .state = {},
                                  .target = {},
                                  .rumors = {}}});
  HearAddress("new:2", {.counter = 7, .id = 71});
  EXPECT_EQ(WhereSecondIsAsked(), "h:2");
}

}  // namespace
}  // namespace carillon
