#include "server/shell/state_file.h"

#include <gtest/gtest.h>

#include "ring/bucket_change.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

constexpr char kDirectory[] = "/srv/data";

class StateFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { QuietLog(); }

  StateFileTest() {
    EXPECT_TRUE(files_.MakeDirectory(kDirectory).ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
    EXPECT_TRUE(files_.SyncDirectory("/srv").ok());
  }

  // Version `version`: each has one bucket more than the one before.
  static ClusterState State(std::uint64_t version) {
    Uuid uuid;
    uuid.bytes[0] = 1;
    ClusterState state =
        FirstState(uuid, {.node = NodeId(uuid), .name = "a", .address = {}}, kMinPartitionBits);
    while (state.version.value() < version) {
      state = *WithNewBucket(state, fmt::format("b{}", state.version), {});
    }
    return state;
  }
  static std::string Slot(int slot) { return fmt::format("{}/cluster-state.{}", kDirectory, slot); }

  void SaveUpTo(std::uint64_t version) {
    for (std::uint64_t v = 1; v <= version; ++v) ASSERT_TRUE(file_.Save(State(v)).ok());
  }
  // The version a new start would find; 0: none.
  std::uint64_t LoadedVersion() {
    const auto loaded = StateFile(&files_, kDirectory).Load();
    EXPECT_TRUE(loaded.ok()) << ToString(loaded.status());
    return loaded.ok() && *loaded ? (*loaded)->version.value() : 0;
  }
  StatusCode LoadCode() { return StateFile(&files_, kDirectory).Load().status().code(); }

  SimulatedFileSystem files_;
  StateFile file_{&files_, kDirectory};
};

TEST_F(StateFileTest, FindsNothingWhereNothingWasSaved) {
  const auto loaded = file_.Load();
  ASSERT_TRUE(loaded.ok());
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(StateFileTest, LoadsJustWhatWasSaved) {
  SaveUpTo(3);
  EXPECT_EQ(**file_.Load(), State(3));
}

TEST_F(StateFileTest, WritesItsSlotsInTurn) {
  SaveUpTo(2);
  const Bytes even = files_.Content(Slot(0));
  ASSERT_TRUE(file_.Save(State(3)).ok());
  EXPECT_EQ(files_.Content(Slot(0)), even);
}

TEST_F(StateFileTest, LoadsTheNewestWhicheverSlotHoldsIt) {
  for (std::uint64_t version = 1; version <= 4; ++version) {
    ASSERT_TRUE(file_.Save(State(version)).ok());
    EXPECT_EQ(LoadedVersion(), version);
  }
}

TEST_F(StateFileTest, WhatWasSavedSurvivesACrash) {
  for (std::uint64_t version = 1; version <= 3; ++version) {
    ASSERT_TRUE(file_.Save(State(version)).ok());
    Random random(version);
    files_.Crash(CrashManner::kKeepNothing, &random);
    EXPECT_EQ(LoadedVersion(), version);
  }
}

TEST_F(StateFileTest, ACrashAtAnyOperationLeavesTheOldStateOrTheNew) {
  SaveUpTo(2);
  const std::uint64_t before = files_.operations();
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    for (std::uint64_t operations = 0; operations < 8; ++operations) {
      files_.StopAfter(files_.operations() + operations);
      const bool saved = file_.Save(State(3)).ok();
      Random random(seed);
      files_.Crash(CrashManner::kKeepSome, &random);
      const std::uint64_t version = LoadedVersion();
      EXPECT_TRUE(version == 3 || (version == 2 && !saved)) << operations << " operations";
      files_.Lose(Slot(1));  // back to version 2 alone
    }
  }
  EXPECT_GT(files_.operations(), before);
}

TEST_F(StateFileTest, FallsBackWhenTheNewestSlotIsDamagedAnywhere) {
  SaveUpTo(2);
  const std::uint64_t bits = 8 * files_.Content(Slot(0)).size();
  for (std::uint64_t bit = 0; bit < bits; bit += 5) {
    files_.FlipBit(Slot(0), bit);
    EXPECT_EQ(LoadedVersion(), 1u) << "bit " << bit;
    files_.FlipBit(Slot(0), bit);
  }
  EXPECT_EQ(LoadedVersion(), 2u);
}

TEST_F(StateFileTest, FallsBackWhenTheNewestSlotIsTornAnywhere) {
  SaveUpTo(2);
  for (std::uint64_t size = files_.Content(Slot(0)).size(); size-- > 0;) {
    files_.TruncateTo(Slot(0), size);
    EXPECT_EQ(LoadedVersion(), 1u) << size << " bytes left";
  }
}

TEST_F(StateFileTest, FallsBackWhenTheNewestSlotIsGone) {
  SaveUpTo(2);
  files_.Lose(Slot(0));
  EXPECT_EQ(LoadedVersion(), 1u);
}

TEST_F(StateFileTest, ReplacesADamagedSlotAndKeepsTheGoodOne) {
  SaveUpTo(2);
  files_.FlipBit(Slot(0), 100);
  const Bytes good = files_.Content(Slot(1));
  ASSERT_TRUE(file_.Save(State(2)).ok());
  EXPECT_EQ(files_.Content(Slot(1)), good);
  EXPECT_EQ(LoadedVersion(), 2u);
}

TEST_F(StateFileTest, TwoDamagedSlotsAreDataLoss) {
  SaveUpTo(2);
  files_.FlipBit(Slot(0), 100);
  files_.FlipBit(Slot(1), 100);
  EXPECT_EQ(LoadCode(), StatusCode::kDataLoss);
}

TEST_F(StateFileTest, OneSlotThatIsDamagedIsDataLossAndNotANewNode) {
  SaveUpTo(1);
  files_.TruncateTo(Slot(1), 0);
  EXPECT_EQ(LoadCode(), StatusCode::kDataLoss);
}

TEST_F(StateFileTest, AFailedSaveIsToldAndLeavesTheOldState) {
  SaveUpTo(2);
  for (const DiskCall call : {DiskCall::kCreate, DiskCall::kWrite, DiskCall::kSync}) {
    files_.FailCalls(call, 1);
    EXPECT_EQ(file_.Save(State(3)).code(), StatusCode::kUnavailable) << ToString(call);
    files_.ClearFaults();
    EXPECT_EQ(LoadedVersion(), 2u) << ToString(call);
  }
  EXPECT_TRUE(file_.Save(State(3)).ok());
  EXPECT_EQ(LoadedVersion(), 3u);
}

}  // namespace
}  // namespace carillon
