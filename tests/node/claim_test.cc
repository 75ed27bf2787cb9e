// Votes on claims, as the node that a client asks counts them; the test is its store and the other
// two homes.
#include <algorithm>
#include <map>

#include "server/node/claim_coordinator.h"
#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr ClaimVerdict kMine = ClaimVerdict::kMine;
constexpr ClaimVerdict kTaken = ClaimVerdict::kTaken;
constexpr ClaimVerdict kUndecided = ClaimVerdict::kUndecided;

ClaimOwner Owner(std::uint8_t number) {
  return ClaimOwner(Uuid{{number}});
}
ClaimId Id(std::uint8_t number) {
  return ClaimId(Uuid{{0xee, number}});
}
OtherClaim Other(std::uint32_t place, std::uint8_t owner) {
  return {.place = place,
          .owner = owner == 0 ? ClaimOwner() : Owner(owner),
          .claimed_at = 1'699'999'995,
          .expire_at = 1'700'000'100};
}

MATCHER_P(IdIs, id, "") {
  return arg.id == id;
}

class ClaimTest : public ThreeNodesFixture {
 protected:
  // This node votes first on every id, then nodes 2 and 3.
  ClaimTest() { Move({0, 1, 2}, {}, Phase::kStable); }

  void Claim(std::vector<ClaimId> ids, std::optional<Duration> within = {}) {
    Step(ClaimInput{.request = RequestId(++last_request_),
                    .order = {.bucket = "events", .owner = Owner(1), .ids = std::move(ids)},
                    .deadline = within ? std::optional(time_.now + *within) : std::nullopt});
  }
  StoreClaims TakeStore() {
    auto stores = Take<StoreClaims>();
    EXPECT_THAT(stores, SizeIs(1));
    return stores.empty() ? StoreClaims() : stores.front();
  }
  // This node's own vote.
  void Vote(const StoreClaims& store, std::vector<OtherClaim> others = {}) {
    Step(ClaimsDone{
        .operation = store.operation, .status = OkStatus(), .others = std::move(others)});
  }
  // This node votes; what is then asked of the others.
  std::vector<AskPeer> VoteFirst(std::vector<OtherClaim> others = {}) {
    Vote(TakeStore(), std::move(others));
    return TakeAsked<ReplicaClaims>();
  }
  // That of the home that was asked.
  void Vote(const AskPeer& asked, std::vector<OtherClaim> others = {}) {
    Reply(asked, ClaimsReply{.others = std::move(others)});
  }
  std::vector<ClaimVerdict> TakeVerdicts() {
    const auto answers = Take<Answer>();
    EXPECT_THAT(answers, SizeIs(1));
    if (answers.size() != 1 || !answers[0].status.ok()) return {};
    return std::get<ClaimsAnswer>(answers[0].value).verdicts;
  }
  void ExpectNoAnswerYet() { EXPECT_THAT(Take<Answer>(), IsEmpty()); }
  static const ReplicaClaims& MessageOf(const AskPeer& asked) {
    return std::get<ReplicaClaims>(asked.message);
  }
  // The state with every partition on its way from `homes` to `next`.
  void Move(std::vector<std::uint16_t> homes, std::vector<std::uint16_t> next, Phase phase) {
    ClusterState state = State();
    state.version = StateVersion(state.version.value() + ++moves_);
    for (const std::uint8_t number : {4, 5}) state.members.push_back(MemberOf(number));
    for (PartitionHomes& partition : state.placement) {
      partition.homes = homes;
      partition.next = phase == Phase::kStable ? std::vector<std::uint16_t>() : next;
      partition.phase = phase;
      partition.changed = state.version;
    }
    Start({.state = Share(std::move(state)), .acceptor = {}, .lives = {54, 55}});
    (void)Take<AskPeer>();
  }
  static AskPeer To(const std::vector<AskPeer>& asked, std::uint8_t number) {
    const auto found = std::find_if(asked.begin(), asked.end(),
                                    [&](const AskPeer& one) { return one.to == NodeOf(number); });
    EXPECT_NE(found, asked.end()) << "node " << int{number} << " is not asked";
    return found == asked.end() ? AskPeer() : *found;
  }

  std::uint64_t last_request_ = 0;
  std::uint64_t moves_ = 0;
};

TEST_F(ClaimTest, AsksEveryHomeOnceForAllIdsTheFirstOneBeforeTheOthers) {
  Claim({Id(1), Id(2), Id(3), Id(1)});
  EXPECT_THAT(TakeAsked<ReplicaClaims>(), IsEmpty());
  const StoreClaims store = TakeStore();
  ASSERT_THAT(store.claims.sets, SizeIs(1));
  EXPECT_THAT(store.claims.sets[0].claims, SizeIs(4));
  EXPECT_EQ(store.claims.sets[0].owner, Owner(1));
  EXPECT_EQ(store.claims.sets[0].claimed_at, kNow);
  EXPECT_EQ(store.claims.sets[0].expire_at, kNow + BucketProperties().ttl_seconds);
  EXPECT_EQ(store.claims.mode, ClaimMode::kVote);
  Vote(store);
  const auto asked = TakeAsked<ReplicaClaims>();
  ASSERT_THAT(asked, SizeIs(2));
  EXPECT_EQ(MessageOf(asked[0]).sets, store.claims.sets);
  EXPECT_EQ(MessageOf(asked[0]).mode, ClaimMode::kVote);
}

TEST_F(ClaimTest, SaysMineWhenAMajorityVotesSo) {
  Claim({Id(1), Id(2)});
  const auto asked = VoteFirst();
  ExpectNoAnswerYet();
  Vote(asked[0]);
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine, kMine));
  Vote(asked[1]);  // late: changes nothing
  EXPECT_THAT(Take<Answer>(), IsEmpty());
  EXPECT_EQ(node_->counters().claims.mine, 2u);
}

