#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using std::chrono::seconds;

// Writer 1 went away long ago; whoever heard it has a clock that is ahead. Writer 2 has sealed
// more.
class WriterLifeTest : public ThreeNodesFixture {
 protected:
  static constexpr std::uint64_t kAhead = kNow + 1000;
  static constexpr Seal kGone{.writer = 1, .epoch = Epoch(kNow - 9)};
  static constexpr Seal kLast{.writer = 2, .epoch = Epoch(kNow - 2)};

  // Lists a second between the two seals; the others say `seals` with it. Whether it is complete.
  bool IsCompleteBetween(const std::vector<HeardSealLine>& seals) {
    effects_.clear();
    Step(ListSecondsInput{.request = RequestId(1),
                          .bucket = "events",
                          .range = {Epoch(kNow - 5), Epoch(kNow - 4)},
                          .filter = {}});
    Second second;
    second.epoch = Epoch(kNow - 5);
    second.dc = "1";
    second.chunks.push_back(
        {.key = {.epoch = second.epoch, .dc = "1", .cell = "c", .type = "t", .subtype = "s"}});
    for (const ScanSeconds& scan : Take<ScanSeconds>()) {
      Step(ScanDone{.operation = scan.operation, .status = OkStatus(), .seconds = {second}});
    }
    for (const AskPeer& asked : TakeAsked<ReplicaScan>()) {
      Reply(asked, ScanReply{.seconds = {second}, .next_from = {}, .seals = seals});
    }
    for (const Answer& answer : Take<Answer>()) {
      const auto& found = std::get<SecondsAnswer>(answer.value).seconds;
      return found.size() == 1 && found[0].complete;
    }
    ADD_FAILURE() << "no answer";
    return false;
  }
};

TEST_F(WriterLifeTest, IsNoLongerWhenTheClockWasAheadInAnEarlierLifeOfTheNode) {
  Start(std::vector<HeardSeal>{{.bucket = "events", .dc = "1", .seal = kGone, .heard_at = kAhead},
                               {.bucket = "events", .dc = "1", .seal = kLast, .heard_at = kNow}});
  EXPECT_FALSE(IsCompleteBetween({}));
  GoTo(time_.now + seconds(Watermarks::kWriterLifeSeconds + 1));
  EXPECT_TRUE(IsCompleteBetween({}));
}

TEST_F(WriterLifeTest, IsNoLongerWhenTheClockOfAnotherHomeIsAhead) {
  Start();
  EXPECT_FALSE(IsCompleteBetween({{.dc = "1", .seal = kGone, .heard_at = kAhead},
                                  {.dc = "1", .seal = kLast, .heard_at = kNow}}));
  GoTo(time_.now + seconds(Watermarks::kWriterLifeSeconds + 1));
  EXPECT_TRUE(IsCompleteBetween({}));
}

}  // namespace
}  // namespace carillon
