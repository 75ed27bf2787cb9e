#include "tools/carillon/ring/plan_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/ring_samples.h"

namespace carillon {
namespace {

using ::testing::HasSubstr;

// n3 takes partitions 0, 1, and 5 from n1; of 7 only the order changes.
PlannedChange SamplePlan() {
  PlannedChange planned;
  planned.id = "0b5f8a52";
  planned.members = SampleState().members;
  ChangePlan& plan = planned.plan;
  for (const std::uint16_t p : {0, 1, 5}) {
    plan.moves.push_back({.partition = PartitionId(p),
                          .from = {0, 1},
                          .to = {2, 1},
                          .gains = {2},
                          .loses = {0},
                          .bytes = 1000});
  }
  plan.moves.push_back({.partition = PartitionId(7), .from = {0, 1}, .to = {1, 0}});
  plan.members = {{.node = SampleNode(1),
                   .copies_before = 8,
                   .copies_after = 5,
                   .primaries_before = 8,
                   .primaries_after = 4,
                   .bytes_lost = 3000},
                  {.node = SampleNode(2),
                   .copies_before = 8,
                   .copies_after = 8,
                   .primaries_before = 0,
                   .primaries_after = 1},
                  {.node = SampleNode(3),
                   .copies_before = 0,
                   .copies_after = 3,
                   .primaries_before = 0,
                   .primaries_after = 3,
                   .bytes_gained = 3000,
                   .peak_bytes = 3000,
                   .free_bytes = 5000}};
  plan.bytes_known = true;
  plan.bytes_moved = 3000;
  plan.bytes_least = 3000;
  plan.seconds = 75;
  plan.risks = {"partition 5 has one source"};
  return planned;
}

TEST(PlanReportTest, WritesPartitionsAsRanges) {
  const auto format = [](std::initializer_list<int> list) {
    std::vector<PartitionId> partitions;
    for (const int p : list) partitions.emplace_back(static_cast<std::uint16_t>(p));
    return FormatPartitions(partitions);
  };
  EXPECT_EQ(format({}), "");
  EXPECT_EQ(format({4}), "4");
  EXPECT_EQ(format({0, 1, 2, 3, 7, 9, 10}), "0-3 7 9-10");
}

TEST(PlanReportTest, ShowsMembersMovesCostAndRisks) {
  EXPECT_EQ(PlanText(SamplePlan()),
            "member  partitions  primaries  gains  loses  bytes in  bytes out    peak    free\n"
            "n1          8 -> 5     8 -> 4      0      3       0 B     3.0 KB     0 B       ?\n"
            "n2               8     0 -> 1      0      0       0 B        0 B     0 B       ?\n"
            "n3          0 -> 3     0 -> 3      3      0    3.0 KB        0 B  3.0 KB  5.0 KB\n"
            "\n"
            "moves   bytes  what                             partitions\n"
            "    3  3.0 KB  n3 takes from n1                 0-1 5\n"
            "    1     0 B  order only: n2 n1 before: n1 n2  7\n"
            "\n"
            "4 partitions change, bytes 3.0 KB (the least possible: 3.0 KB), time 1 min 15 s\n"
            "risk: partition 5 has one source\n"
            "plan 0b5f8a52 is saved; carry it out with:\n"
            "  carillon ring commit 0b5f8a52\n");
}

TEST(PlanReportTest, DoesNotPretendToKnowBytesAndTime) {
  PlannedChange planned = SamplePlan();
  planned.id.clear();
  planned.plan.bytes_known = false;
  planned.plan.bytes_moved = planned.plan.bytes_least = planned.plan.seconds = 0;
  const std::string text = PlanText(planned);
  EXPECT_THAT(text, HasSubstr("bytes not known (the least possible: not known), time not known"));
  EXPECT_THAT(text, HasSubstr("    3      ?  n3 takes from n1"));
  EXPECT_THAT(text, HasSubstr("only a look: nothing is saved\n"));
}

TEST(PlanReportTest, KnowsThatThereIsNothingToPull) {
  PlannedChange planned = SamplePlan();
  planned.plan.bytes_moved = planned.plan.bytes_least = planned.plan.seconds = 0;
  EXPECT_THAT(PlanText(planned), HasSubstr("bytes 0 B (the least possible: 0 B), time none"));
}

TEST(PlanReportTest, SaysThatNothingMoves) {
  PlannedChange planned = SamplePlan();
  planned.plan.moves.clear();
  EXPECT_THAT(PlanText(planned), HasSubstr("\nno partition moves\n"));
}

TEST(PlanReportTest, ListsEveryMoveForPrograms) {
  const std::string json = PlanJson(SamplePlan());
  EXPECT_THAT(json, HasSubstr(R"({"plan":"0b5f8a52","version":0,"members":[{"name":"n1")"));
  EXPECT_THAT(json,
              HasSubstr(R"({"partition":0,"from":["n1","n2"],"to":["n3","n2"],"bytes":1000})"));
  EXPECT_THAT(json, HasSubstr(R"("peak_bytes":3000,"free_bytes":5000})"));
  EXPECT_THAT(json, HasSubstr(R"("bytes_known":true,"bytes_moved":3000)"));
  EXPECT_THAT(json, HasSubstr(R"("seconds":75,"risks":["partition 5 has one source"]})"));
}

}  // namespace
}  // namespace carillon
