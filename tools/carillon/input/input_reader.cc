#include "tools/carillon/input/input_reader.h"

#include <algorithm>
#include <utility>

#include "tools/carillon/input/access_log.h"

namespace carillon {
namespace {

constexpr std::size_t kDetectBytes = 64 << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\n";

// Where the JSON object at the start of `text` ends; nullopt: not within `text`.
std::optional<std::size_t> EndOfObject(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return std::nullopt;
}

// Of a text that begins with '{'.
InputFormat DetectObjects(std::string_view text) {
  const std::size_t newline = text.find('\n');
  const std::optional<std::size_t> end = EndOfObject(text.substr(0, newline));
  if (end.has_value()) {
    const std::string_view rest = text.substr(*end, std::min(newline, text.size()) - *end);
    const bool alone = rest.find_first_not_of(kSpace) == std::string_view::npos;
    return alone ? InputFormat::kNdjson : InputFormat::kJson;
  }
  // A first line that is too long to tell, or broken before a second one that is a fresh start.
  const bool broken = newline != std::string_view::npos && text.substr(newline + 1, 1) == "{";
  return newline == std::string_view::npos || broken ? InputFormat::kNdjson : InputFormat::kJson;
}

Status FillBeginning(StreamBuffer* buffer) {
  bool more = true;
  while (more && buffer->view().size() < kDetectBytes) {
    ASSIGN_OR_RETURN(more, buffer->Fill());
  }
  return OkStatus();
}

}  // namespace

StatusOr<InputFormat> ParseInputFormat(std::string_view text) {
  if (text == "auto") return InputFormat::kAuto;
  if (text == "ndjson") return InputFormat::kNdjson;
  if (text == "json") return InputFormat::kJson;
  if (text == "clf") return InputFormat::kClf;
  return InvalidArgument("input format '{}' is none of auto, ndjson, json, clf", text);
}

InputFormat DetectFormat(std::string_view beginning) {
  const std::size_t first = beginning.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return InputFormat::kNdjson;
  beginning.remove_prefix(first);
  if (beginning.front() == '[') return InputFormat::kJson;
  return beginning.front() == '{' ? DetectObjects(beginning) : InputFormat::kClf;
}

FieldRules ResolveRules(const FieldChoices& choices, InputFormat format) {
  FieldRules rules;
  if (format == InputFormat::kClf) {
    rules.time_pointer = "/time";
    rules.time_format.kind = TimeKind::kClf;
    rules.type = "access";
    rules.subtype = "";
  }
  rules.time = choices.time;
  if (choices.time_pointer.has_value()) rules.time_pointer = *choices.time_pointer;
  if (choices.time_format.has_value()) rules.time_format = *choices.time_format;
  if (choices.type_pointer.has_value()) {
    rules.type.reset();
    rules.type_pointer = *choices.type_pointer;
  }
  if (choices.type.has_value()) rules.type = choices.type;
  if (choices.subtype_pointer.has_value()) {
    rules.subtype.reset();
    rules.subtype_pointer = *choices.subtype_pointer;
  }
  if (choices.subtype.has_value()) rules.subtype = choices.subtype;
  return rules;
}

StatusOr<std::unique_ptr<InputReader>> InputReader::Open(std::unique_ptr<ByteSource> source,
                                                         InputFormat format,
                                                         const FieldChoices& choices) {
  auto buffer = std::make_unique<StreamBuffer>(std::move(source));
  RETURN_IF_ERROR(FillBeginning(buffer.get()));
  if (buffer->view().starts_with(kByteOrderMark)) buffer->Consume(kByteOrderMark.size());
  if (format == InputFormat::kAuto) format = DetectFormat(buffer->view().substr(0, kDetectBytes));
  auto records = format == InputFormat::kJson ? ReadJsonValues(std::move(buffer))
                                              : ReadLines(std::move(buffer));
  return std::unique_ptr<InputReader>(
      new InputReader(std::move(records), format, ResolveRules(choices, format)));
}

InputReader::InputReader(std::unique_ptr<RecordReader> records, InputFormat format,
                         FieldRules rules)
    : records_(std::move(records)), format_(format), parser_(std::move(rules)) {}

StatusOr<std::optional<InputEvent>> InputReader::Next() {
  ASSIGN_OR_RETURN(const std::optional<Record> record, records_->Next());
  if (!record.has_value()) return std::nullopt;
  return Understand(*record);
}

InputEvent InputReader::Understand(const Record& record) {
  InputEvent event{record.text, record.source, record.line, {}, record.problem};
  if (event.problem.ok() && format_ == InputFormat::kClf) {
    json_.clear();
    event.problem = AppendAccessLogEvent(record.text, &json_);
    json_.reserve(json_.size() + kTextPadding);
    event.text = json_;
  }
  if (!event.problem.ok()) return event;
  StatusOr<EventPlace> place = parser_.Parse(event.text);
  if (place.ok()) {
    event.place = *place;
  } else {
    event.problem = std::move(place).status();
  }
  return event;
}

}  // namespace carillon
