#include "tools/carillon/input/access_log.h"

#include <algorithm>
#include <optional>

#include "base/json_writer.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxCountDigits = 18;  // fits any JSON reader's integers

struct Request {
  std::string_view method;
  std::string_view path;
  std::string_view protocol;
};

// The text up to `end`, which is taken off too; nullopt: `end` is not there.
std::optional<std::string_view> TakeUntil(std::string_view* rest, std::string_view end) {
  const std::size_t at = rest->find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = rest->substr(0, at);
  rest->remove_prefix(at + end.size());
  return taken;
}

// The inside of a quoted text, its escapes as they are.
std::optional<std::string_view> TakeQuoted(std::string_view* rest) {
  if (rest->empty() || rest->front() != '"') return std::nullopt;
  for (std::size_t i = 1; i < rest->size(); ++i) {
    if ((*rest)[i] == '\\') {
      ++i;
    } else if ((*rest)[i] == '"') {
      const std::string_view inside = rest->substr(1, i - 1);
      rest->remove_prefix(i + 1);
      return inside;
    }
  }
  return std::nullopt;
}

std::string_view TakeWord(std::string_view* rest) {
  const std::string_view word = rest->substr(0, rest->find(' '));
  rest->remove_prefix(word.size());
  return word;
}

// Digits that a JSON number gives back exactly, or "-".
bool IsCount(std::string_view word) {
  if (word == "-" || word == "0") return true;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !word.empty() && word.size() <= kMaxCountDigits && word.front() != '0' &&
         std::all_of(word.begin(), word.end(), is_digit);
}

std::optional<Request> SplitRequest(std::string_view text) {
  const std::size_t first = text.find(' ');
  const std::size_t last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const Request request{text.substr(0, first), text.substr(first + 1, last - first - 1),
                        text.substr(last + 1)};
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const bool clean = !request.method.empty() && !request.path.empty() &&
                     std::all_of(request.method.begin(), request.method.end(), is_upper) &&
                     request.path.find(' ') == std::string_view::npos &&
                     request.protocol.starts_with("HTTP/");
  if (!clean) return std::nullopt;
  return request;
}

void AppendText(std::string_view key, std::string_view value, std::string* json) {
  if (json->back() != '{') json->push_back(',');
  json->append("\"").append(key).append("\":\"");
  AppendJsonEscaped(json, value);
  json->push_back('"');
}

void AppendCount(std::string_view key, std::string_view word, std::string* json) {
  json->append(",\"").append(key).append("\":").append(word == "-" ? "null" : word);
}

void AppendRequest(std::string_view text, std::string* json) {
  const std::optional<Request> request = SplitRequest(text);
  if (!request.has_value()) {
    AppendText("request", text, json);
    return;
  }
  AppendText("method", request->method, json);
  AppendText("path", request->path, json);
  AppendText("protocol", request->protocol, json);
}

// What follows bytes, with the space before it.
void AppendEnd(std::string_view end, std::string* json) {
  if (end.empty()) return;
  std::string_view rest = end.substr(1);
  const std::optional<std::string_view> referer = TakeQuoted(&rest);
  if (referer.has_value() && rest.starts_with(" \"")) {
    rest.remove_prefix(1);
    const std::optional<std::string_view> agent = TakeQuoted(&rest);
    if (agent.has_value() && (rest.empty() || rest.front() == ' ')) {
      AppendText("referer", *referer, json);
      AppendText("agent", *agent, json);
      if (!rest.empty()) AppendText("rest", rest.substr(1), json);
      return;
    }
  }
  AppendText("rest", end.substr(1), json);
}

}  // namespace

Status AppendAccessLogEvent(std::string_view line, std::string* json) {
  std::string_view rest = line;
  const auto host = TakeUntil(&rest, " ");
  const auto ident = TakeUntil(&rest, " ");
  const auto user = TakeUntil(&rest, " [");
  const auto time = TakeUntil(&rest, "] ");
  if (!host || !ident || !user || !time || host->empty()) {
    return InvalidArgument("no access log line: want host ident user [time] \"request\" ...");
  }
  const auto request = TakeQuoted(&rest);
  if (!request || !rest.starts_with(' ')) {
    return InvalidArgument("no access log line: no quoted request behind the time");
  }
  rest.remove_prefix(1);
  const std::string_view status = TakeWord(&rest);
  if (!IsCount(status)) return InvalidArgument("no access log line: status '{}'", status);
  if (!rest.starts_with(' ')) return InvalidArgument("no access log line: ends at the status");
  rest.remove_prefix(1);
  const std::string_view bytes = TakeWord(&rest);
  if (!IsCount(bytes)) return InvalidArgument("no access log line: bytes '{}'", bytes);

  json->push_back('{');
  AppendText("host", *host, json);
  AppendText("ident", *ident, json);
  AppendText("user", *user, json);
  AppendText("time", *time, json);
  AppendRequest(*request, json);
  AppendCount("status", status, json);
  AppendCount("bytes", bytes, json);
  AppendEnd(rest, json);
  json->push_back('}');
  return OkStatus();
}

}  // namespace carillon