TEST_F(ClaimTest, AsksTheOthersToVoteAsTheFirstDid) {
  Claim({Id(1), Id(2)});
  const auto asked = VoteFirst({Other(1, 7)});
  ASSERT_THAT(asked, SizeIs(2));
  const ReplicaClaims& message = MessageOf(asked[0]);
  ASSERT_THAT(message.sets, SizeIs(2));
  EXPECT_EQ(message.sets[0].owner, Owner(1));
  EXPECT_EQ(message.sets[0].claims.at(0).id, Id(1));
  EXPECT_EQ(message.sets[1].owner, Owner(7));
  EXPECT_EQ(message.sets[1].claims.at(0).id, Id(2));
  EXPECT_EQ(message.sets[1].claimed_at, kNow - 5);
  EXPECT_EQ(message.sets[1].expire_at, kNow + 100);
  EXPECT_FALSE(message.sets[1].decided);
  Vote(asked[0]);  // as it was asked
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine, kTaken));
  ReplyWith(asked[1], Unavailable("away"));
  EXPECT_EQ(node_->counters().claims.mine, 1u);
  EXPECT_EQ(node_->counters().claims.taken, 1u);
  EXPECT_EQ(node_->counters().in_flight, 0u);
}

TEST_F(ClaimTest, AVoteForTheOwnerThatAsksCountsForItWhereItWasToHelpAnother) {
  Claim({Id(1)});
  const auto asked = VoteFirst({Other(0, 7)});
  Vote(asked[0], {Other(0, 1)});
  ExpectNoAnswerYet();
  Vote(asked[1], {Other(0, 1)});
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine));
}

TEST_F(ClaimTest, HelpsNoClaimThatIsAboutToExpire) {
  Claim({Id(1)});
  OtherClaim other = Other(0, 7);
  other.expire_at = kNow + 1;
  const auto asked = VoteFirst({other});
  EXPECT_EQ(MessageOf(asked[0]).sets.at(0).owner, Owner(1));
}

TEST_F(ClaimTest, DecidesNothingWhenEveryHomeHasAnotherOwner) {
  Claim({Id(1)});
  const auto asked = VoteFirst();
  Vote(asked[0], {Other(0, 7)});
  ExpectNoAnswerYet();
  Vote(asked[1], {Other(0, 8)});
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kUndecided));
  EXPECT_THAT(TakeAsked<ReplicaClaims>(), IsEmpty());
  EXPECT_EQ(node_->counters().claims.undecided, 1u);
}

TEST_F(ClaimTest, NeverSaysTakenForOneVoteOrForContestedIds) {
  Claim({Id(1), Id(2), Id(3)});
  const auto asked = VoteFirst({Other(0, 0), Other(1, 7)});
  // What is contested at the first helps nobody.
  EXPECT_THAT(MessageOf(asked[0]).sets.at(0).claims, ElementsAre(IdIs(Id(1)), IdIs(Id(3))));
  Vote(asked[0], {Other(0, 0), Other(2, 8)});
  ReplyWith(asked[1], Unavailable("away"));
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kUndecided, kUndecided, kMine));
}

