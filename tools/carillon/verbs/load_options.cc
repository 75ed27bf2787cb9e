#include "tools/carillon/verbs/load_options.h"

#include "base/chunk_key.h"
#include "tools/carillon/input/time_argument.h"

namespace carillon {
namespace {

Status CheckPointer(std::string_view option, const std::optional<std::string>& pointer) {
  return pointer.has_value() ? CheckJsonPointer(option, *pointer) : OkStatus();
}

Status CheckOptions(const LoadOptions& options) {
  if (!options.time.empty() &&
      (options.time_field.has_value() || options.time_format.has_value())) {
    return InvalidArgument("--time is for events without a time: not with --time-field");
  }
  if (!options.time.empty() && options.shifts()) {
    return InvalidArgument("--time and --shift-to exclude each other");
  }
  if (options.shifts() && options.shift_to != "now") {
    return InvalidArgument("--shift-to '{}': only now", options.shift_to);
  }
  if (options.type_field.has_value() && options.type.has_value()) {
    return InvalidArgument("--type and --type-field exclude each other");
  }
  if (options.subtype_field.has_value() && options.subtype.has_value()) {
    return InvalidArgument("--subtype and --subtype-field exclude each other");
  }
  RETURN_IF_ERROR(CheckPointer("--time-field", options.time_field));
  RETURN_IF_ERROR(CheckPointer("--type-field", options.type_field));
  RETURN_IF_ERROR(CheckPointer("--subtype-field", options.subtype_field));
  if (options.type.has_value()) RETURN_IF_ERROR(CheckName("--type", *options.type));
  if (options.subtype.has_value()) RETURN_IF_ERROR(CheckSubtype(*options.subtype));
  RETURN_IF_ERROR(CheckName("--dc", options.dc));
  return CheckName("--cell", options.cell);
}

}  // namespace

StatusOr<LoadPlan> MakePlan(const LoadOptions& options, Epoch now) {
  RETURN_IF_ERROR(CheckOptions(options));
  LoadPlan plan;
  ASSIGN_OR_RETURN(plan.format, ParseInputFormat(options.input));
  if (!options.time.empty()) {
    ASSIGN_OR_RETURN(plan.fields.time, ParseTimeArgument(options.time, now));
  }
  if (options.time_format.has_value()) {
    ASSIGN_OR_RETURN(plan.fields.time_format, ParseTimeFormat(*options.time_format));
  }
  plan.fields.time_pointer = options.time_field;
  plan.fields.type = options.type;
  plan.fields.type_pointer = options.type_field;
  plan.fields.subtype = options.subtype;
  plan.fields.subtype_pointer = options.subtype_field;
  return plan;
}

void AddLoadOptions(Command* verb, LoadOptions* options) {
  verb->Positionals("FILE", &options->files,
                    "inputs; .gz and .zst are unpacked, - is standard input");
  verb->Choice("--input", &options->input, {"auto", "ndjson", "json", "clf"},
               "what the inputs are");
  verb->Value("--time-field", &options->time_field,
              "JSON pointer to an event's time (/timestamp; of access logs their own)");
  verb->Value("--time-format", &options->time_format,
              "unix, unix_ms, rfc3339, clf, or strptime:PATTERN (unix)");
  verb->Value("--time", &options->time, "one time for all events: now, or epoch seconds");
  verb->Value("--shift-to", &options->shift_to,
              "now: move all events so that the newest is now; reads the inputs twice");
  verb->Value("--type-field", &options->type_field, "JSON pointer to the type (/type)");
  verb->Value("--type", &options->type, "one type for all events");
  verb->Value("--subtype-field", &options->subtype_field, "JSON pointer to the subtype (/subtype)");
  verb->Value("--subtype", &options->subtype, "one subtype for all events");
  verb->Value("--dc", &options->dc, "data centre of the events");
  verb->Value("--cell", &options->cell, "their cell");
  verb->Value("--reject", &options->reject,
              "where to keep what cannot be loaded (<FILE>.rejects in this directory)");
  verb->Choice("--dictionaries", &options->dictionaries, {"on", "off"},
               "encode chunks of a few events with a dictionary of their type (on)");
  verb->Flag("--strict", &options->strict, "end with the first line that cannot be loaded");
  verb->Value("--max-future", &options->max_future,
              "seconds that an event may lie ahead: the node's max_future");
}

}  // namespace carillon
