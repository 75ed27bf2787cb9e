#include "server/node/sync_pace.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono::milliseconds;

TEST(SyncPaceTest, AQuickSourceIsAskedAsOftenAsTheRateAllows) {
  EXPECT_EQ(PauseAfterBatch(1'000'000, milliseconds(5), 10'000'000), milliseconds(100));
}

TEST(SyncPaceTest, ASlowSourceIsLeftAloneForThreeTimesAsLongAsItTook) {
  EXPECT_EQ(PauseAfterBatch(1'000'000, milliseconds(50), 10'000'000), milliseconds(150));
}

TEST(SyncPaceTest, WithoutALimitThereIsNoRest) {
  EXPECT_EQ(PauseAfterBatch(1'000'000, milliseconds(50), 0), Duration::zero());
}

}  // namespace
}  // namespace carillon
