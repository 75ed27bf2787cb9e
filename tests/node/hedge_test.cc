#include "server/node/candidates.h"
#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;

class HedgeTest : public ThreeNodesFixture {
 protected:
  HedgeTest() {
    Start();
    (void)Take<AskPeer>();
  }

  void List(bool allow_partial = false) {
    Step(ListSecondsInput{.request = RequestId(1),
                          .bucket = "events",
                          .range = {Epoch(kNow - 10), Epoch(kNow)},
                          .filter = {},
                          .allow_partial = allow_partial});
    for (const ScanSeconds& scan : Take<ScanSeconds>()) {  // its own store is quick
      Step(ScanDone{.operation = scan.operation, .status = OkStatus()});
    }
  }
  void Read() {
    Step(ReadRangeInput{.request = RequestId(1),
                        .bucket = "events",
                        .range = {Epoch(kNow - 10), Epoch(kNow)},
                        .filter = {}});
    for (const ScanSeconds& scan : Take<ScanSeconds>()) {
      Step(ScanDone{.operation = scan.operation, .status = OkStatus()});
    }
  }
  // Whoever is asked for manifests is away.
  void RefuseAllScans() {
    for (auto asked = TakeAsked<ReplicaScan>(); !asked.empty(); asked = TakeAsked<ReplicaScan>()) {
      for (const AskPeer& one : asked) ReplyWith(one, Unavailable("away"));
    }
  }
  static ChunkInfo Chunk() {
    return {.key = *ParseChunkKey(fmt::format("{}:1:c:WEB:app:chunk1", kNow - 5)),
            .events = 1,
            .raw_bytes = 10,
            .value_bytes = 5,
            .value_crc = 42};
  }
  // Its own store has not got the chunk; whom the node asks next.
  std::vector<AskPeer> Commit() {
    Step(CommitInput{
        .request = RequestId(1),
        .route = {},
        .commit = {.bucket = "events", .epoch = Epoch(kNow - 5), .dc = "1", .chunks = {Chunk()}}});
    for (const StatChunks& stat : Take<StatChunks>()) {
      Step(StatDone{.operation = stat.operation, .status = OkStatus(), .found = {std::nullopt}});
    }
    return TakeAsked<ReplicaStat>();
  }
};

TEST_F(HedgeTest, AListAsksOneMoreHomeWhenOneIsSlowAndTakesTheFirstAnswer) {
  List();
  const auto first = TakeAsked<ReplicaScan>();
  ASSERT_EQ(first.size(), 1u);  // n - w + 1 = 2, one of which is this node
  Pass(kHedgeAfter - milliseconds(1));
  EXPECT_TRUE(TakeAsked<ReplicaScan>().empty());
  Pass(milliseconds(1));
  const auto second = TakeAsked<ReplicaScan>();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].to, first[0].to);
  EXPECT_TRUE(Take<Answer>().empty());
  Reply(second[0], ScanReply{});
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].status.ok()) << ToString(answers[0].status);
  Reply(first[0], ScanReply{});  // late: changes nothing
  EXPECT_TRUE(Take<Answer>().empty());
}

TEST_F(HedgeTest, AListOfTooFewHomesIsUnavailable) {
  List();
  RefuseAllScans();
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].status.code(), StatusCode::kUnavailable);
}

TEST_F(HedgeTest, AListOfTooFewHomesIsPartialForWhomThatWillDo) {
  List(/*allow_partial=*/true);
  RefuseAllScans();
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].status.ok()) << ToString(answers[0].status);
  EXPECT_TRUE(std::get<SecondsAnswer>(answers[0].value).partial);
}

TEST_F(HedgeTest, AListAsksNobodyElseWhenAllAreQuick) {
  List();
  for (const AskPeer& asked : TakeAsked<ReplicaScan>()) Reply(asked, ScanReply{});
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_FALSE(std::get<SecondsAnswer>(answers[0].value).partial);
  Pass(2 * kHedgeAfter);
  EXPECT_TRUE(TakeAsked<ReplicaScan>().empty());
}

TEST_F(HedgeTest, AListWithoutEnoughHomesWaitsForThemAndAsksNoHomeTwice) {
  List();
  EXPECT_EQ(TakeAsked<ReplicaScan>().size(), 1u);
  Pass(milliseconds(1000));
  EXPECT_EQ(TakeAsked<ReplicaScan>().size(), 1u);  // the third home; there are no more
  EXPECT_TRUE(Take<Answer>().empty());
}

TEST_F(HedgeTest, ARangeReadsManifestsFromTheNextHomeToo) {
  Read();
  EXPECT_EQ(TakeAsked<ReplicaScan>().size(), 1u);
  Pass(kHedgeAfter);
  const auto second = TakeAsked<ReplicaScan>();
  ASSERT_EQ(second.size(), 1u);
  Reply(second[0], ScanReply{});
  EXPECT_EQ(Take<StreamEnd>().size(), 1u);
}

