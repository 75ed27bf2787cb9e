#include "ring/ring_register.h"

#include <gtest/gtest.h>

#include "ring/register_codec.h"
#include "tests/ring/register_fixture.h"

namespace carillon {
namespace {

using Fate = ProposalAnswer::Fate;
using std::chrono::seconds;

class RegisterAcceptorTest : public testing::Test {
 protected:
  PrepareReply Prepare(const Ballot& ballot) { return Prepare(HeaderAfter(committed_), ballot); }
  PrepareReply Prepare(const RegisterHeader& header, const Ballot& ballot) {
    return Take<PrepareReply>(
        acceptor_.Handle(committed_, PrepareRequest{.header = header, .ballot = ballot}));
  }
  AcceptReply Accept(const Ballot& ballot, const SharedState& value) {
    return Take<AcceptReply>(acceptor_.Handle(
        committed_,
        AcceptRequest{.header = HeaderAfter(committed_), .ballot = ballot, .value = value}));
  }
  template <typename Reply>
  Reply Take(AcceptorAnswer answer) {
    saved_ = answer.save.has_value();
    if (answer.save) acceptor_.Saved(*answer.save);
    return std::get<Reply>(answer.reply);
  }

  SharedState committed_ = Share(StateOf(3));
  RegisterAcceptor acceptor_{AcceptorState{}};
  bool saved_ = false;  // the last answer was
  const Ballot low_{.counter = 1, .node = RegisterNode(1)};
  const Ballot high_{.counter = 2, .node = RegisterNode(1)};
};

TEST_F(RegisterAcceptorTest, SavesAPromiseOnceAndRepeatsIt) {
  EXPECT_EQ(Prepare(low_).vote.verdict, Verdict::kYes);
  EXPECT_TRUE(saved_);
  EXPECT_EQ(Prepare(low_).vote.verdict, Verdict::kYes);
  EXPECT_FALSE(saved_);
}

TEST_F(RegisterAcceptorTest, RefusesLowerBallotsAndNamesTheHigher) {
  Prepare(high_);
  const PrepareReply prepare = Prepare(low_);
  EXPECT_EQ(prepare.vote.verdict, Verdict::kRefused);
  EXPECT_EQ(prepare.vote.promised, high_);
  EXPECT_EQ(Accept(low_, NextOf(committed_, "a")).vote.verdict, Verdict::kRefused);
  EXPECT_FALSE(saved_);
}

TEST_F(RegisterAcceptorTest, TellsWhatItAccepted) {
  const SharedState value = NextOf(committed_, "a");
  EXPECT_EQ(Accept(low_, value).vote.verdict, Verdict::kYes);
  EXPECT_TRUE(saved_);
  const PrepareReply reply = Prepare(high_);
  EXPECT_EQ(reply.accepted_ballot, low_);
  EXPECT_EQ(reply.accepted.hash, value.hash);
}

TEST_F(RegisterAcceptorTest, RefusesWhatIsNoLegalStep) {
  ClusterState wrong = *NextOf(committed_, "a");
  wrong.placement[0].homes = {1};
  EXPECT_EQ(Accept(low_, Share(wrong)).vote.verdict, Verdict::kInvalid);
  EXPECT_FALSE(saved_);
}

TEST_F(RegisterAcceptorTest, TakesPartOnlyAfterItsOwnState) {
  const RegisterHeader here = HeaderAfter(committed_);
  const SharedState first = committed_;
  committed_ = NextOf(first, "a");
  EXPECT_EQ(Prepare(here, low_).vote.verdict, Verdict::kBehind);
  EXPECT_EQ(Prepare(here, low_).vote.newer.hash, committed_.hash);
  EXPECT_EQ(Prepare(HeaderAfter(NextOf(committed_, "b")), low_).vote.verdict, Verdict::kNeedState);
  EXPECT_EQ(Prepare(HeaderAfter(NextOf(first, "other")), low_).vote.verdict, Verdict::kFork);
  EXPECT_FALSE(saved_);
}

TEST_F(RegisterAcceptorTest, ForgetsVotesOfSlotsThatAreDecided) {
  Accept(high_, NextOf(committed_, "a"));
  committed_ = NextOf(committed_, "b");
  EXPECT_EQ(acceptor_.PromisedAfter(committed_), Ballot{});
  const PrepareReply reply = Prepare(low_);
  EXPECT_EQ(reply.vote.verdict, Verdict::kYes);
  EXPECT_FALSE(reply.accepted);
}

TEST(RingRegisterTest, DecidesWithOneVoterAndWithThree) {
  for (const std::uint8_t members : {1, 3}) {
    RegisterCluster cluster(members);
    const ProposalId id = cluster.Propose(1, Noting("a"));
    ASSERT_TRUE(cluster.answers.contains(id));
    EXPECT_TRUE(cluster.answers[id].status.ok()) << ToString(cluster.answers[id].status);
    for (std::uint8_t i = 1; i <= members; ++i) {
      EXPECT_EQ(cluster.at(i).committed()->version, StateVersion(2));
      EXPECT_EQ(cluster.at(i).committed()->note, "a");
    }
  }
}

TEST(RingRegisterTest, SaysNothingBeforeItIsSaved) {
  RegisterCluster cluster(1);
  cluster.HoldSaves(1);
  const ProposalId id = cluster.Propose(1, Noting("a"));
  EXPECT_EQ(cluster.saves(1), 1u);  // the promise
  EXPECT_FALSE(cluster.answers.contains(id));
  EXPECT_EQ(cluster.at(1).committed()->version, StateVersion(1));
  cluster.EndSave(1, OkStatus());
  EXPECT_TRUE(cluster.answers[id].status.ok());
  EXPECT_EQ(cluster.saves(1), 3u);  // promise, acceptance, state
}

TEST(RingRegisterTest, FailsWithoutAMajorityAndSaysHowManyAnswered) {
  RegisterCluster cluster(3);
  cluster.Isolate(2);
  cluster.Isolate(3);
  const ProposalId id = cluster.Propose(1, Noting("a"));
  cluster.Wait(seconds(60));
  ASSERT_TRUE(cluster.answers.contains(id));
  EXPECT_EQ(cluster.answers[id].status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(Message(cluster.answers[id].status), "version 2: 1 of 3 voters answered, 2 must agree");
  EXPECT_EQ(cluster.answers[id].fate, Fate::kNotDone);  // it was never sent
}

TEST(RingRegisterTest, DropsForGoodWhatNobodyAcceptedBeforeTheDeadline) {
  RegisterCluster cluster(3);
  cluster.Isolate(2);
  cluster.Isolate(3);
  const ProposalId id = cluster.Propose(1, Noting("a"), std::nullopt, seconds(2));
  const ProposalId next = cluster.Propose(1, Noting("b"), std::nullopt, seconds(3));  // it waits
  cluster.Wait(seconds(4));
  for (const ProposalId one : {id, next}) {
    ASSERT_TRUE(cluster.answers.contains(one));
    EXPECT_EQ(cluster.answers[one].status.code(), StatusCode::kDeadlineExceeded);
    EXPECT_EQ(cluster.answers[one].fate, Fate::kNotDone);
  }
  cluster.Heal();
  cluster.Wait(seconds(60));
  EXPECT_EQ(cluster.at(1).committed()->version, StateVersion(1));
}

TEST(RingRegisterTest, GoesOnWithoutAMinority) {
  RegisterCluster cluster(3);
  cluster.Isolate(3);
  const ProposalId id = cluster.Propose(1, Noting("a"));
  EXPECT_TRUE(cluster.answers[id].status.ok());
  cluster.Heal();
  cluster.Summary(1, 3, SummaryOf(cluster.at(1).committed()));
  EXPECT_EQ(cluster.at(3).committed()->note, "a");
}

TEST(RingRegisterTest, OfTwoAdminsWhoExpectOneVersionOneWins) {
  RegisterCluster cluster(3);
  cluster.Isolate(3);
  cluster.Propose(1, Noting("a"), StateVersion(1));
  cluster.Heal();
  const ProposalId id = cluster.Propose(3, Noting("b"), StateVersion(1));  // has heard of nothing
  EXPECT_EQ(cluster.answers[id].status.code(), StatusCode::kAborted);
  EXPECT_EQ(cluster.answers[id].fate, Fate::kNotDone);
  EXPECT_EQ(cluster.at(3).committed()->note, "a");
}

TEST(RingRegisterTest, MakesAChangeAgainThatExpectsNoVersion) {
  RegisterCluster cluster(3);
  cluster.Isolate(3);
  cluster.Propose(1, Noting("a"));
  cluster.Heal();
  const ProposalId id = cluster.Propose(3, Noting("b"));
  EXPECT_TRUE(cluster.answers[id].status.ok());
  EXPECT_EQ(cluster.answers[id].state->version, StateVersion(3));
  EXPECT_EQ(cluster.at(1).committed()->note, "b");
}

TEST(RingRegisterTest, FinishesWhatItFindsAccepted) {
  RegisterCluster cluster(3);
  const SharedState first = cluster.at(1).committed();
  const SharedState orphan = NextOf(first, "orphan");
  cluster.Start(2, first,
                {.slot = orphan->version,
                 .previous = first.hash,
                 .promised = {.counter = 1, .node = RegisterNode(9)},
                 .accepted_ballot = {.counter = 1, .node = RegisterNode(9)},
                 .accepted = orphan});
  cluster.Isolate(3);
  const ProposalId id = cluster.Propose(1, Noting("a"));
  cluster.Wait(seconds(5));
  EXPECT_TRUE(cluster.answers[id].status.ok());
  EXPECT_EQ(cluster.at(1).keeper().HashOfVersion(StateVersion(2)), orphan.hash);
  EXPECT_EQ(cluster.at(1).committed()->note, "a");
}

TEST(RingRegisterTest, RefusesToProposeForStrangersAndWhatIsNoStep) {
  RegisterCluster cluster(3);
  const auto wrong = [](const ClusterState& state) -> StatusOr<ClusterState> { return state; };
  const auto unwilling = [](const ClusterState&) -> StatusOr<ClusterState> {
    return NotFound("no bucket");
  };
  EXPECT_EQ(cluster.answers[cluster.Propose(1, wrong)].status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(cluster.answers[cluster.Propose(1, unwilling)].status.code(), StatusCode::kNotFound);
  cluster.Start(9, cluster.at(1).committed(), {});
  EXPECT_EQ(cluster.answers[cluster.Propose(9, Noting("a"))].status.code(),
            StatusCode::kFailedPrecondition);
}

TEST(RingRegisterTest, BoundsWhatWaits) {
  RegisterCluster cluster(1);
  cluster.HoldSaves(1);
  for (std::size_t i = 0; i <= RingRegister::kMaxWaiting; ++i) cluster.Propose(1, Noting("a"));
  const ProposalId id = cluster.Propose(1, Noting("a"));
  EXPECT_EQ(cluster.answers[id].status.code(), StatusCode::kResourceExhausted);
}

TEST(RingRegisterTest, SurvivesADiskThatFails) {
  RegisterCluster cluster(1);
  cluster.HoldSaves(1);
  const ProposalId id = cluster.Propose(1, Noting("a"));
  cluster.EndSave(1, Unavailable("full"));
  EXPECT_EQ(cluster.at(1).acceptor().state().slot, StateVersion(0));
  cluster.Wait(seconds(5));
  EXPECT_TRUE(cluster.answers[id].status.ok());
}

TEST(RingRegisterTest, FreezesWhenAnotherStateOfItsVersionExists) {
  RegisterCluster cluster(3);
  const SharedState first = cluster.at(1).committed();
  cluster.Propose(1, Noting("a"));
  cluster.Summary(2, 3, SummaryOf(NextOf(first, "forged")));
  EXPECT_EQ(cluster.alarms.size(), 1u);
  EXPECT_EQ(cluster.at(3).committed()->note, "a");
  EXPECT_EQ(cluster.answers[cluster.Propose(3, Noting("b"))].status.code(),
            StatusCode::kFailedPrecondition);
  EXPECT_TRUE(cluster.answers[cluster.Propose(1, Noting("c"))].status.ok());  // the others go on
  EXPECT_EQ(cluster.at(3).committed()->note, "a");
}

TEST(RingRegisterTest, HearsNothingFromAnotherCluster) {
  RegisterCluster cluster(1);
  ClusterState other = StateOf(1);
  other.cluster = RegisterUuid(1, 2);
  const SharedState next = NextOf(Share(other), "b");
  cluster.Say(2, 1, StateNotice{.header = HeaderAfter(next), .state = next});
  EXPECT_EQ(cluster.at(1).committed()->version, StateVersion(1));
  EXPECT_EQ(cluster.saves(1), 0u);
}

TEST(StateKeeperTest, KeepsAThousandVersions) {
  SharedState state = Share(StateOf(1));
  StateKeeper keeper(RegisterNode(1), state, WallTime{});
  for (int i = 0; i < 1100; ++i) keeper.Install(state = NextOf(state, "a"), WallTime{});
  EXPECT_EQ(keeper.history().size(), StateKeeper::kMaxHistory);
  EXPECT_EQ(keeper.HashOfVersion(StateVersion(1101)), state.hash);
  EXPECT_EQ(keeper.HashOfVersion(StateVersion(101)), std::nullopt);
}

}  // namespace
}  // namespace carillon
