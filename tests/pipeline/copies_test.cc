#include <set>
#include <thread>

#include "base/random.h"
#include "collector/copies/restore_spool.h"
#include "tests/copies/store_link.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr int kRequests = 40;
constexpr std::uint64_t kEnough = 20'000;  // operations: more than any run here makes

struct History {
  std::set<std::string> acknowledged;
  std::set<std::string> refused;
};

// A collector whose spool is copied to another machine, and the store.
struct CopiedMachine : PipelineMachine {
  CopiedMachine() { EXPECT_TRUE(other.Open().ok()); }
  ~CopiedMachine() { pipeline.reset(); }

  PipelineOptions copied_options() {
    PipelineOptions with = options();
    with.max_chunk_bytes = 6000;
    with.claims.deadline = 1h;
    with.copies = CopierOptions{
        .name = "a", .peers = {PeerAt(&other)}, .limits = {.alone_after = alone_after}};
    return with;
  }

  // OK when the events are said to be on both disks. Time passes for who waits in vain.
  Status KeepOnBoth(const std::vector<std::string>& events, std::uint64_t epoch = kNow,
                    AckLevel level = AckLevel::kReplicated, std::uint64_t deduplicate = 0) {
    IntakeRequest request{.tenant = "acme",
                          .received_us = static_cast<std::int64_t>(kNow) * 1'000'000,
                          .deduplicate_seconds = deduplicate,
                          .ack = {.level = level, .timeout = 10s}};
    for (const std::string& event : events) {
      request.events.push_back({.bucket = "events",
                                .type = request.events.size() % 3 == 2 ? "ODD" : "WEB",
                                .time_us = static_cast<std::int64_t>(epoch) * 1'000'000,
                                .id = deduplicate == 0 ? std::string_view() : event,
                                .json = event});
    }
    auto answer = std::make_shared<std::promise<Status>>();
    auto future = answer->get_future();
    pipeline->Keep(request, [answer](const Status& status) { answer->set_value(status); });
    while (future.wait_for(10ms) != std::future_status::ready) clock.Advance(1);
    return future.get();
  }

  void KeepAll(int first, History* history, std::uint64_t deduplicate = 0) {
    int number = first * 1000;
    for (int i = 0; i < kRequests; ++i) {
      std::vector<std::string> events;
      for (int k = 0; k <= i % 5; ++k) {
        const int repeated = deduplicate == 0 || i % 2 == 0 ? 0 : 7 * (k + 1);
        events.push_back(Padded(++number - repeated));
      }
      const std::uint64_t age = std::array<std::uint64_t, 3>{0, 1, 40}[i % 3];
      const Status status =
          KeepOnBoth(events, clock.wall_seconds() - age, AckLevel::kReplicated, deduplicate);
      (status.ok() ? history->acknowledged : history->refused).insert(events.begin(), events.end());
      if (i % 8 == 7) clock.Advance(2);
      if (files.stopped()) return;
    }
  }
  static std::string Padded(int number) {
    Random random(static_cast<std::uint64_t>(number) + 1);
    std::string noise;
    while (noise.size() < 300 + static_cast<std::size_t>(number) % 400)
      noise += fmt::format("{:x}", random.Next());
    return fmt::format("{{\"n\":{},\"noise\":\"{}\"}}", number, noise);
  }

  void DrainUntilStopped() {
    while (true) {
      const Status status = pipeline->Drain(5ms);
      if (status.code() != StatusCode::kDeadlineExceeded || files.stopped()) return;
      clock.Advance(1);
    }
  }

  // Its disk is lost, and a new one filled from the copy.
  void LoseDisk() {
    pipeline.reset();
    Random random(1);
    files.Crash(CrashManner::kKeepNothing, &random);
    files.ClearFaults();
    if (files.Exists("/spool")) files.Lose("/spool");
    const auto restored = RestoreSpool(&files, "/spool", "a", {PeerAt(&other)});
    ASSERT_TRUE(restored.ok()) << ToString(restored.status());
  }

  void CheckStore(const History& history) {
    const std::map<std::string, int> events = client.Events();
    for (const std::string& event : history.acknowledged) {
      const auto found = events.find(event);
      ASSERT_TRUE(found != events.end()) << "lost: " << event.substr(0, 20);
    }
    for (const auto& [event, count] : events) {
      ASSERT_EQ(count, 1) << event.substr(0, 20);
      const bool known = history.acknowledged.contains(event) || history.refused.contains(event);
      ASSERT_TRUE(known) << "invented: " << event.substr(0, 20);
    }
  }

