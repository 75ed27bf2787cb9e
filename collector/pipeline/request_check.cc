#include "collector/pipeline/request_check.h"

#include "base/chunk_key.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

Status CheckPlace(const PreparedEvent& event) {
  RETURN_IF_ERROR(CheckName("bucket", event.bucket));
  RETURN_IF_ERROR(CheckName("type", event.type));
  return CheckSubtype(event.subtype);
}

Status CheckPrepared(const PreparedEvent& event, std::size_t max_chunk_bytes) {
  const bool in_range =
      event.time_us >= 0 && static_cast<std::uint64_t>(event.time_us) / 1'000'000 <= kMaxEpoch;
  if (!in_range) return InvalidArgument("a time of {} us since 1970", event.time_us);
  const Status status = CheckEvent(event.json, max_chunk_bytes);
  if (status.ok()) return status;
  return InvalidArgument("{}",
                         Message(status));  // a smaller limit of the store's is no reason to wait
}

bool SamePlace(const PreparedEvent& a, const PreparedEvent& b) {
  return a.type == b.type && a.subtype == b.subtype && a.bucket == b.bucket;
}

}  // namespace

Status CheckRequest(const IntakeRequest& request, std::size_t max_chunk_bytes) {
  RETURN_IF_ERROR(CheckName("tenant", request.tenant));
  if (request.events.empty() || request.events.size() > kMaxRequestEvents) {
    return InvalidArgument("a request of {} events, want 1..{}", request.events.size(),
                           kMaxRequestEvents);
  }
  const PreparedEvent* before = nullptr;
  for (const PreparedEvent& event : request.events) {
    Status status;
    if (before == nullptr || !SamePlace(*before, event)) status = CheckPlace(event);
    if (status.ok()) status = CheckPrepared(event, max_chunk_bytes);
    if (!status.ok()) {
      return Annotate(status, fmt::format("event {}", &event - request.events.data()));
    }
    before = &event;
  }
  return OkStatus();
}

}  // namespace carillon
