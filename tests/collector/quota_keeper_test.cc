#include "collector/quota_keeper.h"

#include <gtest/gtest.h>

#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

using namespace std::chrono_literals;

class QuotaKeeperTest : public testing::Test {
 protected:
  QuotaKeeperTest() {
    QuietLog();
    EXPECT_TRUE(files_.MakeDirectory("/spool").ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
  }
  static DayUses Uses(std::uint64_t bytes) {
    return {{"acme", {.day = 20'000, .use = {.requests = 1, .bytes = bytes}}}};
  }
  std::uint64_t BytesKept() {
    const DayUses uses = QuotaKeeper(&files_, "/spool").Load();
    return uses.empty() ? 0 : uses.at("acme").use.bytes;
  }
  Random random_{1};
  SimulatedFileSystem files_;
  QuotaKeeper keeper_{&files_, "/spool"};
  Instant now_{1000s};
};

TEST_F(QuotaKeeperTest, KeepsWhatWasUsedFromOneProcessToTheNext) {
  EXPECT_EQ(BytesKept(), 0);
  ASSERT_TRUE(keeper_.Save(Uses(7), now_).ok());
  files_.Crash(CrashManner::kKeepNothing, &random_);
  EXPECT_EQ(BytesKept(), 7);
}

TEST_F(QuotaKeeperTest, IsDueEveryFewSeconds) {
  EXPECT_TRUE(keeper_.IsDue(now_));
  ASSERT_TRUE(keeper_.Save(Uses(7), now_).ok());
  EXPECT_FALSE(keeper_.IsDue(now_ + QuotaKeeper::kInterval - 1ns));
  EXPECT_TRUE(keeper_.IsDue(now_ + QuotaKeeper::kInterval));
}

TEST_F(QuotaKeeperTest, LeavesTheDiskAloneWhenNothingWasUsed) {
  ASSERT_TRUE(keeper_.Save({}, now_).ok());
  EXPECT_FALSE(files_.Exists("/spool/QUOTAS"));
  ASSERT_TRUE(keeper_.Save(Uses(7), now_).ok());
  const std::uint64_t operations = files_.operations();
  ASSERT_TRUE(keeper_.Save(Uses(7), now_).ok());
  EXPECT_EQ(files_.operations(), operations);
}

TEST_F(QuotaKeeperTest, BeginsAnewWithWhatIsDamaged) {
  ASSERT_TRUE(ReplaceFile(&files_, "/spool", "QUOTAS", "rubbish").ok());
  EXPECT_EQ(BytesKept(), 0);
}

TEST_F(QuotaKeeperTest, SaysWhenTheDiskDoesNotTakeItAndTriesAgain) {
  files_.StopAfter(files_.operations());
  EXPECT_FALSE(keeper_.Save(Uses(7), now_).ok());
  files_.Crash(CrashManner::kKeepNothing, &random_);
  EXPECT_TRUE(keeper_.Save(Uses(7), now_).ok());
  EXPECT_EQ(BytesKept(), 7);
}

}  // namespace
}  // namespace carillon
