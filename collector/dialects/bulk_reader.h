#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collector/dialects/json_document.h"

namespace carillon {

enum class BulkAction : std::uint8_t { kIndex, kCreate, kUpdate, kDelete };
std::string_view BulkActionName(BulkAction action);

// The actions of a bulk body, one after the other.
class BulkReader {
 public:
  BulkReader(std::string_view body, std::string_view path_index)
      : rest_(body), path_index_(path_index) {}

  // Moves to the next action; false: there is none. INVALID_ARGUMENT: an action line that is none,
  // or without its document; names the line.
  StatusOr<bool> Next();

  BulkAction action() const { return action_; }
  const std::string& index() const { return index_; }
  const std::string& id() const { return id_; }  // empty: none
  // The document's line; empty for kDelete.
  std::string_view document() const { return document_; }

 private:
  bool NextLine(std::string_view* line);
  Status ReadAction(std::string_view line);

  std::string_view rest_;
  std::string_view path_index_;
  std::size_t line_ = 0;
  JsonDocument head_;
  BulkAction action_ = BulkAction::kIndex;
  std::string index_;
  std::string id_;
  std::string_view document_;
};

}  // namespace carillon
