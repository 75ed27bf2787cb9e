// Crashes small seeded workloads at every operation of the machine, in three manners, and asks the
// store after its recovery for everything it acknowledged.
//
// A failure prints a line such as `CARILLON_CRASH=3:41:keep_some`; with that in the environment
// only that case is run. CARILLON_CRASH_SEEDS=200 makes a longer run than the default.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/log.h"
#include "base/random.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/store_workload.h"

namespace carillon {
namespace {

constexpr std::uint64_t kDefaultSeeds = 6;
constexpr std::uint64_t kMaxOperations = 2000;  // of one workload

struct CrashCase {
  std::uint64_t seed = 0;
  std::uint64_t operation = 0;
  CrashManner manner = CrashManner::kKeepNothing;
};

std::string_view NameOf(CrashManner manner) {
  switch (manner) {
    case CrashManner::kKeepNothing:
      return "keep_nothing";
    case CrashManner::kKeepAll:
      return "keep_all";
    case CrashManner::kKeepSome:
      return "keep_some";
  }
  return "?";
}

std::string ReplayLine(const CrashCase& crash) {
  return fmt::format("CARILLON_CRASH={}:{}:{}", crash.seed, crash.operation, NameOf(crash.manner));
}

// The case that the environment asks for.
std::optional<CrashCase> AskedCase() {
  const char* asked = std::getenv("CARILLON_CRASH");
  if (asked == nullptr) return std::nullopt;
  CrashCase crash;
  char manner[32] = {};
  unsigned long seed = 0;
  unsigned long operation = 0;
  if (std::sscanf(asked, "%lu:%lu:%31s", &seed, &operation, manner) != 3) return std::nullopt;
  crash.seed = seed;
  crash.operation = operation;
  for (const CrashManner each :
       {CrashManner::kKeepNothing, CrashManner::kKeepAll, CrashManner::kKeepSome}) {
    if (NameOf(each) == manner) crash.manner = each;
  }
  return crash;
}

std::uint64_t AskedSeeds() {
  const char* asked = std::getenv("CARILLON_CRASH_SEEDS");
  return asked == nullptr ? kDefaultSeeds : std::strtoull(asked, nullptr, 10);
}

class StorageCrashTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    AskedCase() ? StartLogging({.level = LogLevel::kInfo}) : QuietLog();
  }

  // Odd seeds also use weak sync; every third drops partitions, which may come back; half of them
  // split the partitions.
  static WorkloadOptions OptionsFor(std::uint64_t seed) {
    return {.steps = 30,
            .drops = seed % 3 == 0,
            .weak_sync = seed % 2 == 1,
            .restarts = true,
            .splits = seed % 4 >= 2};
  }

  // How many operations the workload of `seed` makes when nothing stops it.
  static std::uint64_t CountOperations(std::uint64_t seed) {
    StoreMachine machine(seed);
    StoreModel model(2);
    Random random(seed);
    std::vector<std::string> violations;
    EXPECT_TRUE(machine.Open().ok());
    RunWorkload(OptionsFor(seed), /*faults=*/false, &random, &machine, &model, &violations);
    for (const std::string& violation : model.Check(*machine.store)) {
      violations.push_back(violation);
    }
    EXPECT_EQ(violations, std::vector<std::string>()) << "seed " << seed << " without a crash";
    return machine.files.operations();
  }

  static std::vector<std::string> CheckAfter(StoreMachine* machine, StoreModel* model,
                                             std::string_view when) {
    if (const Status opened = machine->Open(); !opened.ok()) {
      return {fmt::format("{}: open: {}", when, ToString(opened))};
    }
    std::vector<std::string> violations = model->Check(*machine->store);
    for (std::string& violation : violations) violation = fmt::format("{}: {}", when, violation);
    return violations;
  }

  static std::vector<std::string> RunCase(const CrashCase& crash) {
    StoreMachine machine(crash.seed);
    StoreModel model(2);
    Random random(crash.seed);
    std::vector<std::string> violations;
    machine.files.StopAfter(crash.operation);
    if (machine.Open().ok()) {
      RunWorkload(OptionsFor(crash.seed), /*faults=*/true, &random, &machine, &model, &violations);
    }
    Random chance(crash.seed * kMaxOperations + crash.operation);
    machine.store.reset();
    machine.files.Crash(crash.manner, &chance);
    // An index made anew, after holes were punched, knows from the log alone what is dead.
    if (crash.operation % 3 == 2) machine.indexes.Lose("/srv/data/index");
    if (crash.operation % 2 == 1) CrashInRecovery(crash.manner, &chance, &machine);
    const auto add = [&](const std::vector<std::string>& more) {
      violations.insert(violations.end(), more.begin(), more.end());
    };
    add(CheckAfter(&machine, &model, "after the crash"));
    if (!violations.empty()) return violations;
    // It must go on as if nothing had been, and survive the next crash too.
    RunWorkload({.steps = 6, .drops = false, .weak_sync = false}, /*faults=*/false, &chance,
                &machine, &model, &violations);
    machine.store.reset();
    machine.files.Crash(CrashManner::kKeepSome, &chance);
    add(CheckAfter(&machine, &model, "after the second crash"));
    if (violations.empty()) RetryAll(&machine, &model);
    add(CheckAfter(&machine, &model, "after all was sent again"));
    return violations;
  }

