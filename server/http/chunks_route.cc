#include "server/http/chunks_route.h"

#include "base/checksum.h"
#include "server/http/event_stream.h"
#include "server/http/json_reader.h"
#include "server/http/problem_json.h"
#include "server/http/range_parameters.h"
#include "server/http/write_answer.h"

namespace carillon {
namespace {

// Replies with the one value of a GetChunks.
class OneChunk final : public StreamReceiver {
 public:
  OneChunk(Metrics* metrics, Reply reply) : metrics_(metrics), reply_(std::move(reply)) {}

  void OnItem(StreamItem item) override {
    if (!reply_) return;
    const Reply reply = std::exchange(reply_, nullptr);
    if (!item.status.ok()) return reply(Problem(item.status));
    metrics_->CountValueBytesOut(item.value.size());
    HttpResponse response;
    response.content_type = "application/octet-stream";
    response.headers.push_back({kCrcHeader, fmt::format("{:08x}", item.value_crc)});
    response.body = std::move(item.value);
    reply(std::move(response));
  }
  void OnEnd(Status status) override {
    if (!reply_) return;
    const Reply reply = std::exchange(reply_, nullptr);
    if (status.ok()) status = Internal("the node answered without a chunk");
    reply(Problem(status));
  }

 private:
  Metrics* metrics_;
  Reply reply_;
};

}  // namespace

StatusOr<PutChunkInput> ParsePutChunk(HttpRequest request) {
  ASSIGN_OR_RETURN(const QueryString query, QueryString::Parse(request.query, {"bucket"}));
  PutChunkInput input;
  ASSIGN_OR_RETURN(input.bucket, BucketOf(query));
  RETURN_IF_ERROR(ParseChunkKey(request.parameter).status());
  input.key = std::move(request.parameter);
  input.computed_crc = Crc32c(request.body);
  input.value_crc = input.computed_crc;
  if (request.crc32c) {
    ASSIGN_OR_RETURN(input.value_crc, ParseCrcHex(kCrcHeader, *request.crc32c));
  }
  input.value = Rope(std::move(request.body));
  return input;
}

bool WantsEvents(std::string_view accept) {
  return accept.find(kNdjsonType) != std::string_view::npos;
}

void HandleGetChunk(const RouteContext& context, HttpRequest request, Reply reply) {
  const auto query = QueryString::Parse(request.query, {"bucket"});
  if (!query.ok()) return reply(Problem(query.status()));
  auto bucket = BucketOf(*query);
  if (!bucket.ok()) return reply(Problem(bucket.status()));
  StreamPermits::Permit permit;
  const bool events = WantsEvents(request.accept);
  if (events && !(permit = context.streams->Take())) {
    return reply(Problem(ResourceExhausted("{} bodies are being streamed, the most there may be",
                                           context.streams->limit())));
  }
  NodeLoop* node = context.core->node();
  GetChunksInput input{.request = node->NewRequest(),
                       .bucket = *std::move(bucket),
                       .keys = {std::move(request.parameter)}};
  const RequestId id = input.request;
  if (!events) {
    node->Open(id, std::move(input),
               std::make_shared<OneChunk>(context.core->metrics(), std::move(reply)));
    return node->AddCredit(id, 1);
  }
  HttpResponse response;
  response.content_type = kNdjsonType;
  response.stream =
      std::make_unique<EventStream>(node, context.core->metrics(), context.dictionaries, id,
                                    std::move(input), 0, std::move(permit));
  reply(std::move(response));
}

void HandlePutChunk(const RouteContext& context, HttpRequest request, Reply reply) {
  auto input = ParsePutChunk(std::move(request));
  if (!input.ok()) return reply(Problem(input.status()));
  context.core->metrics()->CountValueBytesIn(input->value.size());
  input->request = context.core->node()->NewRequest();
  const RequestId id = input->request;
  context.core->node()->Ask(
      id, *std::move(input),
      [reply = std::move(reply)](const Answer& answer) { reply(WriteResponse(answer)); });
}

}  // namespace carillon
