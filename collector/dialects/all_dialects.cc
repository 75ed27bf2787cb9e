#include "collector/dialects/dialect.h"

namespace carillon {

const std::vector<const Dialect*>& AllDialects() {
  static const std::vector<const Dialect*> dialects = {};
  return dialects;
}

const Dialect* FindDialect(const EdgeRequest& request) {
  for (const Dialect* dialect : AllDialects()) {
    if (dialect->Matches(request)) return dialect;
  }
  return nullptr;
}

}  // namespace carillon
