#include "collector/tenant_follower.h"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_clock.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

RingTenants Tenants(std::uint64_t version, std::uint64_t generation = 0, std::uint8_t cluster = 1) {
  RingTenants tenants;
  tenants.cluster.bytes[0] = cluster;
  tenants.generation = generation;
  tenants.section.changed = StateVersion(version);
  if (version == 0) return tenants;
  tenants.section.tenants[fmt::format("t{}", version)] = {.text = "",
                                                          .changed = StateVersion(version)};
  return tenants;
}

class TenantFollowerTest : public testing::Test {
 protected:
  TenantFollowerTest() {
    QuietLog();
    EXPECT_TRUE(files_.MakeDirectory("/spool").ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
    Restart();
  }
  // Endpoint `i` answers with what nodes_[i] is; nullopt: it is away.
  void Restart() {
    follower_.reset();
    heard_.clear();
    TenantFollower::Options options;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      options.asks.push_back([this, i](const RingTenants& known) { return Answer(i, known); });
    }
    options.hear = [this](const RingTenants& tenants) { heard_.push_back(tenants); };
    options.files = &files_;
    options.directory = "/spool";
    options.clock = &clock_;
    follower_ = std::make_unique<TenantFollower>(std::move(options));
    follower_->HearKept();
  }
  StatusOr<std::optional<RingTenants>> Answer(std::size_t i, const RingTenants& known) {
    asked_.push_back(i);
    if (!nodes_[i]) return Unavailable("away");
    if (known.cluster == nodes_[i]->cluster && known.generation == nodes_[i]->generation &&
        known.section.changed == nodes_[i]->section.changed) {
      return std::optional<RingTenants>();
    }
    return nodes_[i];
  }
  bool Poll() {
    clock_.Advance(1);
    return follower_->Poll();
  }

  SimulatedClock clock_{1'800'000'000};
  Random random_{1};
  SimulatedFileSystem files_;
  std::vector<std::optional<RingTenants>> nodes_ = {Tenants(5), Tenants(5)};
  std::vector<std::size_t> asked_;
  std::vector<RingTenants> heard_;
  std::unique_ptr<TenantFollower> follower_;
};

TEST_F(TenantFollowerTest, HearsOnlyWhatIsNew) {
  EXPECT_TRUE(Poll());
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
  EXPECT_TRUE(Poll());
  EXPECT_TRUE(Poll());
  EXPECT_EQ(heard_.size(), 1);
  nodes_ = {Tenants(6), Tenants(6)};
  EXPECT_TRUE(Poll());
  EXPECT_THAT(heard_, ElementsAre(Tenants(5), Tenants(6)));
  EXPECT_EQ(follower_->version(), 6);
}

TEST_F(TenantFollowerTest, AsksTheEndpointsInTurnSoThatOldNewsHideNothing) {
  Poll();
  nodes_ = {Tenants(5), Tenants(6)};  // the first is cut off
  Poll();
  Poll();
  EXPECT_THAT(asked_, ElementsAre(0, 1, 0));
  EXPECT_THAT(heard_, ElementsAre(Tenants(5), Tenants(6)));  // and never 5 again
}

TEST_F(TenantFollowerTest, AsksTheNextWhenOneIsAway) {
  nodes_[0].reset();
  EXPECT_TRUE(Poll());
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
  nodes_[1].reset();
  EXPECT_FALSE(Poll());
  EXPECT_EQ(follower_->SinceHeard(), 1s);
}

TEST_F(TenantFollowerTest, ANewGenerationCountsWhateverItsVersion) {
  Poll();
  nodes_ = {Tenants(3, 1), Tenants(3, 1)};
  Poll();
  EXPECT_EQ(heard_.back(), Tenants(3, 1));
}

TEST_F(TenantFollowerTest, KnowsTheLastOnesWhenItStartsWithoutTheRing) {
  Poll();
  nodes_ = {std::nullopt, std::nullopt};
  Restart();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
  EXPECT_FALSE(Poll());
  nodes_ = {Tenants(5), Tenants(7)};
  Poll();
  EXPECT_EQ(heard_.size(), 1);
  Poll();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5), Tenants(7)));
}

TEST_F(TenantFollowerTest, HearsOfARingWithoutTenants) {
  nodes_ = {Tenants(0), Tenants(0)};
  Poll();
  EXPECT_THAT(heard_, ElementsAre(Tenants(0)));
  EXPECT_NE(follower_->cluster(), "");
}

TEST_F(TenantFollowerTest, GoesOnWithoutWhatIsDamaged) {
  Poll();
  ASSERT_TRUE(ReplaceFile(&files_, "/spool", kTenantsFileName, "rubbish").ok());
  Restart();
  EXPECT_THAT(heard_, IsEmpty());
  Poll();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
}

TEST_F(TenantFollowerTest, KeepsThemLaterWhenTheDiskDoesNotTakeThem) {
  files_.StopAfter(files_.operations());
  Poll();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
  files_.Crash(CrashManner::kKeepNothing, &random_);
  Poll();
  nodes_ = {std::nullopt, std::nullopt};
  Restart();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
}

TEST_F(TenantFollowerTest, TakesAnotherClusterOnlyWhenTheKnownOneIsGone) {
  Poll();
  nodes_ = {Tenants(5), Tenants(9, 0, 2)};
  for (int i = 0; i < 30; ++i) Poll();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
  nodes_[0].reset();
  for (int i = 0; i < 30; ++i) Poll();
  EXPECT_THAT(heard_, ElementsAre(Tenants(5), Tenants(9, 0, 2)));
}

TEST_F(TenantFollowerTest, AsksByItselfOnceItIsStarted) {
  follower_->Start(20s);
  EXPECT_THAT(heard_, ElementsAre(Tenants(5)));
}

}  // namespace
}  // namespace carillon
