#include "collector/dialects/elasticsearch.h"

#include <algorithm>
#include <cctype>

#include "collector/dialects/answers.h"
#include "collector/dialects/bulk_reader.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/form.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kBulk = "/_bulk";
constexpr std::string_view kMediaType = "application/vnd.elasticsearch+";
constexpr std::string_view kProduct =
    R"({"name":"carillon","cluster_name":"carillon","cluster_uuid":"carillon",)"
    R"("version":{"number":"8.17.0","build_flavor":"default","build_type":"deb",)"
    R"("build_hash":"0","build_snapshot":false,"lucene_version":"9.12.0",)"
    R"("minimum_wire_compatibility_version":"7.17.0",)"
    R"("minimum_index_compatibility_version":"7.0.0"},"tagline":"You Know, for Search"})";

bool ContainsNoCase(std::string_view text, std::string_view lower_case) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(), same) !=
         text.end();
}

bool IsProductCheck(const EdgeRequest& request) {
  if (request.path != "/" || (request.method != "GET" && request.method != "HEAD")) return false;
  const std::string_view agent = request.Header("User-Agent");
  return request.Header("Accept").starts_with(kMediaType) || ContainsNoCase(agent, "elastic") ||
         ContainsNoCase(agent, "logstash");
}

std::string IndexOfPath(const EdgeRequest& request) {
  std::string_view path = request.path;
  path.remove_suffix(kBulk.size());
  if (path.starts_with('/')) path.remove_prefix(1);
  return FormDecoded(path);
}

std::string_view ErrorType(int status) {
  if (status == 401 || status == 403) return "security_exception";
  if (status == 429 || status == 503) return "es_rejected_execution_exception";
  return "illegal_argument_exception";
}

EdgeAnswer WithProduct(EdgeAnswer answer) {
  answer.headers.emplace_back("X-Elastic-Product", "Elasticsearch");
  return answer;
}

EdgeAnswer ElasticError(const Status& status) {
  const int http = HttpStatusOf(status.code());
  return JsonAnswer(http, fmt::format(R"({{"error":{{"type":"{}","reason":{}}},"status":{}}})",
                                      ErrorType(http), JsonText(Message(status)), http));
}

void AppendItem(const BulkReader& action, const EventRejection* rejection, std::string* body) {
  fmt::format_to(std::back_inserter(*body), R"({{"{}":{{"_index":{},"_id":{},)",
                 BulkActionName(action.action()), JsonText(action.index()), JsonText(action.id()));
  if (rejection == nullptr) {
    body->append(R"("_version":1,"result":"created","status":201}})");
    return;
  }
  const int status = HttpStatusOf(rejection->code);
  fmt::format_to(
      std::back_inserter(*body), R"("status":{},"error":{{"type":"{}","reason":{}}}}}}})", status,
      status == 400 ? "mapper_parsing_exception" : ErrorType(status), JsonText(rejection->text));
}

class ElasticsearchDialect final : public Dialect {
 public:
  std::string_view name() const override { return "elasticsearch"; }

  bool Matches(const EdgeRequest& request) const override {
    if (IsProductCheck(request)) return true;
    if (request.method != "POST" && request.method != "PUT") return false;
    return request.path.ends_with(kBulk) &&
           std::count(request.path.begin(), request.path.end(), '/') <= 2;
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    const std::string_view api_key = AuthorizationOf(request, "ApiKey");
    if (api_key.empty()) return AnyAuthorizationOf(request);
    const auto decoded = DecodeBase64("Authorization", api_key);
    if (!decoded.ok() || decoded->find(':') == std::string::npos) return std::string(api_key);
    return decoded->substr(decoded->find(':') + 1);
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (request.path == "/") return OkStatus();
    const std::string index = IndexOfPath(request);
    BulkReader actions(request.body, index);
    EventWriter writer("items", events);
    JsonDocument document;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, actions.Next());
      if (!more) break;
      RETURN_IF_ERROR(Add(actions, &document, &writer));
    }
    return events->empty() ? InvalidArgument("body: no actions") : OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (!outcome.status.ok()) return WithProduct(ElasticError(outcome.status));
    if (request.path == "/") return WithProduct(JsonAnswer(200, std::string(kProduct)));
    if (outcome.events == nullptr) return WithProduct(JsonAnswer(200, "{}"));
    const EventBatch& events = *outcome.events;
    std::string body = fmt::format(R"({{"took":0,"errors":{},"items":[)", events.rejected() > 0);
    // Decode has read these actions to their end.
    const std::string index = IndexOfPath(request);
    BulkReader actions(request.body, index);
    for (std::size_t i = 0; i < events.size() && actions.Next().value_or(false); ++i) {
      if (i > 0) body.push_back(',');
      AppendItem(actions, events.rejection(i), &body);
    }
    body.append("]}");
    return WithProduct(JsonAnswer(200, std::move(body)));
  }

 private:
  static Status Add(const BulkReader& action, JsonDocument* document, EventWriter* writer) {
    if (action.action() == BulkAction::kUpdate || action.action() == BulkAction::kDelete) {
      return writer->Reject(fmt::format("{} is not supported: events are never changed",
                                        BulkActionName(action.action())));
    }
    if (const Status status = document->Parse(action.document()); !status.ok()) {
      return writer->Reject(status);
    }
    const JsonValue root = document->root();
    return writer->Add({.stream = action.index(),
                        .id = action.id(),
                        .time_us = TimeOf(root["@timestamp"], TimeUnit::kMilliseconds)},
                       root);
  }
};

}  // namespace

const Dialect& Elasticsearch() {
  static const ElasticsearchDialect dialect;
  return dialect;
}

}  // namespace carillon
