#include "collector/dialects/syslog_message.h"

#include <algorithm>
#include <optional>

#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kFacilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr std::string_view kSeverities[] = {"emerg",   "alert",  "crit", "err",
                                            "warning", "notice", "info", "debug"};
constexpr unsigned kMaxPriority = 191;
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::size_t kBsdTimeBytes = 15;  // "Oct 11 22:14:15"
constexpr std::size_t kMaxTagBytes = 64;

// "<34>"; nullopt, and nothing taken: none.
std::optional<unsigned> TakePriority(std::string_view* text) {
  unsigned value = 0;
  std::size_t at = 1;
  while (at < text->size() && at < 4 && (*text)[at] >= '0' && (*text)[at] <= '9') {
    value = value * 10 + static_cast<unsigned>((*text)[at++] - '0');
  }
  const bool good = text->starts_with('<') && at > 1 && at < text->size() && (*text)[at] == '>' &&
                    value <= kMaxPriority;
  if (!good) return std::nullopt;
  text->remove_prefix(at + 1);
  return value;
}

std::string_view TakeWord(std::string_view* text) {
  const std::string_view word = text->substr(0, text->find(' '));
  text->remove_prefix(std::min(text->size(), word.size() + 1));
  return word;
}

bool IsBsdTime(std::string_view text) {
  const auto digits = [&](std::size_t at) {
    return text[at + 1] >= '0' && text[at + 1] <= '9' &&
           ((text[at] >= '0' && text[at] <= '9') || text[at] == ' ');
  };
  return text.size() >= kBsdTimeBytes &&
         std::find(std::begin(kMonths), std::end(kMonths), text.substr(0, 3)) !=
             std::end(kMonths) &&
         text[3] == ' ' && digits(4) && text[6] == ' ' && digits(7) && text[9] == ':' &&
         digits(10) && text[12] == ':' && digits(13);
}

void AddPriority(unsigned priority, JsonObjectWriter* out) {
  out->AddText("facility", kFacilities[priority / 8]);
  out->AddText("severity", kSeverities[priority % 8]);
}

// What both kinds have; empty: not there.
struct Parts {
  std::optional<std::int64_t> time_us;
  std::string_view timestamp;  // one that is no time
  std::string_view hostname;
  std::string_view app_name;
  std::string_view proc_id;
  std::string_view msg_id;
  std::string_view structured_data;  // with its brackets
  std::string_view message;
};

// The value of a parameter behind its opening quote; nullopt: it does not end.
std::optional<std::string> TakeQuoted(std::string_view* text) {
  std::string value;
  for (std::size_t i = 0; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return value;
    }
    const char next = i + 1 < text->size() ? (*text)[i + 1] : '\0';
    if (c == '\\' && (next == '"' || next == '\\' || next == ']')) ++i;
    value.push_back((*text)[i]);
  }
  return std::nullopt;
}

// One element, "[id name="value"]", appended as "id":{..} when `out` is not null. false: malformed.
bool TakeElement(std::string_view* text, JsonObjectWriter* out) {
  text->remove_prefix(1);
  const std::size_t end = text->find_first_of(" ]");
  if (end == 0 || end == std::string_view::npos) return false;
  std::string json;
  JsonObjectWriter parameters(&json);
  const std::string_view id = text->substr(0, end);
  text->remove_prefix(end);
  while (text->starts_with(' ')) {
    text->remove_prefix(1);
    const std::size_t equals = text->find_first_of("=\" ]");
    if (equals == 0 || equals == std::string_view::npos || text->substr(equals, 2) != "=\"") {
      return false;
    }
    const std::string_view name = text->substr(0, equals);
    text->remove_prefix(equals + 2);
    const auto value = TakeQuoted(text);
    if (!value) return false;
    parameters.AddText(name, *value);
  }
  if (!text->starts_with(']')) return false;
  text->remove_prefix(1);
  parameters.End();
  if (out != nullptr) out->Add(id, json);
  return true;
}

// "-" or elements; false: malformed.
bool TakeStructuredData(std::string_view* text, std::string_view* taken) {
  if (text->starts_with('-')) {
    text->remove_prefix(1);
  } else {
    const std::string_view all = *text;
    std::size_t elements = 0;
    while (text->starts_with('[')) {
      if (++elements > kMaxStructuredElements || !TakeElement(text, nullptr)) return false;
    }
    if (elements == 0) return false;
    *taken = all.substr(0, all.size() - text->size());
  }
  if (!text->empty() && !text->starts_with(' ')) return false;
  if (!text->empty()) text->remove_prefix(1);
  return true;
}

