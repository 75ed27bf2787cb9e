#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tools/carillon/input/event_parser.h"
#include "tools/carillon/input/record_reader.h"

namespace carillon {

enum class InputFormat { kAuto, kNdjson, kJson, kClf };

// "auto", "ndjson", "json", "clf". INVALID_ARGUMENT: anything else.
StatusOr<InputFormat> ParseInputFormat(std::string_view text);

// What an input is that begins with `beginning`: '[' or a value over several lines is kJson, an
// object on the first line kNdjson, anything else kClf. Pure.
InputFormat DetectFormat(std::string_view beginning);

// What the user said of the fields; what was not said depends on the format.
struct FieldChoices {
  std::optional<Epoch> time;
  std::optional<std::string> time_pointer;
  std::optional<TimeFormat> time_format;
  std::optional<std::string> type;
  std::optional<std::string> type_pointer;
  std::optional<std::string> subtype;
  std::optional<std::string> subtype_pointer;
};

// For an access log: the log's own time, type "access", no subtype. Else the FieldRules' own:
// /timestamp in seconds, /type, /subtype. Requires: format is not kAuto.
FieldRules ResolveRules(const FieldChoices& choices, InputFormat format);

// One event, or what is wrong with it. Valid until the next call of Next.
struct InputEvent {
  std::string_view text;    // one line of JSON, to be stored
  std::string_view source;  // as the input has it
  std::uint64_t line = 0;
  EventPlace place;
  Status problem;  // not OK: `text` and `place` mean nothing
};

// The events of one input, one after the other. Memory: a few times the largest event.
// Threads: one caller at a time.
class InputReader {
 public:
  // Reads the beginning to see what it is, if `format` is kAuto. Errors are the source's.
  static StatusOr<std::unique_ptr<InputReader>> Open(std::unique_ptr<ByteSource> source,
                                                     InputFormat format,
                                                     const FieldChoices& choices);

  // The next event; nullopt at the end. An error is the source's.
  StatusOr<std::optional<InputEvent>> Next();

  InputFormat format() const { return format_; }
  // How far the file has been read, in its own bytes.
  std::uint64_t position() const { return records_->position(); }

 private:
  InputReader(std::unique_ptr<RecordReader> records, InputFormat format, FieldRules rules);
  InputEvent Understand(const Record& record);

  const std::unique_ptr<RecordReader> records_;
  const InputFormat format_;
  EventParser parser_;
  std::string json_;  // of a line of an access log
};

}  // namespace carillon
