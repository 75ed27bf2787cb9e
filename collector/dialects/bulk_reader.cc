#include "collector/dialects/bulk_reader.h"

#include <algorithm>

namespace carillon {
namespace {

constexpr BulkAction kActions[] = {BulkAction::kIndex, BulkAction::kCreate, BulkAction::kUpdate,
                                   BulkAction::kDelete};

}  // namespace

std::string_view BulkActionName(BulkAction action) {
  switch (action) {
    case BulkAction::kIndex:
      return "index";
    case BulkAction::kCreate:
      return "create";
    case BulkAction::kUpdate:
      return "update";
    case BulkAction::kDelete:
      return "delete";
  }
  return "";
}

// The next line that is not blank.
bool BulkReader::NextLine(std::string_view* line) {
  while (!rest_.empty()) {
    *line = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(std::min(rest_.size(), line->size() + 1));
    ++line_;
    if (line->ends_with('\r')) line->remove_suffix(1);
    if (line->find_first_not_of(" \t") != std::string_view::npos) return true;
  }
  return false;
}

StatusOr<bool> BulkReader::Next() {
  std::string_view line;
  if (!NextLine(&line)) return false;
  RETURN_IF_ERROR(ReadAction(line));
  document_ = {};
  if (action_ != BulkAction::kDelete && !NextLine(&document_)) {
    return InvalidArgument("line {}: {} without its document", line_, BulkActionName(action_));
  }
  return true;
}

Status BulkReader::ReadAction(std::string_view line) {
  if (const Status status = head_.Parse(line); !status.ok()) {
    return Annotate(status, fmt::format("line {}", line_));
  }
  for (const BulkAction action : kActions) {
    const JsonValue target = head_.root()[BulkActionName(action)];
    if (!target.IsObject()) continue;
    action_ = action;
    index_ = target["_index"].Text();
    if (index_.empty()) index_ = path_index_;
    id_ = target["_id"].Text();
    return OkStatus();
  }
  return InvalidArgument("line {}: want an action: index, create, update, or delete", line_);
}

}  // namespace carillon
