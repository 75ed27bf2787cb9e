#include <set>

#include "base/random.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

constexpr int kRequests = 70;
constexpr std::uint64_t kEnough = 20'000;  // operations: more than any run here makes

// What a client was told of its events.
struct History {
  std::set<std::string> acknowledged;
  std::set<std::string> refused;
};

std::string Padded(int number, std::size_t bytes) {
  Random random(static_cast<std::uint64_t>(number) + 1);
  std::string noise;
  while (noise.size() < bytes) noise += fmt::format("{:x}", random.Next());
  return fmt::format("{{\"n\":{},\"noise\":\"{}\"}}", number, noise);
}

// Requests of three tenants, for this second, the one before, and one that is long gone; enough to
// fill several segments of both logs. Time passes, so that seconds close and logs are trimmed.
void KeepAll(PipelineMachine* machine, int first, History* history) {
  int number = first * 1000;
  for (int i = 0; i < kRequests; ++i) {
    std::vector<std::string> events;
    for (int k = 0; k <= i % 5; ++k) events.push_back(Padded(++number, 300 + 100 * (i % 7)));
    const std::uint64_t age = std::array<std::uint64_t, 3>{0, 1, 40}[i % 3];
    const Status status =
        machine->Keep(fmt::format("tenant-{}", i % 3), events, machine->clock.wall_seconds() - age,
                      i % 2 == 0 ? "WEB" : "EMK");
    (status.ok() ? history->acknowledged : history->refused).insert(events.begin(), events.end());
    if (i % 8 == 7) machine->clock.Advance(2);
  }
}

// Until all is committed, or the machine has stopped.
void DrainUntilStopped(PipelineMachine* machine) {
  while (true) {
    const Status status = machine->pipeline->Drain(5ms);
    if (status.code() != StatusCode::kDeadlineExceeded || machine->files.stopped()) return;
    machine->clock.Advance(1);  // what is stale goes when nothing live came for a while
  }
}

void CheckStore(const PipelineMachine& machine, const History& history) {
  const std::map<std::string, int> events = machine.client.Events();
  for (const std::string& event : history.acknowledged) {
    const auto found = events.find(event);
    ASSERT_TRUE(found != events.end()) << "lost: " << event.substr(0, 20);
    ASSERT_EQ(found->second, 1) << "twice: " << event.substr(0, 20);
  }
  for (const auto& [event, count] : events) {
    ASSERT_EQ(count, 1) << event.substr(0, 20);
    const bool known = history.acknowledged.contains(event) || history.refused.contains(event);
    ASSERT_TRUE(known) << "invented: " << event.substr(0, 20);
  }
}

void Restart(PipelineMachine* machine, CrashManner manner, std::uint64_t seed) {
  machine->pipeline.reset();
  Random random(seed);
  machine->files.Crash(manner, &random);
}

// Like KeepAll, but each event has an id, and half of the requests have come before in part, in
// this life or in an earlier one.
void KeepRepeats(PipelineMachine* machine, int first, History* history) {
  int number = first * 20;
  for (int i = 0; i < kRequests; ++i) {
    std::vector<std::string> ids;
    for (int k = 0; k <= i % 5; ++k) {
      const int repeated = i % 2 == 0 ? 0 : 7 * (k + 1);
      const int id = ++number - repeated;
      ids.push_back(fmt::format("{}-{}", id, std::string(100 + id % 7 * 20, 'x')));
    }
    const Status status =
        machine->KeepIds(ids, "acme", machine->clock.wall_seconds() - (i % 3 == 2 ? 40 : 0));
    for (const std::string& id : ids) {
      (status.ok() ? history->acknowledged : history->refused)
          .insert(PipelineMachine::EventOfId(id));
    }
    if (i % 8 == 7) machine->clock.Advance(2);
  }
}