  CopyMachine other;
  Duration alone_after = 1h;  // nobody waits so long here
};

void AwaitState(CopiedMachine* machine, CopyState state) {
  while (machine->pipeline->stats().copies->state != state) std::this_thread::yield();
}
// A call to the other machine has failed since.
void AwaitFailure(CopiedMachine* machine) {
  while (machine->pipeline->stats().copies->failures == 0) std::this_thread::yield();
}

TEST(CopiesTest, AnAnswerSaysThatTheEventsAreOnTheOtherDisk) {
  CopiedMachine machine;
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  ASSERT_TRUE(machine.KeepOnBoth({Event(1)}).ok());
  machine.LoseDisk();
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  machine.DrainUntilStopped();
  EXPECT_EQ(machine.client.Events(), (std::map<std::string, int>{{Event(1), 1}}));
}

TEST(CopiesTest, WithoutACopyReplicatedIsRefusedAndLocalIsNot) {
  CopiedMachine machine;
  machine.alone_after = 5s;
  machine.other.away = true;
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  EXPECT_TRUE(machine.KeepOnBoth({Event(1)}, kNow, AckLevel::kLocal).ok());
  EXPECT_THAT(machine.KeepOnBoth({Event(2)}), HasCode(StatusCode::kUnavailable));
  AwaitState(&machine, CopyState::kAlone);
  // It is alone: nothing is kept any more that would be refused.
  const std::uint64_t before = machine.pipeline->stats().accepted.requests;
  EXPECT_THAT(machine.KeepOnBoth({Event(3)}), HasCode(StatusCode::kUnavailable));
  EXPECT_EQ(machine.pipeline->stats().accepted.requests, before);
  machine.other.away = false;
  while (machine.pipeline->stats().copies->state != CopyState::kInStep) {
    machine.clock.Advance(1);
    std::this_thread::yield();
  }
  EXPECT_TRUE(machine.KeepOnBoth({Event(4)}).ok());
  machine.DrainUntilStopped();
  EXPECT_EQ(machine.client.Events(),
            (std::map<std::string, int>{{Event(1), 1}, {Event(2), 1}, {Event(4), 1}}));
}

TEST(CopiesTest, NothingIsSentToTheStoreThatTheCopyDoesNotHave) {
  CopiedMachine machine;
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  ASSERT_TRUE(machine.KeepOnBoth({Event(1)}).ok());
  machine.other.away = true;
  ASSERT_TRUE(machine.KeepOnBoth({Event(2)}, kNow, AckLevel::kLocal).ok());
  AwaitFailure(&machine);
  for (int i = 0; i < 20; ++i) {
    machine.clock.Advance(1);
    EXPECT_THAT(machine.pipeline->Drain(1ms), HasCode(StatusCode::kDeadlineExceeded));
  }
  EXPECT_FALSE(machine.client.Events().contains(Event(2)));
  machine.other.away = false;
  machine.DrainUntilStopped();
  EXPECT_EQ(machine.client.Events(), (std::map<std::string, int>{{Event(1), 1}, {Event(2), 1}}));
}

TEST(CopiesTest, AnEventWhoseIdWasClaimedForALostOneIsStoredAllTheSame) {
  CopiedMachine machine;
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  ASSERT_TRUE(machine.KeepOnBoth({Event(1)}).ok());
  machine.other.away = true;
  ASSERT_TRUE(machine.KeepOnBoth({Event(2)}, kNow, AckLevel::kLocal, 3600).ok());
  // Its group ends: were it not for the copy, its id would be claimed now.
  EXPECT_THAT(machine.pipeline->Drain(200ms), HasCode(StatusCode::kDeadlineExceeded));
  machine.pipeline.reset();
  machine.other.away = false;
  machine.LoseDisk();
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  ASSERT_TRUE(machine.KeepOnBoth({Event(2)}, kNow, AckLevel::kReplicated, 3600).ok());
  machine.DrainUntilStopped();
  EXPECT_EQ(machine.client.Events(), (std::map<std::string, int>{{Event(1), 1}, {Event(2), 1}}));
}

TEST(CopiesTest, AnswersThatAreLostChangeNothing) {
  CopiedMachine machine;
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  ASSERT_TRUE(machine.KeepOnBoth({Event(1)}).ok());
  machine.other.loses_answers = true;
  ASSERT_TRUE(machine.KeepOnBoth({Event(2)}, kNow, AckLevel::kLocal).ok());
  AwaitFailure(&machine);
  machine.other.loses_answers = false;
  machine.clock.Advance(1);
  EXPECT_TRUE(machine.KeepOnBoth({Event(3)}).ok());
  EXPECT_EQ(machine.pipeline->stats().copies->copies, 1u);
  machine.LoseDisk();
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  machine.DrainUntilStopped();
  EXPECT_EQ(machine.client.Events().size(), 3u);
}

