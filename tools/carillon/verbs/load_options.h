#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/carillon/command.h"
#include "tools/carillon/input/input_reader.h"

namespace carillon {

// What `carillon load` was asked for, as it was written.
struct LoadOptions {
  std::vector<std::string> files;
  std::string input = "auto";
  std::optional<std::string> time_field;
  std::optional<std::string> time_format;
  std::string time;      // constant, or "now"
  std::string shift_to;  // empty, or "now"
  std::optional<std::string> type_field;
  std::optional<std::string> type;
  std::optional<std::string> subtype_field;
  std::optional<std::string> subtype;
  std::string dc = "1";
  std::string cell = "cell0";
  std::string reject;
  std::string dictionaries = "on";
  bool strict = false;
  std::uint64_t max_future = 300;

  bool shifts() const { return !shift_to.empty(); }
};

// The same, understood.
struct LoadPlan {
  InputFormat format = InputFormat::kAuto;
  FieldChoices fields;
};

// INVALID_ARGUMENT: options that contradict each other, or are not what they should be.
StatusOr<LoadPlan> MakePlan(const LoadOptions& options, Epoch now);

void AddLoadOptions(Command* verb, LoadOptions* options);

}  // namespace carillon
