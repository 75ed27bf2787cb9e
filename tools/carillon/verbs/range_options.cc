#include "tools/carillon/verbs/range_options.h"

#include "base/chunk_key.h"
#include "tools/carillon/input/time_argument.h"
#include "tools/carillon/session.h"

namespace carillon {

StatusOr<EpochRange> RangeOptions::Range() const {
  return ParseRangeArguments(from, to, Now());
}

StatusOr<Filter> RangeOptions::MakeFilter() const {
  if (!dc.empty()) RETURN_IF_ERROR(CheckName("--dc", dc));
  if (!cell.empty()) RETURN_IF_ERROR(CheckName("--cell", cell));
  if (!type.empty()) RETURN_IF_ERROR(CheckName("--type", type));
  if (subtype.has_value()) RETURN_IF_ERROR(CheckSubtype(*subtype));
  return Filter{dc, cell, type, subtype};
}

void AddRange(Command* verb, RangeOptions* options) {
  verb->Value("--from", &options->from, "first second (five minutes ago)");
  verb->Value("--to", &options->to, "second to stop before (after now)");
}

void AddPartial(Command* verb, RangeOptions* options) {
  verb->Flag("--partial", &options->partial,
             "when too many nodes are away: what the others know, which may not be all");
}

void AddFilter(Command* verb, RangeOptions* options) {
  verb->Value("--dc", &options->dc, "only of this data centre");
  verb->Value("--cell", &options->cell, "only of this cell");
  verb->Value("--type", &options->type, "only events of this type");
  verb->Value("--subtype", &options->subtype, "only of this subtype; '' for those without");
}

}  // namespace carillon
