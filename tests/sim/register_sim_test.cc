#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/status.h"
#include "tests/sim/register/register_scenario.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {
namespace {

// CARILLON_REGISTER_SEEDS=100000 for longer.
std::uint64_t Seeds() {
  const char* wanted = std::getenv("CARILLON_REGISTER_SEEDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 3000;
}

std::string ReplayOf(std::uint64_t seed) {
  return fmt::format("carillon-sim --scenario register --first-seed {} --seeds 1", seed);
}

TEST(RegisterSimTest, KeepsOneStateAVersionWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= Seeds(); ++seed) {
    const SimResult result = RegisterScenario().run(seed, {});
    ASSERT_TRUE(result.violations.empty()) << result.violations.front() << "\n" << ReplayOf(seed);
  }
}

TEST(RegisterSimTest, RunsTheSameForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SimResult once = RegisterScenario().run(seed, {});
    const SimResult again = RegisterScenario().run(seed, {});
    EXPECT_EQ(once.trace_hash, again.trace_hash) << ReplayOf(seed);
    EXPECT_EQ(once.counts, again.counts) << ReplayOf(seed);
    EXPECT_NE(once.trace_hash, RegisterScenario().run(seed + 1, {}).trace_hash);
  }
}

class RegisterMutationTest : public testing::TestWithParam<std::string_view> {};

TEST_P(RegisterMutationTest, IsNoticed) {
  constexpr std::uint64_t kMostSeeds = 20'000;
  const SimOptions options{.mutation = std::string(GetParam())};
  for (std::uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    if (!RegisterScenario().run(seed, options).violations.empty()) return;
  }
  FAIL() << GetParam() << " is not noticed in " << kMostSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, RegisterMutationTest, testing::ValuesIn(RegisterScenario().mutations),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace carillon
