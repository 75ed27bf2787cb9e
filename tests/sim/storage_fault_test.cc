// Fails every call of every kind, one at a time, under small seeded workloads: what was
// acknowledged stays, the store goes on, and after a failed fsync it never acknowledges again.
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "base/random.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/store_workload.h"

namespace carillon {
namespace {

struct FaultCase {
  std::uint64_t seed = 0;
  DiskCall call = DiskCall::kWrite;
  std::uint64_t nth = 1;
  StatusCode code = StatusCode::kUnavailable;
};

std::string Describe(const FaultCase& fault) {
  return fmt::format("seed {}: {} number {} says {}", fault.seed, ToString(fault.call), fault.nth,
                     CodeName(fault.code));
}

using Violations = std::vector<std::string>;

Status PutOne(StoreMachine* machine, StoreModel* model, std::uint64_t number) {
  std::vector<WriteRequest> requests(1);
  ChunkWrite& write = requests[0].chunk.emplace();
  write.bucket = "events";
  write.key = {
      .epoch = Epoch(1'700'000'000), .dc = "probe", .cell = "c", .type = "T", .number = number};
  write.value = Rope(Bytes("probe"));
  write.value_crc = Crc32c("probe");
  write.ttl_seconds = 86400;
  write.placement = PlaceOnRing(write.bucket, ToString(write.key), 2);
  model->TryChunk(write);
  const Status status = machine->store->Write(0, requests).front().status;
  if (status.ok()) model->AcknowledgeChunk(write);
  return status;
}

class StorageFaultTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { QuietLog(); }

  static WorkloadOptions OptionsFor(std::uint64_t seed) {
    return {.steps = 25, .drops = seed % 2 == 0, .weak_sync = false, .restarts = false};
  }

  static void Add(std::string_view when, const Violations& more, Violations* all) {
    for (const std::string& violation : more)
      all->push_back(fmt::format("{}: {}", when, violation));
  }

  // After one fault the store takes writes again; after a failed fsync it never does.
  static void CheckGoesOn(StoreMachine* machine, StoreModel* model, Violations* violations) {
    machine->files.ClearFaults();
    for (std::uint64_t i = 0; i < 3; ++i) {
      const Status status = PutOne(machine, model, i);
      if (machine->sync_failures == 0 && i > 0 && !status.ok()) {
        violations->push_back("a put after the fault: " + ToString(status));
      }
      if (machine->sync_failures > 0 && status.code() != StatusCode::kUnavailable) {
        violations->push_back("a put after a failed fsync: " + ToString(status));
      }
      machine->clock.Advance(1);
      machine->store->Maintain(0);
    }
    if (machine->sync_failures > 0 && !machine->store->stats().failed) {
      violations->push_back("stats do not tell of the failed fsync");
    }
  }

  // `reached`: whether the fault came.
  static Violations RunFault(const FaultCase& fault, bool* reached) {
    StoreMachine machine(fault.seed);
    StoreModel model(2);
    Random random(fault.seed);
    Violations violations;
    EXPECT_TRUE(machine.Open().ok());
    const std::uint64_t before = machine.files.calls(fault.call);
    machine.files.FailCalls(fault.call, fault.nth, fault.code);
    RunWorkload(OptionsFor(fault.seed), /*faults=*/true, &random, &machine, &model, &violations);
    *reached = machine.files.calls(fault.call) >= before + fault.nth;
    CheckGoesOn(&machine, &model, &violations);
    Add("at once", model.Check(*machine.store), &violations);
    machine.store.reset();
    machine.files.Crash(CrashManner::kKeepNothing, &random);
    if (const Status opened = machine.Open(); !opened.ok()) {
      violations.push_back("open after the fault: " + ToString(opened));
      return violations;
    }
    Add("after a restart", model.Check(*machine.store), &violations);
    return violations;
  }

  // The fault comes while a store that crashed is opened; the next try is without it.
  static Violations RunFaultInRecovery(const FaultCase& fault, bool* reached) {
    StoreMachine machine(fault.seed);
    StoreModel model(2);
    Random random(fault.seed);
    Violations violations;
    EXPECT_TRUE(machine.Open().ok());
    RunWorkload(OptionsFor(fault.seed), /*faults=*/false, &random, &machine, &model, &violations);
    machine.store.reset();
    machine.files.Crash(CrashManner::kKeepSome, &random);
    const std::uint64_t before = machine.files.calls(fault.call);
    machine.files.FailCalls(fault.call, fault.nth, fault.code);
    (void)machine.Open();  // may succeed or not
    *reached = machine.files.calls(fault.call) >= before + fault.nth;
    machine.files.ClearFaults();
    machine.store.reset();
    if (const Status opened = machine.Open(); !opened.ok()) {
      violations.push_back("open after the fault: " + ToString(opened));
      return violations;
    }
    Add("after the fault", model.Check(*machine.store), &violations);
    return violations;
  }

  template <typename Run>
  static void ForEveryCall(DiskCall call, StatusCode code, Run run) {
    std::uint64_t failures = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      bool reached = true;
      for (std::uint64_t nth = 1; reached && failures < 3; ++nth) {
        const FaultCase fault{seed, call, nth, code};
        const Violations violations = run(fault, &reached);
        EXPECT_EQ(violations, Violations()) << Describe(fault);
        failures += violations.empty() ? 0 : 1;
      }
    }
  }
};

TEST_F(StorageFaultTest, AFailedWriteIsNotAcknowledgedAndTheStoreGoesOn) {
  ForEveryCall(DiskCall::kWrite, StatusCode::kUnavailable, RunFault);
}

TEST_F(StorageFaultTest, AWriteWithoutSpaceIsNotAcknowledgedAndTheStoreGoesOn) {
  ForEveryCall(DiskCall::kWrite, StatusCode::kResourceExhausted, RunFault);
}

TEST_F(StorageFaultTest, AnAllocationWithoutSpaceIsNotAcknowledgedAndTheStoreGoesOn) {
  ForEveryCall(DiskCall::kAllocate, StatusCode::kResourceExhausted, RunFault);
}

TEST_F(StorageFaultTest, AFailedFsyncEndsAllAcknowledgement) {
  ForEveryCall(DiskCall::kSync, StatusCode::kUnavailable, RunFault);
}

TEST_F(StorageFaultTest, FailuresOfNamesAreSurvived) {
  for (const DiskCall call :
       {DiskCall::kCreate, DiskCall::kRename, DiskCall::kRemove, DiskCall::kSyncDirectory,
        DiskCall::kTruncate, DiskCall::kPunchHole, DiskCall::kOpenReadable}) {
    ForEveryCall(call, StatusCode::kUnavailable, RunFault);
  }
}

TEST_F(StorageFaultTest, AFailedIndexFlushIsSurvived) {
  ForEveryCall(DiskCall::kOther, StatusCode::kUnavailable, RunFault);
}

TEST_F(StorageFaultTest, RecoveryThatFailsCanBeTriedAgain) {
  for (const DiskCall call :
       {DiskCall::kRead, DiskCall::kWrite, DiskCall::kSync, DiskCall::kAllocate, DiskCall::kCreate,
        DiskCall::kRename, DiskCall::kRemove, DiskCall::kTruncate, DiskCall::kOpenReadable,
        DiskCall::kOpenWritable, DiskCall::kList, DiskCall::kSyncDirectory, DiskCall::kLock,
        DiskCall::kMakeDirectory, DiskCall::kOther}) {
    ForEveryCall(call, StatusCode::kUnavailable, RunFaultInRecovery);
  }
}

TEST_F(StorageFaultTest, AfterTwoFailedFsyncsInADayADiskIsReadOnly) {
  StoreMachine machine(1);
  StoreModel model(2);
  ASSERT_TRUE(machine.Open().ok());
  ASSERT_TRUE(PutOne(&machine, &model, 0).ok());
  for (std::uint64_t i = 1; i <= 2; ++i) {
    EXPECT_FALSE(machine.store->stats().failed);
    machine.files.FailCalls(DiskCall::kSync, 1);
    EXPECT_EQ(PutOne(&machine, &model, i).code(), StatusCode::kUnavailable);
    machine.store.reset();
    ASSERT_TRUE(machine.Open().ok());
  }
  EXPECT_TRUE(machine.store->stats().failed);
  EXPECT_EQ(PutOne(&machine, &model, 3).code(), StatusCode::kUnavailable);
  EXPECT_EQ(model.Check(*machine.store), Violations());
}

TEST_F(StorageFaultTest, ADiskThatIsReadOnlyIsOpenedThoughEverySyncAndWriteOfItsLogFails) {
  StoreMachine machine(1);
  StoreModel model(2);
  ASSERT_TRUE(machine.Open().ok());
  ASSERT_TRUE(PutOne(&machine, &model, 0).ok());
  for (std::uint64_t i = 1; i <= 2; ++i) {
    machine.files.FailCalls(DiskCall::kSync, 1);
    EXPECT_EQ(PutOne(&machine, &model, i).code(), StatusCode::kUnavailable);
    machine.store.reset();
    if (i < 2) {
      ASSERT_TRUE(machine.Open().ok());
    }
  }
  for (const DiskCall call : {DiskCall::kSync, DiskCall::kTruncate, DiskCall::kOpenWritable}) {
    machine.files.FailCalls(call, 1, StatusCode::kUnavailable, 1000);
    ASSERT_TRUE(machine.Open().ok()) << ToString(call);
    EXPECT_TRUE(machine.store->stats().failed);
    // Nor is it acknowledged that what may not have been kept is stored already.
    EXPECT_EQ(PutOne(&machine, &model, 0).code(), StatusCode::kUnavailable);
    EXPECT_EQ(model.Check(*machine.store), Violations());
    machine.store.reset();
    machine.files.ClearFaults();
  }
}

}  // namespace
}  // namespace carillon