TEST_F(ClaimTest, DecidesWhileOneHomeIsAway) {
  Claim({Id(1)});
  const auto asked = VoteFirst();
  ReplyWith(asked[0], Unavailable("away"));
  ExpectNoAnswerYet();
  Vote(asked[1]);
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine));
}

TEST_F(ClaimTest, TheNextHomeVotesFirstWhenTheFirstOneFails) {
  Move({1, 0, 2}, {}, Phase::kStable);
  Claim({Id(1)});
  EXPECT_THAT(Take<StoreClaims>(), IsEmpty());
  const auto first = TakeAsked<ReplicaClaims>();
  ASSERT_THAT(first, SizeIs(1));
  ReplyWith(first[0], Unavailable("away"));
  const auto asked = VoteFirst({Other(0, 7)});
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(MessageOf(asked[0]).sets.at(0).owner, Owner(7));
  Vote(asked[0]);
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kTaken));
}

TEST_F(ClaimTest, TheNextHomeVotesFirstWhenTheFirstOneIsSilent) {
  Move({1, 0, 2}, {}, Phase::kStable);
  Claim({Id(1)});
  const auto silent = TakeAsked<ReplicaClaims>();
  Pass(ClaimCoordinator::kTurn - std::chrono::milliseconds(1));
  EXPECT_THAT(Take<StoreClaims>(), IsEmpty());
  Pass(std::chrono::milliseconds(1));
  const auto asked = VoteFirst();
  ASSERT_THAT(asked, SizeIs(1));
  Vote(asked[0]);
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine));
  ReplyWith(silent[0], Unavailable("away"));
  EXPECT_EQ(node_->counters().in_flight, 0u);
}

TEST_F(ClaimTest, ALateFirstVoteDoesNotChangeWhomTheOthersHelped) {
  Move({1, 0, 2}, {}, Phase::kStable);
  Claim({Id(1)});
  const auto late = TakeAsked<ReplicaClaims>();
  Pass(ClaimCoordinator::kTurn);
  const auto asked = VoteFirst({Other(0, 7)});
  Vote(late[0], {Other(0, 8)});
  ExpectNoAnswerYet();
  Vote(asked[0]);  // for the owner it was asked to vote for
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kTaken));
  const auto told = TakeAsked<ReplicaClaims>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].to, late[0].to);
  EXPECT_EQ(MessageOf(told[0]).sets.at(0).owner, Owner(7));
}

TEST_F(ClaimTest, IsUnavailableWhenNothingCanBeDecided) {
  Claim({Id(1), Id(2)});
  for (const AskPeer& one : VoteFirst()) ReplyWith(one, Unavailable("away"));
  const auto answers = Take<Answer>();
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].status.code(), StatusCode::kUnavailable);
}

TEST_F(ClaimTest, AnswersWhatIsDecidedWhenTheTimeIsUp) {
  Claim({Id(1), Id(2)}, std::chrono::milliseconds(200));
  const auto asked = VoteFirst();
  Vote(asked[0], {Other(1, 7)});
  ExpectNoAnswerYet();
  Pass(std::chrono::milliseconds(200));
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine, kUndecided));
}

TEST_F(ClaimTest, TellsAVoterThatHasAnotherOwnerWhatWasDecided) {
  Claim({Id(1), Id(2)});
  const auto asked = VoteFirst({Other(1, 7)});
  Vote(asked[0]);
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine, kTaken));
  Vote(asked[1], {Other(0, 8), Other(1, 1)});
  const auto told = TakeAsked<ReplicaClaims>();
  // Node 3 has another owner of the first id, and of the second the one that asks.
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].to, asked[1].to);
  const ReplicaClaims& message = MessageOf(told[0]);
  EXPECT_EQ(message.mode, ClaimMode::kCopy);
  ASSERT_THAT(message.sets, SizeIs(2));
  EXPECT_TRUE(message.sets[0].decided);
  EXPECT_EQ(message.sets[0].owner, Owner(1));
  EXPECT_EQ(message.sets[0].claims.at(0).id, Id(1));
  EXPECT_EQ(message.sets[1].owner, Owner(7));
  EXPECT_EQ(message.sets[1].claims.at(0).id, Id(2));
  EXPECT_EQ(message.sets[1].claimed_at, kNow - 5);
  Vote(told[0]);
  EXPECT_EQ(node_->counters().in_flight, 0u);
}

