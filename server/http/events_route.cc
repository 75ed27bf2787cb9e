#include "server/http/events_route.h"

#include <limits>

#include "server/http/event_stream.h"
#include "server/http/problem_json.h"
#include "server/http/range_parameters.h"

namespace carillon {

StatusOr<ReadRangeInput> ParseReadRange(std::string_view query, std::uint64_t now_seconds) {
  ASSIGN_OR_RETURN(const QueryString parameters,
                   QueryString::Parse(query, {"bucket", "from", "to", "dc", "cell", "type",
                                              "subtype", "limit", "partial"}));
  ASSIGN_OR_RETURN(RangeParameters range, ParseRange(parameters, now_seconds));
  ReadRangeInput input;
  input.bucket = std::move(range.bucket);
  input.range = range.range;
  input.filter = std::move(range.filter);
  input.allow_partial = range.allow_partial;
  if (const auto limit = parameters.Find("limit")) {
    ASSIGN_OR_RETURN(input.max_events,
                     ParseDecimal("limit", *limit, std::numeric_limits<std::uint32_t>::max()));
    if (input.max_events == 0) return InvalidArgument("limit is 0, want 1 or more");
  }
  return input;
}

void HandleEvents(const RouteContext& context, HttpRequest request, Reply reply) {
  auto input = ParseReadRange(request.query, WallSeconds(context.clock->WallNow()));
  if (!input.ok()) return reply(Problem(input.status()));
  StreamPermits::Permit permit = context.streams->Take();
  if (!permit) {
    return reply(Problem(ResourceExhausted("{} bodies are being streamed, the most there may be",
                                           context.streams->limit())));
  }
  NodeLoop* node = context.core->node();
  input->request = node->NewRequest();
  const RequestId id = input->request;
  const std::uint64_t max_events = input->max_events;
  HttpResponse response;
  response.content_type = kNdjsonType;
  response.stream =
      std::make_unique<EventStream>(node, context.core->metrics(), context.dictionaries, id,
                                    *std::move(input), max_events, std::move(permit));
  reply(std::move(response));
}

}  // namespace carillon
