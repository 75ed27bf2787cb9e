#include "server/node/foreign_partitions.h"

#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using testing::ElementsAre;

// This node is home of every partition but the first.
class ForeignPartitionsTest : public ThreeNodesFixture {
 protected:
  ForeignPartitionsTest() {
    ClusterState state = State();
    state.placement[0].homes = {1, 2};
    Start({.state = Share(std::move(state)), .acceptor = {}, .lives = {54, 55}});
    effects_.clear();
  }

  // Another node asks this one to store a line of partition `partition`.
  void TakeLine(std::uint16_t partition) {
    const ChunkInfo chunk{.key = *ParseChunkKey(fmt::format("{}:1:c:WEB::chunk1", kNow)),
                          .events = 1,
                          .raw_bytes = 10,
                          .value_bytes = 5,
                          .value_crc = 42};
    Step(PeerRequest{
        .request = RequestId(++request_),
        .sender = SenderOf(2),
        .message = ReplicaCommit{
            .place = {.partition = PartitionId(partition)},
            .commit = {.bucket = "events", .epoch = Epoch(kNow), .dc = "1", .chunks = {chunk}}}});
  }
  // Which partitions it looks at when it is asked for the fifth.
  std::vector<PartitionId> Scanned() {
    (void)Take<ScanSeconds>();
    Step(PeerRequest{.request = RequestId(++request_),
                     .sender = SenderOf(2),
                     .message = ReplicaScan{.bucket = "events",
                                            .partitions = {PartitionId(5)},
                                            .range = {Epoch(kNow), Epoch(kNow + 1)}}});
    const auto scans = Take<ScanSeconds>();
    return scans.size() == 1 ? scans[0].partitions : std::vector<PartitionId>();
  }
  // The node looks what its store holds, and finds these.
  void Look(const StatusOr<std::vector<PartitionId>>& held) {
    Pass(Handoff::kIdlePause);
    for (const ListHeld& look : Take<ListHeld>()) {
      Step(HeldDone{.operation = look.operation,
                    .status = held.status(),
                    .partitions = held.value_or(std::vector<PartitionId>())});
    }
    for (const ListDigests& digests : Take<ListDigests>()) {  // nothing is given away this time
      Step(DigestsDone{.operation = digests.operation, .status = Unavailable("later")});
    }
  }

 private:
  std::uint64_t request_ = 900;
};

TEST_F(ForeignPartitionsTest, AScanShowsWhatWasTakenAsAFallback) {
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(5)));
  TakeLine(0);
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(0), PartitionId(5)));
}

TEST_F(ForeignPartitionsTest, AScanShowsNoMoreThanWasAskedForWhenAHomeTakesALine) {
  TakeLine(4);
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(5)));
}

TEST_F(ForeignPartitionsTest, WhatTheStoreHoldsForOthersIsShownUntilItHasGone) {
  Look(std::vector{PartitionId(0), PartitionId(4)});
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(0), PartitionId(5)));
  Look(std::vector{PartitionId(4)});
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(5)));
}

TEST_F(ForeignPartitionsTest, ALineWhoseWriteALookDidNotSeeIsShownOnceItIsStored) {
  TakeLine(0);
  const auto store = Take<StoreCommit>();
  ASSERT_EQ(store.size(), 1u);
  Look(std::vector<PartitionId>());  // before it is in the index
  Step(WriteDone{.operation = store[0].operation, .status = OkStatus()});
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(0), PartitionId(5)));
}

TEST_F(ForeignPartitionsTest, ADiskThatCannotBeReadIsNotOneThatHoldsNothing) {
  Look(std::vector{PartitionId(0)});
  Look(Unavailable("a disk"));
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(0), PartitionId(5)));
}

class LookTest : public testing::Test {
 protected:
  void EndLook(const std::set<PartitionId>& held) {
    foreign_.EndLook(
        held, now_, [&](PartitionId partition) { return homes_.contains(partition); },
        [&](PartitionId) { return whole_; });
  }
  ForeignPartitions foreign_;
  std::set<PartitionId> homes_;
  bool whole_ = true;
  Instant now_ = Instant(std::chrono::seconds(5));
};

TEST_F(LookTest, WhatIsTakenDuringALookStays) {
  foreign_.Take(PartitionId(1));
  foreign_.BeginLook();
  foreign_.Take(PartitionId(2));
  EXPECT_THAT(foreign_.With({}), ElementsAre(PartitionId(1), PartitionId(2)));
  EndLook({});
  EXPECT_THAT(foreign_.With({}), ElementsAre(PartitionId(2)));
}

TEST_F(LookTest, ALookThatFailsForgetsNothing) {
  foreign_.Take(PartitionId(1));
  foreign_.BeginLook();
  foreign_.BeginLook();
  EXPECT_THAT(foreign_.With({}), ElementsAre(PartitionId(1)));
}

TEST_F(LookTest, WhatAHomeTookForABucketOfFewerHomesCountsUntilTheOthersWereThereForAWhile) {
  homes_ = {PartitionId(1)};
  whole_ = false;
  foreign_.Take(PartitionId(1));
  const auto shown_after = [&](Duration passed) {
    now_ += passed;
    foreign_.BeginLook();
    EndLook({});
    return !foreign_.With({}).empty();
  };
  EXPECT_TRUE(shown_after(Duration(0)));
  EXPECT_TRUE(shown_after(2 * ForeignPartitions::kLentFor));
  whole_ = true;
  EXPECT_TRUE(shown_after(ForeignPartitions::kLentFor / 2));
  EXPECT_FALSE(shown_after(ForeignPartitions::kLentFor / 2));
}

TEST_F(LookTest, WhatAHomeTookIsForeignWhenItIsAHomeNoMore) {
  homes_ = {PartitionId(1)};
  foreign_.Take(PartitionId(1));
  foreign_.BeginLook();
  EndLook({});
  homes_.clear();
  foreign_.BeginLook();
  EndLook({});
  EXPECT_TRUE(foreign_.With({}).empty());  // unless it is found
}

}  // namespace
}  // namespace carillon
