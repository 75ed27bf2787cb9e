#include "tests/sim/register/register_scenario.h"

#include "base/check.h"
#include "tests/sim/register/register_world.h"

namespace carillon {
namespace {

struct NamedMutation {
  std::string_view name;
  bool RegisterMutations::*rule;
};
constexpr NamedMutation kMutations[] = {
    {"promise_not_saved", &RegisterMutations::promise_not_saved},
    {"accept_not_saved", &RegisterMutations::accept_not_saved},
    {"ignores_accepted_value", &RegisterMutations::ignores_accepted_value},
    {"quorum_of_new_members", &RegisterMutations::quorum_of_new_members},
    {"no_slot_check", &RegisterMutations::no_slot_check},
    {"half_is_majority", &RegisterMutations::half_is_majority},
    {"ballots_not_unique", &RegisterMutations::ballots_not_unique},
    {"voter_forgets", &RegisterMutations::voter_forgets},
};

SimResult RunRegister(std::uint64_t seed, const SimOptions& options) {
  RegisterWorld world(seed, RegisterMutationsOf(options.mutation), options.verbose);
  return world.Run();
}

}  // namespace

RegisterMutations RegisterMutationsOf(std::string_view name) {
  RegisterMutations mutations;
  if (name.empty()) return mutations;
  for (const NamedMutation& mutation : kMutations) {
    if (mutation.name == name) mutations.*mutation.rule = true;
  }
  CHECK(mutations != RegisterMutations{});
  return mutations;
}

Scenario RegisterScenario() {
  Scenario scenario{.name = "register",
                    .help = "agreeing on the cluster state: loss, splits, crashes, new voters",
                    .run = RunRegister};
  for (const NamedMutation& mutation : kMutations) scenario.mutations.push_back(mutation.name);
  return scenario;
}

}  // namespace carillon
