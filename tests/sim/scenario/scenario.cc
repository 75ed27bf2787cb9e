#include "tests/sim/scenario/scenario.h"

#include "tests/sim/cluster/cluster_scenario.h"
#include "tests/sim/register/register_scenario.h"

namespace carillon {

const std::vector<Scenario>& AllScenarios() {
  static const std::vector<Scenario> kAll = [] {
    std::vector<Scenario> all = ClusterScenarios();
    all.insert(all.begin(), RegisterScenario());
    return all;
  }();
  return kAll;
}

const Scenario* FindScenario(std::string_view name) {
  for (const Scenario& scenario : AllScenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace carillon
