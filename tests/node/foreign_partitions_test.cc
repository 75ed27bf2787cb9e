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
  void Look(std::vector<PartitionId> held) {
    Pass(Handoff::kIdlePause);
    for (const ListHeld& look : Take<ListHeld>()) {
      Step(HeldDone{.operation = look.operation, .status = OkStatus(), .partitions = held});
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
  Look({PartitionId(0), PartitionId(4)});
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(0), PartitionId(5)));
  Look({PartitionId(4)});
  EXPECT_THAT(Scanned(), ElementsAre(PartitionId(5)));
}

TEST(ForeignPartitionsLookTest, WhatIsTakenDuringALookStays) {
  ForeignPartitions foreign;
  foreign.Take(PartitionId(1));
  foreign.BeginLook();
  foreign.Take(PartitionId(2));
  EXPECT_THAT(foreign.With({}), ElementsAre(PartitionId(1), PartitionId(2)));
  foreign.EndLook({});
  EXPECT_THAT(foreign.With({}), ElementsAre(PartitionId(2)));
}

TEST(ForeignPartitionsLookTest, ALookThatFailsForgetsNothing) {
  ForeignPartitions foreign;
  foreign.Take(PartitionId(1));
  foreign.BeginLook();
  foreign.BeginLook();
  EXPECT_THAT(foreign.With({}), ElementsAre(PartitionId(1)));
}

}  // namespace
}  // namespace carillon