TEST(CopiesTest, ARestorationWaitsForAllPeers) {
  CopiedMachine machine;
  ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok());
  ASSERT_TRUE(machine.KeepOnBoth({Event(1)}).ok());
  machine.pipeline.reset();
  machine.files.Lose("/spool");
  CopyMachine third;
  ASSERT_TRUE(third.Open().ok());
  const std::vector<CopyPeer> peers = {PeerAt(&third), PeerAt(&machine.other)};
  machine.other.away = true;
  EXPECT_THAT(RestoreSpool(&machine.files, "/spool", "a", peers).status(),
              HasCode(StatusCode::kUnavailable));
  EXPECT_TRUE(IsSpoolEmpty(&machine.files, "/spool"));
  machine.other.away = false;
  const auto restored = RestoreSpool(&machine.files, "/spool", "a", peers);
  ASSERT_TRUE(restored.ok());
  EXPECT_TRUE(restored->restored);
  EXPECT_FALSE(IsSpoolEmpty(&machine.files, "/spool"));
}

class CopiesCrashTest : public ::testing::TestWithParam<std::uint64_t> {};

// The machine stops at any operation of its disk and the disk is lost.
TEST_P(CopiesCrashTest, StoresWhatItHasAcknowledgedOnceWhereverItsDiskIsLost) {
  bool stopped = true;
  std::uint64_t at = 1;
  for (; stopped && at < kEnough; at += 3) {
    CopiedMachine machine;
    History history;
    machine.files.StopAfter(at);
    if (machine.OpenWith(machine.copied_options()).ok()) {
      machine.KeepAll(1, &history, GetParam());
      machine.DrainUntilStopped();
    }
    stopped = machine.files.stopped();
    machine.LoseDisk();
    ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok()) << at;
    machine.KeepAll(2, &history, GetParam());
    machine.DrainUntilStopped();
    machine.CheckStore(history);
    if (testing::Test::HasFatalFailure()) FAIL() << "stopped after operation " << at;
  }
  EXPECT_GT(at, 100u);
}

// The other machine stops at any operation of its disk, comes back, and then the first one's is
// lost.
TEST_P(CopiesCrashTest, StoresWhatItHasAcknowledgedWhereverTheOtherStops) {
  bool stopped = true;
  std::uint64_t at = 20;
  const std::uint64_t step = GetParam() == 0 ? 5 : 23;  // groups of claims take their time
  for (; stopped && at < kEnough; at += step) {
    CopiedMachine machine;
    History history;
    ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok()) << at;
    machine.other.files.StopAfter(at);
    stopped = false;
    for (int round = 1; round <= 2; ++round) {
      int number = round * 1000;
      for (int i = 0; i < 15; ++i) {
        const std::string event = CopiedMachine::Padded(++number);
        if (machine.other.files.stopped()) {
          stopped = true;
          machine.other.Crash(CrashManner::kKeepSome, at);
          ASSERT_TRUE(machine.other.Open().ok()) << at;
        }
        const Status status = machine.KeepOnBoth({event}, machine.clock.wall_seconds(),
                                                 AckLevel::kReplicated, GetParam());
        (status.ok() ? history.acknowledged : history.refused).insert(event);
      }
      machine.clock.Advance(3);
    }
    machine.pipeline.reset();
    if (machine.other.files.stopped()) {
      // A disk that has failed does not look like one without a copy.
      SimulatedFileSystem fresh;
      EXPECT_FALSE(RestoreSpool(&fresh, "/spool", "a", {PeerAt(&machine.other)}).ok());
      machine.other.Crash(CrashManner::kKeepSome, at);
      ASSERT_TRUE(machine.other.Open().ok()) << at;
    }
    machine.LoseDisk();
    ASSERT_TRUE(machine.OpenWith(machine.copied_options()).ok()) << at;
    machine.DrainUntilStopped();
    machine.CheckStore(history);
    if (testing::Test::HasFatalFailure()) FAIL() << "stopped after operation " << at;
  }
  EXPECT_GT(at, 50u);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutIds, CopiesCrashTest, ::testing::Values(0u, 3600u));

}  // namespace
}  // namespace carillon
