#pragma once

#include <optional>
#include <string>

#include "client/client.h"
#include "tools/carillon/command.h"

namespace carillon {

// The options of verbs that read a range.
struct RangeOptions {
  std::string from;
  std::string to;
  std::string dc;
  std::string cell;
  std::string type;
  std::optional<std::string> subtype;
  bool partial = false;

  // INVALID_ARGUMENT: no times, or an empty range.
  StatusOr<EpochRange> Range() const;
  // INVALID_ARGUMENT: a name that none can have.
  StatusOr<Filter> MakeFilter() const;
};

// --from and --to.
void AddRange(Command* verb, RangeOptions* options);
// --partial.
void AddPartial(Command* verb, RangeOptions* options);
// --dc, --cell, --type, --subtype.
void AddFilter(Command* verb, RangeOptions* options);

}  // namespace carillon
