#include "collector/edge/answer_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/beast/http/status.hpp>

#include "collector/dialects/json_text.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxRequestedHeaderBytes = 1024;
constexpr std::string_view kAllowedHeaders =
    "authorization, content-type, content-encoding, x-write-key, x-td-write-key, x-td-fetch-api";

std::string_view ReasonOf(int status) {
  namespace http = boost::beast::http;
  return http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
}

// What stands in headers comes from dialects, which may have taken it from a request.
void AppendSafe(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out->push_back(c);
  }
}

bool IsHeaderList(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ',' || c == ' ';
  });
}

}  // namespace

void AppendAnswer(const EdgeAnswer& answer, const AnswerContext& context, std::string* out) {
  *out += "HTTP/1.1 ";
  *out += fmt::format_int(answer.status).c_str();
  *out += ' ';
  *out += ReasonOf(answer.status);
  *out += "\r\n";
  if (!answer.content_type.empty()) {
    *out += "Content-Type: ";
    *out += answer.content_type;
    *out += "\r\nX-Content-Type-Options: nosniff\r\n";
  }
  for (const auto& [name, value] : answer.headers) {
    AppendSafe(name, out);
    *out += ": ";
    AppendSafe(value, out);
    *out += "\r\n";
  }
  if (!context.origin.empty()) {
    *out += "Access-Control-Allow-Origin: ";
    AppendSafe(context.origin, out);
    *out +=
        "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n"
        "Cross-Origin-Resource-Policy: cross-origin\r\n";
  }
  if (answer.status == 429 || answer.status == 503) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(context.retry_after).count();
    fmt::format_to(std::back_inserter(*out), "Retry-After: {}\r\n",
                   std::max<std::int64_t>(seconds, 1));
  }
  if (!context.keep_alive) *out += "Connection: close\r\n";
  if (answer.status == 204) {
    *out += "\r\n";
    return;
  }
  *out += "Content-Length: ";
  *out += fmt::format_int(answer.body.size()).c_str();
  *out += "\r\n\r\n";
  if (!context.head_only) *out += answer.body;
}

EdgeAnswer PreflightAnswer(std::string_view requested_headers) {
  const bool fine = !requested_headers.empty() &&
                    requested_headers.size() <= kMaxRequestedHeaderBytes &&
                    IsHeaderList(requested_headers);
  EdgeAnswer answer{.status = 204};
  answer.headers = {
      {"Access-Control-Allow-Methods", "GET, POST, PUT, OPTIONS"},
      {"Access-Control-Allow-Headers", std::string(fine ? requested_headers : kAllowedHeaders)},
      {"Access-Control-Max-Age", "600"}};
  return answer;
}

EdgeAnswer ProblemAnswer(int status, std::string_view text) {
  EdgeAnswer answer{.status = status, .content_type = "application/json", .body = "{\"error\":"};
  AppendJsonText(text, &answer.body);
  answer.body += "}\n";
  return answer;
}

}  // namespace carillon
