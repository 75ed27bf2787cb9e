#include "server/shell/ring_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr char kDirectory[] = "/srv/data";

class RingFilesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { QuietLog(); }

  RingFilesTest() {
    EXPECT_TRUE(files_.MakeDirectory(kDirectory).ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
    EXPECT_TRUE(files_.SyncDirectory("/srv").ok());
    const Uuid uuid{.bytes = {1}};
    EXPECT_TRUE(
        ring_.Save(Share(FirstState(uuid, {.node = NodeId(uuid), .name = "a"}, kMinPartitionBits)))
            .ok());
  }

  // What a new start finds.
  SavedRing Loaded() {
    const auto loaded = RingFiles(&files_, kDirectory).Load();
    EXPECT_TRUE(loaded.ok()) << ToString(loaded.status());
    return loaded.ok() && *loaded ? **loaded : SavedRing{};
  }

  SimulatedFileSystem files_;
  RingFiles ring_{&files_, kDirectory};
};

TEST_F(RingFilesTest, CountsStartsAndRemembersTheirIds) {
  EXPECT_TRUE(Loaded().lives.empty());
  EXPECT_EQ(*ring_.BeginLife(71, {}), (BootId{.counter = 1, .id = 71}));
  EXPECT_EQ(*RingFiles(&files_, kDirectory).BeginLife(72, {}), (BootId{.counter = 2, .id = 72}));
  EXPECT_THAT(Loaded().lives, ElementsAre(71, 72));
}

TEST_F(RingFilesTest, ForgetsTheOldestStartsButNeverTheOneThatIsRuled) {
  const BootId ruled{.counter = 2, .id = 1001};
  for (std::uint64_t i = 0; i <= RingFiles::kMaxLives; ++i) {
    ASSERT_TRUE(ring_.BeginLife(1000 + i, ruled).ok());
  }
  const std::vector<std::uint64_t> lives = Loaded().lives;
  EXPECT_EQ(lives.size(), RingFiles::kMaxLives);
  EXPECT_THAT(lives, Not(Contains(1000)));
  ASSERT_TRUE(ring_.BeginLife(5000, ruled).ok());
  EXPECT_THAT(Loaded().lives, Contains(ruled.id));
  EXPECT_THAT(Loaded().lives, Not(Contains(1002)));
}

TEST_F(RingFilesTest, RemembersADisputeUntilItIsSettled) {
  EXPECT_FALSE(Loaded().dispute.open);
  const Dispute dispute{.other = {.counter = 9, .id = 99}, .open = true};
  ASSERT_TRUE(ring_.Save(dispute).ok());
  EXPECT_EQ(Loaded().dispute, dispute);
  ASSERT_TRUE(ring_.Save(Dispute{}).ok());
  EXPECT_EQ(Loaded().dispute, Dispute{});
}

TEST_F(RingFilesTest, TheStartAfterADisputeIsLaterThanTheOthers) {
  ASSERT_TRUE(ring_.BeginLife(71, {}).ok());
  ASSERT_TRUE(ring_.Save(Dispute{.other = {.counter = 9, .id = 99}, .open = true}).ok());
  EXPECT_EQ(ring_.BeginLife(72, {})->counter, 10u);
  EXPECT_THAT(Loaded().lives, ElementsAre(71, 72));
}

}  // namespace
}  // namespace carillon
