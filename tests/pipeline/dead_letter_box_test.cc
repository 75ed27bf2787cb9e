#include "collector/pipeline/dead_letter_box.h"

#include <array>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "crunch/chunk_codec.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kEnough = 10'000;  // operations: more than any call here makes

// A spool with three dead letters: two of acme's, of two events and of one, and one of globex's.
struct DeadMachine : PipelineMachine {
  DeadMachine() {
    client.BeforePut([this](const std::string& bucket, const ChunkKey&) {
      return bucket == "nowhere" && refusing ? NotFound("no bucket '{}'", bucket) : OkStatus();
    });
    CHECK(Open().ok());
    CHECK(Keep("acme", {Event(1), Event(2)}, kNow, "WEB", "nowhere").ok());
    CHECK(Keep("acme", {Event(3)}, kNow - 1, "WEB", "nowhere").ok());
    CHECK(Keep("globex", {Event(4)}, kNow, "WEB", "nowhere").ok());
    CHECK(Keep("acme", {Event(5)}).ok());
    DrainAll();
    pipeline.reset();
    refusing = false;
  }

  // Until all is committed, given up, or the machine has stopped.
  void DrainAll() {
    while (true) {
      const Status status = pipeline->Drain(5ms);
      if (status.code() != StatusCode::kDeadlineExceeded || files.stopped()) return;
      clock.Advance(1);
    }
  }
  void Send() {
    CHECK(Open().ok());
    DrainAll();
    pipeline.reset();
  }
  std::vector<std::pair<std::string, std::uint64_t>> Letters() {
    std::vector<std::pair<std::string, std::uint64_t>> letters;
    last = VisitDeadLetters(&files, "/spool", [&](const DeadChunk& dead) {
      letters.emplace_back(dead.chunk.tenant, dead.chunk.info.events);
      keys.insert(ToString(dead.chunk.info.key));
      return OkStatus();
    });
    return letters;
  }
  StatusOr<DeadLetterBox> Box() { return DeadLetterBox::Open(&files, &clock, "/spool"); }

  bool refusing = true;
  Status last;
  std::set<std::string> keys;
};

class DeadLetterBoxTest : public ::testing::Test, public DeadMachine {};

TEST_F(DeadLetterBoxTest, TellsWhatWasGivenUpAndWhyAlsoWhileACollectorRuns) {
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Letters(), UnorderedElementsAre(Pair("acme", 2), Pair("acme", 1), Pair("globex", 1)));
  std::string first;
  EXPECT_TRUE(VisitDeadLetters(&files, "/spool", [&](const DeadChunk& dead) {
                EXPECT_THAT(dead.reason, ::testing::HasSubstr("NOT_FOUND: no bucket 'nowhere'"));
                EXPECT_EQ(dead.chunk.bucket, "nowhere");
                first += DecodeChunkValue(dead.value).value();
                return OkStatus();
              }).ok());
  EXPECT_THAT(first, ::testing::HasSubstr(Event(1) + "\n" + Event(2) + "\n"));
}

TEST_F(DeadLetterBoxTest, SendsAgainWhatIsAskedForAndOnce) {
  const auto counts = Box()->Retry({.tenant = "acme"});
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->chunks, 2u);
  EXPECT_EQ(counts->events, 3u);
  EXPECT_THAT(Letters(), ElementsAre(Pair("globex", 1)));
  Send();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Pair(Event(1), 1), Pair(Event(2), 1),
                                                    Pair(Event(3), 1), Pair(Event(5), 1)));
  EXPECT_THAT(Letters(), ElementsAre(Pair("globex", 1)));
}

TEST_F(DeadLetterBoxTest, GivesUpAgainWhatIsRefusedStill) {
  refusing = true;
  ASSERT_TRUE(Box()->Retry({.all = true}).ok());
  EXPECT_THAT(Letters(), IsEmpty());
  Send();
  EXPECT_THAT(Letters(), UnorderedElementsAre(Pair("acme", 2), Pair("acme", 1), Pair("globex", 1)));
}

TEST_F(DeadLetterBoxTest, SendsAgainWhatIsOlderThanABacklogMayBe) {
  clock.Advance(30 * 24 * 3600);
  ASSERT_TRUE(Box()->Retry({.all = true}).ok());
  Send();
  EXPECT_EQ(client.Events().size(), 5u);
}

TEST_F(DeadLetterBoxTest, DropsByKeyAndGivesTheSpaceBack) {
  Letters();
  ASSERT_EQ(keys.size(), 3u);
  for (const std::string& key : keys) {
    const auto counts = Box()->Drop({.keys = {key}});
    ASSERT_TRUE(counts.ok());
    EXPECT_EQ(counts->chunks, 1u);
  }
  EXPECT_THAT(Letters(), IsEmpty());
  Send();
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(5), 1)));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(pipeline->stats().dead_letter_bytes, 0u);
}

TEST_F(DeadLetterBoxTest, ChangesNothingWithoutAChoiceASpoolOrTheLock) {
  EXPECT_THAT(Box()->Drop({.keys = {"1700000000:1:cell0:WEB::chunk9"}}).status(),
              HasCode(StatusCode::kNotFound));
  EXPECT_THAT(Box()->Retry({.tenant = "nobody"}).status(), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(Box()->Retry({}).status(), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(DeadLetterBox::Open(&files, &clock, "/elsewhere").status(),
              HasCode(StatusCode::kNotFound));
  EXPECT_THAT(VisitDeadLetters(&files, "/elsewhere", [](const DeadChunk&) { return OkStatus(); }),
              HasCode(StatusCode::kNotFound));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Box().status(), HasCode(StatusCode::kFailedPrecondition));
  EXPECT_EQ(Letters().size(), 3u);
}

TEST(DeadLetterBoxCrashTest, LosesNothingAndSendsNothingTwiceWhereverItStops) {
  constexpr std::array<CrashManner, 3> kManners = {CrashManner::kKeepNothing, CrashManner::kKeepAll,
                                                   CrashManner::kKeepSome};
  bool stopped = true;
  std::uint64_t at = 0;
  for (; stopped && at < kEnough; ++at) {
    DeadMachine machine;
    machine.files.StopAfter(machine.files.operations() + at);
    if (auto box = machine.Box(); box.ok()) (void)box->Retry({.tenant = "acme"});
    stopped = machine.files.stopped();
    Random random(at);
    machine.files.Crash(kManners[at % kManners.size()], &random);
    if (auto box = machine.Box(); box.ok()) (void)box->Retry({.tenant = "acme"});  // what is left
    machine.Send();
    EXPECT_THAT(machine.client.Events(), UnorderedElementsAre(Pair(Event(1), 1), Pair(Event(2), 1),
                                                              Pair(Event(3), 1), Pair(Event(5), 1)))
        << "stopped after operation " << at;
    const auto letters = machine.Letters();
    const std::set<std::pair<std::string, std::uint64_t>> left(letters.begin(), letters.end());
    EXPECT_THAT(left, ElementsAre(Pair("globex", 1))) << "stopped after operation " << at;
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(at, 5u);
}

}  // namespace
}  // namespace carillon
