#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "collector/dialects/dialect.h"

// Answers as bytes. Pure.
namespace carillon {

struct AnswerContext {
  std::string_view origin;  // the request's, to be allowed to read the answer; empty: none
  bool keep_alive = true;
  bool head_only = false;   // to a HEAD
  Duration retry_after{0};  // with 429 and 503; at least a second is said
};

// Appends head and body.
void AppendAnswer(const EdgeAnswer& answer, const AnswerContext& context, std::string* out);

// To a browser that asks whether it may send: yes, always; the key decides later.
// `requested_headers`: Access-Control-Request-Headers.
EdgeAnswer PreflightAnswer(std::string_view requested_headers);

// {"error":"..."}.
EdgeAnswer ProblemAnswer(int status, std::string_view text);

}  // namespace carillon
