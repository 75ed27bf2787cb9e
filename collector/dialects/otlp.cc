#include "collector/dialects/otlp.h"

#include "base/coding.h"
#include "collector/dialects/answers.h"
#include "collector/dialects/otlp_event.h"
#include "collector/dialects/shown_key.h"

namespace carillon {
namespace {

constexpr std::string_view kProtobufType = "application/x-protobuf";

bool IsProtobuf(const EdgeRequest& request) {
  const std::string_view type = request.Header("Content-Type");
  return type.starts_with(kProtobufType) || type.starts_with("application/protobuf");
}

// A protobuf field of bytes.
void PutField(unsigned number, std::string_view bytes, Bytes* out) {
  PutVarint(out, number << 3 | 2);
  PutString(out, bytes);
}
void PutField(unsigned number, std::uint64_t value, Bytes* out) {
  PutVarint(out, number << 3);
  PutVarint(out, value);
}

// ExportLogsServiceResponse{partial_success=1{rejected_log_records=1, error_message=2}}.
EdgeAnswer Success(const EdgeRequest& request, const EdgeOutcome& outcome) {
  const std::size_t rejected = outcome.events == nullptr ? 0 : outcome.events->rejected();
  const std::string why = FirstRejection(outcome);
  if (IsProtobuf(request)) {
    EdgeAnswer answer{.status = 200, .content_type = kProtobufType};
    if (rejected == 0) return answer;
    Bytes partial;
    PutField(1, rejected, &partial);
    PutField(2, why, &partial);
    PutField(1, partial, &answer.body);
    return answer;
  }
  if (rejected == 0) return JsonAnswer(200, R"({"partialSuccess":{}})");
  return JsonAnswer(
      200, fmt::format(R"({{"partialSuccess":{{"rejectedLogRecords":"{}","errorMessage":{}}}}})",
                       rejected, JsonText(why)));
}

// google.rpc.Status{code=1, message=2}.
EdgeAnswer Failure(const EdgeRequest& request, const Status& status) {
  const int http = HttpStatusOf(status.code());
  const auto code = static_cast<std::uint64_t>(status.code());
  if (!IsProtobuf(request)) {
    return JsonAnswer(
        http, fmt::format(R"({{"code":{},"message":{}}})", code, JsonText(Message(status))));
  }
  EdgeAnswer answer{.status = http, .content_type = kProtobufType};
  PutField(1, code, &answer.body);
  PutField(2, Message(status), &answer.body);
  return answer;
}

class OtlpLogsDialect final : public Dialect {
 public:
  std::string_view name() const override { return "otlp"; }
  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" && request.path == "/v1/logs";
  }
  std::string KeyOf(const EdgeRequest& request) const override {
    if (const auto key = request.Header("Api-Key"); !key.empty()) return std::string(key);
    return AnyAuthorizationOf(request);
  }
  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    return IsProtobuf(request) ? DecodeOtlpProtobuf(request.body, events)
                               : DecodeOtlpJson(request.body, events);
  }
  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    const Status status = OverallStatus(outcome);
    return status.ok() ? Success(request, outcome) : Failure(request, status);
  }
};

}  // namespace

const Dialect& OtlpLogs() {
  static const OtlpLogsDialect dialect;
  return dialect;
}

}  // namespace carillon
