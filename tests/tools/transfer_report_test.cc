#include "tools/carillon/ring/transfer_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/ring_samples.h"

namespace carillon {
namespace {

using ::testing::HasSubstr;

TEST(TransferReportTest, DrawsBars) {
  EXPECT_EQ(FormatBar(0, 8), "[>       ]");
  EXPECT_EQ(FormatBar(0.5, 8), "[====>   ]");
  EXPECT_EQ(FormatBar(1, 8), "[========]");
}

TEST(TransferReportTest, EstimatesTheRestFromWhatIsDone) {
  EXPECT_EQ(SecondsLeft(0, 10, 5), std::nullopt);
  EXPECT_EQ(SecondsLeft(5, 10, 0), std::nullopt);
  EXPECT_EQ(SecondsLeft(2, 10, 5), 20);
  EXPECT_EQ(SecondsLeft(10, 10, 5), 0);
  EXPECT_EQ(SecondsLeft(11, 10, 5), 0);
}

TEST(TransferReportTest, ShowsWhatEveryMemberPulls) {
  ClusterState state = SampleState();
  state.placement[3].phase = Phase::kDual;
  state.placement[3].next = {0};
  MemberPulls n1{.name = "n1", .error = {}, .pulls = {}};
  n1.pulls = {{.partition = PartitionId(3),
               .source = SampleNode(2),
               .reason = "move",
               .hours = 8,
               .hours_done = 2,
               .chunks = 1200,
               .bytes = 5'000'000,
               .running = std::chrono::seconds(5)},
              {.partition = PartitionId(4), .source = SampleNode(3), .reason = "anti-entropy"}};
  n1.waiting = 3;
  const MemberPulls n2{.name = "n2", .error = {}, .pulls = {}, .waiting = 0, .foreign = 1};
  const MemberPulls n3{.name = "n3", .error = "away (UNAVAILABLE)", .pulls = {}};
  EXPECT_EQ(
      TransfersText(state, {n1, n2, n3}),
      "to  from  partition  why           done                      chunks   bytes      rate    "
      "left\n"
      "n1  n2            3  move          [====>           ] 2/8 h   1,200  5.0 MB  1.0 MB/s  "
      "15.0 s\n"
      "n1  n3            4  anti-entropy  comparing                      0     0 B     0 B/s       "
      "?\n"
      "3 more wait for a turn\n"
      "1 partition moves: 0 wait, 1 dual, 0 read-new\n"
      "n2 holds 1 partition for others\n"
      "n3 cannot be asked: away (UNAVAILABLE)\n");
  EXPECT_THAT(TransfersJson(state, {n1, n3}),
              HasSubstr(R"j({"name":"n3","error":"away (UNAVAILABLE)","waiting":0)j"));
}

TEST(TransferReportTest, SaysThatNothingMoves) {
  EXPECT_EQ(TransfersText(SampleState(), {}), "nothing is pulled now\n");
}

TEST(MoveProgressTest, CountsWhatHasArrivedAndGuessesTheRest) {
  MoveProgress progress(40);
  EXPECT_EQ(progress.Line(), "[>                       ]   0%  0 of 40 partitions");
  progress.Update(30, 10);
  EXPECT_EQ(progress.Line(),
            "[======>                 ]  25%  10 of 40 partitions  about 30.0 s left");
  progress.Update(0, 40);
  EXPECT_EQ(progress.Line(), "[========================] 100%  40 of 40 partitions");
}

TEST(MoveProgressTest, TakesMoreThanEverAsTheWhole) {
  MoveProgress progress(0);
  EXPECT_THAT(progress.Line(), HasSubstr("100%  0 of 0"));
  progress.Update(8, 1);
  EXPECT_THAT(progress.Line(), HasSubstr("0%  0 of 8"));
}

}  // namespace
}  // namespace carillon
