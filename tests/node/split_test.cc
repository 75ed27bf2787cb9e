// A node whose ring gets more partitions: its store has them before it goes by them.
#include "ring/change_plan.h"
#include "ring/staging.h"
#include "tests/node/node_fixture.h"

namespace carillon {
namespace {

class SplitTest : public NodeFixture {
 protected:
  static constexpr char kKey[] = "1700000000:1:cell0:WEB:app:chunk0";

  void Change(std::uint64_t request,
              std::function<StatusOr<ClusterState>(const ClusterState&)> change) {
    Step(RingChangeInput{
        .request = RequestId(request), .expected = {}, .change = std::move(change)});
    EndSaves();
    EXPECT_TRUE(TakeOne<Answer>().status.ok());
  }
  // Commits a split: what is left is what the store is to do.
  void CommitSplit() {
    Change(101, [](const ClusterState& state) {
      return WithStaged(state, {.kind = StagedChange::Kind::kSplit});
    });
    Uuid plan;
    plan.bytes[0] = 5;
    Step(PlanInput{.request = RequestId(102), .id = plan, .save = true, .facts = {}});
    Step(MeasuredDone{
        .operation = TakeOne<MeasureHeld>().operation, .status = OkStatus(), .sizes = {}});
    EndSaves();
    EXPECT_TRUE(TakeOne<Answer>().status.ok());
    Change(103, [plan](const ClusterState& state) { return WithPlanCommitted(state, plan); });
  }
  ListSecondsInput List(std::uint64_t request) {
    ListSecondsInput input;
    input.request = RequestId(request);
    input.bucket = "events";
    input.range = {.first = Epoch(0), .limit = Epoch(kNow)};
    return input;
  }
};

TEST_F(SplitTest, TheStoreHasThePartitionsBeforeTheNodeGoesByThem) {
  CommitSplit();
  const auto renumber = TakeOne<RenumberStore>();
  EXPECT_EQ(renumber.partition_bits, 7u);
  EXPECT_EQ(node_.state().partition_bits, 6u);
  Step(RenumberDone{.operation = renumber.operation, .status = OkStatus()});
  EXPECT_EQ(node_.state().partition_bits, 7u);
  Step(Put(1, kKey, "value"));
  EXPECT_EQ(TakeOne<StoreChunk>().place.partition, PartitionOf(HashKey("events", kKey), 7));
}

TEST_F(SplitTest, AStoreThatCannotIsAskedAgainAndPeopleAreTold) {
  CommitSplit();
  Step(RenumberDone{.operation = TakeOne<RenumberStore>().operation,
                    .status = Unavailable("the disk is away")});
  EXPECT_EQ(Take<Alarm>().size(), 1u);
  EXPECT_EQ(node_.state().partition_bits, 6u);
  EXPECT_TRUE(Take<RenumberStore>().empty());
  ASSERT_TRUE(node_.Deadline().has_value());
  Advance(std::chrono::seconds(5));
  Step(TickInput{});
  const auto again = TakeOne<RenumberStore>();
  EXPECT_EQ(again.partition_bits, 7u);
  Step(RenumberDone{.operation = again.operation, .status = OkStatus()});
  EXPECT_EQ(node_.state().partition_bits, 7u);
}

TEST_F(SplitTest, AListThatMayHaveReadOtherPartitionsIsMadeAgain) {
  Step(List(1));
  CommitSplit();
  const auto renumber = TakeOne<RenumberStore>();
  const ScanSeconds before = Take<ScanSeconds>().back();  // each new state asks again
  EXPECT_EQ(before.partitions.size(), 64u);
  // The store may have split already: what it found is not believed.
  Step(ScanDone{.operation = before.operation, .status = OkStatus(), .seconds = {}});
  EXPECT_TRUE(Take<Answer>().empty());
  Step(RenumberDone{.operation = renumber.operation, .status = OkStatus()});
  const auto after = TakeOne<ScanSeconds>();
  EXPECT_EQ(after.partitions.size(), 128u);
  Step(ScanDone{.operation = after.operation, .status = OkStatus(), .seconds = {}});
  EXPECT_TRUE(TakeOne<Answer>().status.ok());
}

TEST_F(SplitTest, AListAskedForMeanwhileIsMadeAgainToo) {
  CommitSplit();
  const auto renumber = TakeOne<RenumberStore>();
  Step(List(1));
  const auto meanwhile = TakeOne<ScanSeconds>();
  EXPECT_EQ(meanwhile.partitions.size(), 64u);
  Step(RenumberDone{.operation = renumber.operation, .status = OkStatus()});
  Step(ScanDone{.operation = meanwhile.operation, .status = OkStatus(), .seconds = {}});
  EXPECT_TRUE(Take<Answer>().empty());
  const auto after = TakeOne<ScanSeconds>();
  EXPECT_EQ(after.partitions.size(), 128u);
  Step(ScanDone{.operation = after.operation, .status = OkStatus(), .seconds = {}});
  EXPECT_TRUE(TakeOne<Answer>().status.ok());
}

TEST_F(SplitTest, AWriteUnderWayIsMadeAgainUnderTheNewNumber) {
  Step(Put(1, kKey, "value"));
  CommitSplit();
  const StoreChunk before = Take<StoreChunk>().back();  // each new state asks again
  Step(RenumberDone{.operation = TakeOne<RenumberStore>().operation, .status = OkStatus()});
  const auto after = TakeOne<StoreChunk>();
  EXPECT_EQ(after.place.partition, PartitionOf(HashKey("events", kKey), 7));
  EXPECT_EQ(after.place.ring_position, before.place.ring_position);
  Step(WriteDone{.operation = after.operation, .status = OkStatus(), .already_stored = true});
  EXPECT_TRUE(TakeOne<Answer>().status.ok());
}

TEST_F(SplitTest, HeldPartitionsOfTheOldNumbersAreNotGivenAway) {
  Advance(std::chrono::seconds(20));
  Step(TickInput{});
  const auto held = TakeOne<ListHeld>();
  CommitSplit();
  Step(RenumberDone{.operation = TakeOne<RenumberStore>().operation, .status = OkStatus()});
  Step(HeldDone{.operation = held.operation, .status = OkStatus(), .partitions = {PartitionId(3)}});
  EXPECT_TRUE(node_.handoff().holds().empty());
  EXPECT_TRUE(Take<ListDigests>().empty());
  Advance(std::chrono::seconds(20));
  Step(TickInput{});
  EXPECT_EQ(Take<ListHeld>().size(), 1u);
}

TEST_F(SplitTest, ANewerStateIsInForceOnlyWhenTheStoreFollows) {
  CommitSplit();
  const auto renumber = TakeOne<RenumberStore>();
  Change(110, [](const ClusterState& state) { return WithPaused(state, true); });
  EXPECT_EQ(node_.state().partition_bits, 6u);
  EXPECT_FALSE(node_.state().paused);
  EXPECT_TRUE(Take<RenumberStore>().empty());
  Step(RenumberDone{.operation = renumber.operation, .status = OkStatus()});
  EXPECT_EQ(node_.state().partition_bits, 7u);
  EXPECT_TRUE(node_.state().paused);
}

}  // namespace
}  // namespace carillon
