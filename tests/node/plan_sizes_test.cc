// What members hold and have room for is asked before a plan is made.
#include "ring/staging.h"
#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

constexpr std::uint64_t kRoom = 1'000'000;

class PlanSizesTest : public ThreeNodesFixture {
 protected:
  PlanSizesTest() {
    ClusterState state = *WithStaged(State(), {.kind = StagedChange::Kind::kSplit});
    Start({.state = Share(std::move(state)), .acceptor = {}, .lives = {54, 55}});
    Step(PlanInput{.request = RequestId(7), .id = {}, .save = false, .facts = {}});
    asked_ = TakeAsked<MeasureStore>();
    own_ = Take<MeasureHeld>();
  }

  static SizesReply Holding(std::uint64_t bytes) {
    SizesReply sizes{.partitions = {}, .free_bytes = kRoom};
    for (std::uint16_t p = 0; p < 8; ++p) {
      sizes.partitions.push_back({.partition = PartitionId(p), .chunks = 1, .bytes = bytes});
    }
    return sizes;
  }
  void SayOwn(SizesReply sizes) {
    Step(MeasuredDone{
        .operation = own_.at(0).operation, .status = OkStatus(), .sizes = std::move(sizes)});
  }
  std::shared_ptr<const ChangePlan> Plan() {
    const auto answers = Take<Answer>();
    if (answers.size() != 1) return nullptr;
    EXPECT_TRUE(answers[0].status.ok()) << ToString(answers[0].status);
    const auto* ring = std::get_if<RingAnswer>(&answers[0].value);
    return ring == nullptr ? nullptr : ring->plan;
  }

  std::vector<AskPeer> asked_;
  std::vector<MeasureHeld> own_;
};

TEST_F(PlanSizesTest, AsksEveryMemberAndPlansWhenAllHaveAnswered) {
  ASSERT_EQ(asked_.size(), 2u);
  ASSERT_EQ(own_.size(), 1u);
  SayOwn(Holding(10));
  Reply(asked_[0], Holding(30));
  EXPECT_EQ(Plan(), nullptr);
  Reply(asked_[1], Holding(20));
  const auto plan = Plan();
  ASSERT_NE(plan, nullptr);
  EXPECT_TRUE(plan->bytes_known);
  EXPECT_EQ(plan->members[2].free_bytes, kRoom);
}

TEST_F(PlanSizesTest, WaitsForASilentMemberOnlySoLong) {
  SayOwn(Holding(10));
  Reply(asked_[0], Holding(10));
  Pass(PlanSizes::kGatherFor - std::chrono::milliseconds(100));
  EXPECT_EQ(Plan(), nullptr);
  Pass(std::chrono::milliseconds(200));
  const auto plan = Plan();
  ASSERT_NE(plan, nullptr);
  EXPECT_TRUE(plan->bytes_known);
  EXPECT_FALSE(plan->members[2].free_bytes);
}

TEST_F(PlanSizesTest, KnowsNothingWhenNobodyUnderstandsTheQuestion) {
  Step(MeasuredDone{.operation = own_.at(0).operation, .status = Unavailable("disk"), .sizes = {}});
  for (const AskPeer& asked : asked_) ReplyWith(asked, Unimplemented("kind 14"));
  const auto plan = Plan();
  ASSERT_NE(plan, nullptr);
  EXPECT_FALSE(plan->bytes_known);
}

TEST_F(PlanSizesTest, ASecondAnswerOfOneMemberChangesNothing) {
  Reply(asked_[0], Holding(10));
  Reply(asked_[0], Holding(10));
  Reply(asked_[0], Holding(10));
  EXPECT_EQ(Plan(), nullptr);
}

TEST_F(PlanSizesTest, AnswersAnotherNodeWithWhatItsStoreSays) {
  Step(PeerRequest{.request = RequestId(9), .sender = SenderOf(2), .message = MeasureStore{}});
  const auto measure = Take<MeasureHeld>();
  ASSERT_EQ(measure.size(), 1u);
  Step(MeasuredDone{.operation = measure[0].operation, .status = OkStatus(), .sizes = Holding(5)});
  const auto replies = Take<AnswerPeer>();
  ASSERT_EQ(replies.size(), 1u);
  const auto* sizes = std::get_if<SizesReply>(&replies[0].reply.value);
  ASSERT_NE(sizes, nullptr);
  EXPECT_EQ(sizes->free_bytes, kRoom);
  EXPECT_EQ(sizes->partitions, Holding(5).partitions);
}

// A ring of three; partition 0 is at all of them, partition 1 at the last only.
class AddSizesTest : public PlanSizesTest {
 protected:
  AddSizesTest() : state_(State()) { state_.placement[1].homes = {2}; }
  ClusterState state_;
  PlanFacts facts_;
};

TEST_F(AddSizesTest, OfAPartitionTheGreatestThatAHomeSaysCounts) {
  AddSizes(state_, {{NodeOf(1), Holding(10)}, {NodeOf(2), Holding(30)}, {NodeOf(3), {}}}, &facts_);
  EXPECT_EQ(facts_.partition_bytes[0], 30u);
  EXPECT_EQ(facts_.partition_bytes[1], 0u);  // its home has nothing of it
  EXPECT_TRUE(facts_.partitions_unknown.empty());
}

TEST_F(AddSizesTest, APartitionIsUnknownWhenNoneOfItsHomesSaidAnything) {
  AddSizes(state_, {{NodeOf(1), Holding(10)}}, &facts_);
  EXPECT_EQ(facts_.partition_bytes[0], 10u);
  EXPECT_EQ(facts_.partitions_unknown, std::vector{PartitionId(1)});
  EXPECT_EQ(facts_.free_bytes.size(), 1u);
}

TEST_F(AddSizesTest, NobodySaidAnything) {
  AddSizes(state_, {}, &facts_);
  EXPECT_TRUE(facts_.partition_bytes.empty());
}

}  // namespace
}  // namespace carillon
