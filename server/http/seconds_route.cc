#include "server/http/seconds_route.h"

#include <limits>

#include "server/http/commit_json.h"
#include "server/http/json_text.h"
#include "server/http/problem_json.h"
#include "server/http/range_parameters.h"
#include "server/http/write_answer.h"

namespace carillon {
namespace {

void AppendSecond(const Second& second, bool with_keys, std::string* out) {
  std::uint64_t events = 0;
  std::uint64_t value_bytes = 0;
  std::uint64_t raw_bytes = 0;
  for (const ChunkInfo& chunk : second.chunks) {
    events += chunk.events;
    value_bytes += chunk.value_bytes;
    raw_bytes += chunk.raw_bytes;
  }
  fmt::format_to(std::back_inserter(*out),
                 R"({{"epoch":{},"dc":{},"chunks":{},"events":{},"value_bytes":{},)"
                 R"("raw_bytes":{},"complete":{})",
                 second.epoch, JsonString(second.dc), second.chunks.size(), events, value_bytes,
                 raw_bytes, second.complete);
  if (with_keys) {
    out->append(R"(,"keys":[)");
    for (const ChunkInfo& chunk : second.chunks) {
      if (&chunk != &second.chunks.front()) out->push_back(',');
      AppendJsonString(ToString(chunk.key), out);
    }
    out->push_back(']');
  }
  out->push_back('}');
}

}  // namespace

StatusOr<ListSecondsRequest> ParseListSeconds(std::string_view query, std::uint64_t now_seconds) {
  ASSIGN_OR_RETURN(const QueryString parameters,
                   QueryString::Parse(query, {"bucket", "from", "to", "dc", "cell", "type",
                                              "subtype", "chunks", "partial"}));
  ASSIGN_OR_RETURN(RangeParameters range, ParseRange(parameters, now_seconds));
  ListSecondsRequest request;
  ASSIGN_OR_RETURN(request.with_keys, parameters.Flag("chunks"));
  request.input.bucket = std::move(range.bucket);
  request.input.range = range.range;
  request.input.filter = std::move(range.filter);
  request.input.allow_partial = range.allow_partial;
  return request;
}

std::string SecondsJson(const SecondsAnswer& answer, bool with_keys) {
  std::string out = R"({"seconds":[)";
  for (const Second& second : answer.seconds) {
    if (&second != &answer.seconds.front()) out.push_back(',');
    AppendSecond(second, with_keys, &out);
  }
  out.append(R"(],"next_from":)");
  out.append(answer.next_from ? fmt::format("{}", *answer.next_from) : "null");
  if (answer.partial) out.append(R"(,"partial":true)");
  out.append(R"(,"watermarks":{)");
  for (const auto& [dc, epoch] : answer.watermarks) {
    if (dc != answer.watermarks.front().first) out.push_back(',');
    AppendJsonString(dc, &out);
    fmt::format_to(std::back_inserter(out), ":{}", epoch);
  }
  out.append("}}\n");
  return out;
}

StatusOr<Commit> ParseCommit(std::string_view second, std::string_view query, ByteSpan body) {
  ASSIGN_OR_RETURN(const QueryString parameters, QueryString::Parse(query, {"bucket"}));
  Commit commit;
  ASSIGN_OR_RETURN(commit.bucket, BucketOf(parameters));
  const std::size_t dash = second.find('-');  // a dc may have dashes too
  if (dash == std::string_view::npos) {
    return InvalidArgument("second is '{}', want EPOCH-DC", second);
  }
  ASSIGN_OR_RETURN(const std::uint64_t epoch,
                   ParseDecimal("epoch", second.substr(0, dash), kMaxEpoch));
  commit.epoch = Epoch(epoch);
  commit.dc = second.substr(dash + 1);
  RETURN_IF_ERROR(ParseCommitJson(body, &commit));
  RETURN_IF_ERROR(Validate(commit));
  return commit;
}

void HandleListSeconds(const RouteContext& context, HttpRequest request, Reply reply) {
  auto list = ParseListSeconds(request.query, WallSeconds(context.clock->WallNow()));
  if (!list.ok()) return reply(Problem(list.status()));
  list->input.request = context.core->node()->NewRequest();
  const RequestId id = list->input.request;
  context.core->node()->Ask(
      id, std::move(list->input),
      [reply = std::move(reply), with_keys = list->with_keys](const Answer& answer) {
        if (!answer.status.ok()) return reply(Problem(answer.status));
        reply(
            TextResponse(kJsonType, SecondsJson(std::get<SecondsAnswer>(answer.value), with_keys)));
      });
}

void HandleCommit(const RouteContext& context, HttpRequest request, Reply reply) {
  auto commit = ParseCommit(request.parameter, request.query, request.body);
  if (!commit.ok()) return reply(Problem(commit.status()));
  const RequestId id = context.core->node()->NewRequest();
  context.core->node()->Ask(
      id, CommitInput{.request = id, .route = {}, .commit = *std::move(commit)},
      [reply = std::move(reply)](const Answer& answer) { reply(WriteResponse(answer)); });
}

}  // namespace carillon