// Partition 0 moves from node 3 to this node, which it is read from; the others are this node's.
class ReadNewTest : public HedgeTest {
 protected:
  ReadNewTest() { StartWith(State()); }

  void StartWith(ClusterState state) {
    state.buckets.at("events").n_val = 1;
    state.buckets.at("events").w = 1;
    state.placement[0] = {.homes = {2, 1}, .next = {0, 1}, .ready = {}, .phase = Phase::kReadNew};
    Start({.state = Share(std::move(state)), .acceptor = {}, .lives = {54, 55}});
    effects_.clear();
  }
};

TEST_F(ReadNewTest, AListAsksEachNodeOnceAndForPartitionsInTheirOrder) {
  ClusterState state = State();
  state.placement[6].homes = {2, 1};
  StartWith(std::move(state));
  List();
  const auto asked = TakeAsked<ReplicaScan>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_THAT(std::get<ReplicaScan>(asked[0].message).partitions,
              testing::ElementsAre(PartitionId(0), PartitionId(6)));
}

TEST_F(ReadNewTest, AListAsksOfEachNodeForAboutItsShareOfAPage) {
  ClusterState state = State();
  for (std::size_t p = 4; p < 8; ++p) state.placement[p].homes = {2, 1};
  StartWith(std::move(state));
  List();
  const auto asked = TakeAsked<ReplicaScan>();
  ASSERT_EQ(asked.size(), 1u);
  const auto& scan = std::get<ReplicaScan>(asked[0].message);
  ASSERT_EQ(scan.partitions.size(), 5u);  // of 8
  EXPECT_GE(scan.max_chunks, kMaxListedChunks * 5 / 8);
  EXPECT_LE(scan.max_chunks, kMaxListedChunks * 7 / 8);
}

TEST_F(ReadNewTest, AListHasALineThatOnlyAFormerHomeHas) {
  List();
  const auto asked = TakeAsked<ReplicaScan>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].to, NodeOf(3));
  EXPECT_TRUE(Take<Answer>().empty());
  Reply(asked[0],
        ScanReply{.seconds = {{.epoch = Epoch(kNow - 5), .dc = "1", .chunks = {Chunk()}}}});
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  const auto& list = std::get<SecondsAnswer>(answers[0].value);
  EXPECT_EQ(list.seconds.size(), 1u);
  EXPECT_FALSE(list.partial);
}

TEST_F(ReadNewTest, AFormerHomeThatIsSlowIsWaitedForNoLongerThanForAHedge) {
  List();
  Pass(kHedgeAfter - milliseconds(1));
  EXPECT_TRUE(Take<Answer>().empty());
  Pass(milliseconds(1));
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].status.ok());
  EXPECT_FALSE(std::get<SecondsAnswer>(answers[0].value).partial);
}

TEST_F(ReadNewTest, ARangeGoesOnWithoutAFormerHomeThatIsSlow) {
  Read();
  EXPECT_TRUE(Take<StreamEnd>().empty());
  Pass(kHedgeAfter);
  EXPECT_EQ(Take<StreamEnd>().size(), 1u);
}

TEST_F(ReadNewTest, AListIsWholeWithoutAFormerHomeThatIsAway) {
  List();
  RefuseAllScans();
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].status.ok());
}

TEST_F(ReadNewTest, AFormerHomesAnswerIsNoNewHomes) {
  Step(ListSecondsInput{.request = RequestId(1),
                        .bucket = "events",
                        .range = {Epoch(kNow - 10), Epoch(kNow)},
                        .filter = {}});
  for (const AskPeer& asked : TakeAsked<ReplicaScan>()) Reply(asked, ScanReply{});
  EXPECT_TRUE(Take<Answer>().empty());  // its own store has not answered
}

TEST_F(HedgeTest, ACommitLooksForAChunkElsewhereWhenOneIsSlow) {
  const auto first = Commit();
  ASSERT_EQ(first.size(), 1u);
  Pass(kHedgeAfter);
  const auto second = TakeAsked<ReplicaStat>();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].to, first[0].to);
  Reply(second[0], StatReply{.found = {ChunkFound{.value_bytes = 5, .value_crc = 42}}});
  EXPECT_FALSE(Take<StoreCommit>().empty());  // checked: the manifest is being written
}

TEST_F(HedgeTest, ACommitIsNotRefusedBeforeEverybodyHasAnswered) {
  const auto first = Commit();
  Pass(kHedgeAfter);
  const auto second = TakeAsked<ReplicaStat>();
  ASSERT_EQ(second.size(), 1u);
  Reply(second[0], StatReply{.found = {std::nullopt}});
  EXPECT_TRUE(Take<Answer>().empty());
  Reply(first[0], StatReply{.found = {std::nullopt}});
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].status.code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace carillon