TEST_F(ClaimTest, TellsNewHomesBeforeItAnswers) {
  Move({0, 1, 2}, {0, 3, 4}, Phase::kDual);  // two of three at once
  Claim({Id(1)});
  const auto asked = VoteFirst();
  ASSERT_THAT(asked, SizeIs(2));
  Vote(To(asked, 2));
  const auto told = TakeAsked<ReplicaClaims>();
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_FALSE(MessageOf(To(told, 4)).sets.at(0).decided);
  ExpectNoAnswerYet();
  Vote(To(told, 4));  // with this node, two of three that vote next
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine));
  const auto settled = TakeAsked<ReplicaClaims>();
  EXPECT_TRUE(MessageOf(To(settled, 4)).sets.at(0).decided);
}

TEST_F(ClaimTest, IsUndecidedWhenTooFewOfThoseWhoVoteNextCanBeTold) {
  Move({0, 1, 2}, {0, 3, 4}, Phase::kDual);
  Claim({Id(1)});
  const auto asked = VoteFirst();
  Vote(To(asked, 2), {Other(0, 7)});
  Vote(To(asked, 3), {Other(0, 7)});
  const auto told = TakeAsked<ReplicaClaims>();
  ASSERT_THAT(told, SizeIs(2));
  // This node votes next, too, and keeps its vote: what others have may yet win.
  EXPECT_FALSE(MessageOf(To(told, 4)).sets.at(0).decided);
  ExpectNoAnswerYet();
  Vote(To(told, 4), {Other(0, 8)});  // now one of three can have it
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kUndecided));
  Vote(To(told, 5));
  EXPECT_THAT(TakeAsked<ReplicaClaims>(), IsEmpty()) << "nothing is settled";
}

TEST_F(ClaimTest, AsksNewHomesToVoteOnceTheyAreReadFrom) {
  Move({0, 1, 2}, {0, 3, 4}, Phase::kReadNew);
  Claim({Id(1)});
  const auto asked = VoteFirst();
  ASSERT_THAT(asked, SizeIs(2));
  Vote(To(asked, 4));
  EXPECT_THAT(TakeVerdicts(), ElementsAre(kMine));
  Vote(To(asked, 5));
  EXPECT_THAT(TakeAsked<ReplicaClaims>(), IsEmpty());
}

TEST_F(ClaimTest, RefusesAnOrderThatIsNone) {
  Claim({});
  auto answers = Take<Answer>();
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].status.code(), StatusCode::kInvalidArgument);
  Step(ClaimInput{.request = RequestId(++last_request_),
                  .order = {.bucket = "nothing", .owner = Owner(1), .ids = {Id(1)}},
                  .deadline = {}});
  answers = Take<Answer>();
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].status.code(), StatusCode::kNotFound);
  EXPECT_EQ(node_->counters().in_flight, 0u);
}

// As a home.
TEST_F(ClaimTest, VotesForAnotherNodeWithWhatItsStoreSays) {
  const PlacedClaim placed{.id = Id(1), .ring_position = 0x1234};
  const ReplicaClaims claims{
      .bucket = "events",
      .mode = ClaimMode::kVote,
      .sync = SyncMode::kAlways,
      .sets = {
          {.owner = Owner(7), .claimed_at = kNow, .expire_at = kNow + 60, .claims = {placed}}}};
  Step(PeerRequest{.request = RequestId(77), .sender = SenderOf(2), .message = claims});
  const StoreClaims store = TakeStore();
  EXPECT_EQ(store.claims.sets, claims.sets);
  Vote(store, {Other(0, 1)});
  const auto replies = Take<AnswerPeer>();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_THAT(std::get<ClaimsReply>(replies[0].reply.value).others, ElementsAre(Other(0, 1)));
}

TEST_F(ClaimTest, RefusesToVoteUnderAnOlderRing) {
  PeerSender sender = SenderOf(2);
  Move({0, 1, 2}, {0, 3, 4}, Phase::kDual);
  Step(PeerRequest{.request = RequestId(77),
                   .sender = sender,
                   .message = ReplicaClaims{.bucket = "events",
                                            .mode = ClaimMode::kVote,
                                            .sync = SyncMode::kAlways,
                                            .sets = {{.owner = Owner(7),
                                                      .claimed_at = kNow,
                                                      .expire_at = kNow + 60,
                                                      .claims = {{.id = Id(1)}}}}}});
  EXPECT_THAT(Take<StoreClaims>(), IsEmpty());
  const auto replies = Take<AnswerPeer>();
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_TRUE(replies[0].reply.stale_sender);
}

}  // namespace
}  // namespace carillon