// Behind "<PRI>1 ". nullopt: not of RFC 5424.
std::optional<Parts> ReadNew(std::string_view text) {
  Parts parts;
  const std::string_view time = TakeWord(&text);
  parts.time_us = TimeOfText(time);
  if (time != "-" && !parts.time_us) return std::nullopt;
  for (std::string_view* part : {&parts.hostname, &parts.app_name, &parts.proc_id, &parts.msg_id}) {
    *part = TakeWord(&text);
    if (part->empty()) return std::nullopt;
    if (*part == "-") *part = {};
  }
  if (!TakeStructuredData(&text, &parts.structured_data)) return std::nullopt;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  parts.message = text;
  return parts;
}

// "su[12]: text" or "su: text" at the front: tag and process are taken.
void TakeTag(std::string_view* text, Parts* parts) {
  const std::size_t end = text->find_first_of(": [");
  if (end == 0 || end == std::string_view::npos || end > kMaxTagBytes || (*text)[end] == ' ') {
    return;
  }
  std::string_view rest = text->substr(end);
  std::string_view proc_id;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos || close > kMaxTagBytes) return;
    proc_id = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  }
  // rsyslog writes "app[7] text" for what came to it as RFC 5424.
  const bool ends = rest.starts_with(':') || (!proc_id.empty() && rest.starts_with(' '));
  if (!ends) return;
  parts->app_name = text->substr(0, end);
  parts->proc_id = proc_id;
  if (rest.starts_with(':')) rest.remove_prefix(1);
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  *text = rest;
}

// Behind "<PRI>".
Parts ReadOld(std::string_view text) {
  Parts parts;
  bool has_time = false;
  if (IsBsdTime(text)) {
    parts.timestamp = text.substr(0, kBsdTimeBytes);
    text.remove_prefix(kBsdTimeBytes);
    if (text.starts_with(' ')) text.remove_prefix(1);
    has_time = true;
  } else {
    std::string_view rest = text;
    parts.time_us = TimeOfText(TakeWord(&rest));
    has_time = parts.time_us.has_value();
    if (has_time) text = rest;
  }
  if (has_time) {
    // The host is a word that is no tag.
    std::string_view rest = text;
    const std::string_view word = TakeWord(&rest);
    if (!word.empty() && !rest.empty() && !word.ends_with(':')) {
      parts.hostname = word;
      text = rest;
    }
  }
  TakeTag(&text, &parts);
  parts.message = text;
  return parts;
}

Status Add(std::optional<unsigned> priority, const Parts& parts, EventWriter* writer) {
  JsonObjectWriter out = writer->Begin();
  if (priority) AddPriority(*priority, &out);
  const std::pair<std::string_view, std::string_view> texts[] = {{"timestamp", parts.timestamp},
                                                                 {"hostname", parts.hostname},
                                                                 {"app_name", parts.app_name},
                                                                 {"proc_id", parts.proc_id},
                                                                 {"msg_id", parts.msg_id}};
  for (const auto& [name, text] : texts) {
    if (!text.empty()) out.AddText(name, text);
  }
  if (!parts.structured_data.empty()) {
    JsonObjectWriter elements(out.Begin("structured_data"));
    std::string_view rest = parts.structured_data;
    while (!rest.empty() && TakeElement(&rest, &elements)) {
    }
    elements.End();
  }
  out.AddText("message", parts.message);
  return writer->Finish({.stream = parts.app_name, .time_us = parts.time_us}, &out);
}

}  // namespace

Status AddSyslogMessage(std::string_view message, EventWriter* writer) {
  while (!message.empty() &&
         (message.back() == '\n' || message.back() == '\r' || message.back() == '\0')) {
    message.remove_suffix(1);
  }
  std::string_view text = message;
  const auto priority = TakePriority(&text);
  if (!priority) return Add(priority, {.message = message}, writer);
  if (text.starts_with("1 ")) {
    if (const auto parts = ReadNew(text.substr(2)); parts) return Add(priority, *parts, writer);
  }
  return Add(priority, ReadOld(text), writer);
}

}  // namespace carillon