// Opens, works, drains. True: the machine has stopped in between.
bool RunOnce(PipelineMachine* machine, int first, History* history,
             void (*keep)(PipelineMachine*, int, History*) = KeepAll) {
  PipelineOptions options = machine->options();
  options.max_chunk_bytes = 6000;  // several of them a second
  options.claims.deadline = 1h;    // the clock jumps
  if (machine->OpenWith(options).ok()) {
    keep(machine, first, history);
    DrainUntilStopped(machine);
  }
  return machine->files.stopped();
}

class PipelineCrashTest : public ::testing::TestWithParam<CrashManner> {};

TEST_P(PipelineCrashTest, StoresWhatItHasAcknowledgedOnceWhereverItStops) {
  bool stopped = true;
  std::uint64_t at = 1;
  for (; stopped && at < kEnough; ++at) {
    PipelineMachine machine;
    History history;
    machine.files.StopAfter(at);
    stopped = RunOnce(&machine, 1, &history);
    Restart(&machine, GetParam(), at);
    ASSERT_TRUE(machine.Open().ok()) << at;
    EXPECT_EQ(machine.pipeline->stats().failure, OkStatus());
    DrainUntilStopped(&machine);
    CheckStore(machine, history);
    if (HasFatalFailure()) FAIL() << "stopped after operation " << at;
  }
  EXPECT_GT(at, 100u);
}

TEST_P(PipelineCrashTest, SurvivesACrashWhileItRecovers) {
  for (const std::uint64_t first : {110u, 230u}) {
    bool stopped = true;
    for (std::uint64_t at = 1; stopped && at < kEnough; at += 7) {
      PipelineMachine machine;
      History history;
      machine.files.StopAfter(first);
      RunOnce(&machine, 1, &history);
      Restart(&machine, GetParam(), at);
      machine.files.StopAfter(machine.files.operations() + at);
      stopped = RunOnce(&machine, 2, &history);
      Restart(&machine, GetParam(), at + 1);
      ASSERT_TRUE(machine.Open().ok()) << at;
      DrainUntilStopped(&machine);
      CheckStore(machine, history);
      if (HasFatalFailure()) FAIL() << "stopped after " << first << ", then after " << at;
    }
  }
}

TEST_P(PipelineCrashTest, StoresEachIdOnceWhereverItStops) {
  bool stopped = true;
  std::uint64_t at = 1;
  for (; stopped && at < kEnough; at += 2) {
    PipelineMachine machine;
    History history;
    machine.files.StopAfter(at);
    stopped = RunOnce(&machine, 1, &history, KeepRepeats);
    Restart(&machine, GetParam(), at);
    machine.files.StopAfter(kEnough);
    RunOnce(&machine, 2, &history, KeepRepeats);
    CheckStore(machine, history);
    EXPECT_EQ(machine.pipeline->stats().deduplicated.all.AllUnchecked(), 0u);
    EXPECT_GT(machine.pipeline->stats().deduplicated.all.duplicates, 20u);
    if (HasFailure()) FAIL() << "stopped after operation " << at;
  }
  EXPECT_GT(at, 100u);
}

TEST_P(PipelineCrashTest, StoresEachIdOnceAfterACrashWhileItRecovers) {
  for (const std::uint64_t first : {90u, 200u}) {
    bool stopped = true;
    for (std::uint64_t at = 1; stopped && at < kEnough; at += 7) {
      PipelineMachine machine;
      History history;
      machine.files.StopAfter(first);
      RunOnce(&machine, 1, &history, KeepRepeats);
      Restart(&machine, GetParam(), at);
      machine.files.StopAfter(machine.files.operations() + at);
      stopped = RunOnce(&machine, 2, &history, KeepRepeats);
      Restart(&machine, GetParam(), at + 1);
      machine.files.StopAfter(kEnough);
      RunOnce(&machine, 3, &history, KeepRepeats);
      CheckStore(machine, history);
      if (HasFailure()) FAIL() << "stopped after " << first << ", then after " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Manners, PipelineCrashTest,
                         ::testing::Values(CrashManner::kKeepNothing, CrashManner::kKeepAll,
                                           CrashManner::kKeepSome));

}  // namespace
}  // namespace carillon