  // The writer sends everything again that it has no answer for; it is owed if acknowledged.
  static void RetryAll(StoreMachine* machine, StoreModel* model) {
    std::vector<WriteRequest> requests;
    for (const auto& [id, chunk] : model->chunks()) {
      if (chunk.owed || chunk.gone) continue;
      ChunkWrite& write = requests.emplace_back().chunk.emplace();
      write.placement = PlaceOnRing(id.first, ToString(id.second), 2);
      write.bucket = id.first;
      write.key = id.second;
      write.value = Rope(chunk.value);
      write.value_crc = model->InfoOf(id).value_crc;
      write.ttl_seconds = 86400;
    }
    const auto outcomes = machine->store->Write(0, requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_TRUE(outcomes[i].status.ok()) << ToString(outcomes[i].status);
      if (outcomes[i].status.ok()) model->AcknowledgeChunk(*requests[i].chunk);
    }
    machine->store.reset();
    machine->files.Crash(CrashManner::kKeepNothing, nullptr);
  }

  // A store in `directory`, which is new, with some writes, after a crash that keeps nothing.
  static std::vector<std::string> CrashIn(const std::string& directory) {
    StoreMachine machine(1);
    machine.directories = {directory};
    StoreModel model(2);
    Random random(1);
    std::vector<std::string> violations;
    EXPECT_TRUE(machine.Open().ok());
    RunWorkload({.steps = 5}, /*faults=*/false, &random, &machine, &model, &violations);
    machine.store.reset();
    machine.files.Crash(CrashManner::kKeepNothing, &random);
    return CheckAfter(&machine, &model, "after the crash");
  }

  static void CrashInRecovery(CrashManner manner, Random* chance, StoreMachine* machine) {
    machine->files.StopAfter(machine->files.operations() + chance->Below(16));
    (void)machine->Open();  // may get through or not: both are to be survived
    machine->store.reset();
    machine->files.Crash(manner, chance);
  }
};

TEST_F(StorageCrashTest, LosesNothingThatWasAcknowledgedHoweverItCrashes) {
  if (const auto asked = AskedCase()) {
    EXPECT_EQ(RunCase(*asked), std::vector<std::string>()) << ReplayLine(*asked);
    return;
  }
  std::uint64_t crashes = 0;
  std::uint64_t failures = 0;
  for (std::uint64_t seed = 1; seed <= AskedSeeds() && failures < 5; ++seed) {
    const std::uint64_t operations = CountOperations(seed);
    ASSERT_LT(operations, kMaxOperations);
    for (std::uint64_t k = 0; k <= operations && failures < 5; ++k) {
      for (const CrashManner manner :
           {CrashManner::kKeepNothing, CrashManner::kKeepAll, CrashManner::kKeepSome}) {
        const CrashCase crash{seed, k, manner};
        ++crashes;
        const auto violations = RunCase(crash);
        EXPECT_EQ(violations, std::vector<std::string>()) << ReplayLine(crash);
        failures += violations.empty() ? 0 : 1;
      }
    }
  }
  std::printf("%lu crashes\n", static_cast<unsigned long>(crashes));
  EXPECT_GE(crashes, 1000u);
}

TEST_F(StorageCrashTest, ANewDirectoryWithNewParentsSurvivesACrash) {
  EXPECT_EQ(CrashIn("/var/lib/carillon/data"), std::vector<std::string>());
}

TEST_F(StorageCrashTest, ANewDirectoryInTheRootSurvivesACrash) {
  EXPECT_EQ(CrashIn("/data"), std::vector<std::string>());
}

TEST_F(StorageCrashTest, TheSameCaseRunsTheSame) {
  const auto run = [] {
    StoreMachine machine(9);
    StoreModel model(2);
    Random random(9);
    std::vector<std::string> violations;
    EXPECT_TRUE(machine.Open().ok());
    RunWorkload({}, false, &random, &machine, &model, &violations);
    machine.store.reset();
    machine.files.Crash(CrashManner::kKeepSome, &random);
    std::vector<Bytes> contents;
    for (const std::string& path : machine.files.Files()) {
      contents.push_back(path + "=" + machine.files.Content(path));
    }
    return contents;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace carillon
