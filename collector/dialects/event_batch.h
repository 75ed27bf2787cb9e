#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collector/dialects/json_document.h"

namespace carillon {

// One event as its client sent it, before any rule of its tenant. The views belong to whoever gave
// them.
struct EventFields {
  // Where the client says it belongs, in its dialect's words: "database.table", a tag, an index, a
  // source type. May be empty.
  std::string_view stream;
  // The client's own name for this very event, the same whenever it is sent again. Empty: none.
  std::string_view id;
  // When it happened, microseconds since 1970, if the client says. Any value.
  std::optional<std::int64_t> time_us;
  // One JSON object in one line: valid, no newline, no deeper than kMaxEventDepth.
  std::string_view json;
  // The same object, if a dialect has it parsed: whoever shapes the event need not parse it again.
  // Valid until its document is parsed anew, which a dialect does for its next request.
  JsonValue parsed;
};

// What is wrong with one event of a request whose others are taken.
struct EventRejection {
  StatusCode code = StatusCode::kInvalidArgument;
  std::string text;
};

inline constexpr std::size_t kMaxEventDepth = 64;
inline constexpr std::size_t kMaxEventsInRequest = 10'000;

// The events of one request, in the client's order, each taken or rejected. Keeps all of their
// bytes in one piece of memory.
//
// Threads: one caller at a time. Cost of Add: a copy of its bytes.
class EventBatch {
 public:
  void Add(const EventFields& event);
  void AddRejected(EventRejection rejection);
  // Turns an event that was taken so far into a rejected one.
  void Reject(std::size_t place, EventRejection rejection);
  void Clear();

  std::size_t size() const { return events_.size(); }
  bool empty() const { return events_.empty(); }
  std::size_t rejected() const { return rejections_.size(); }
  // Of the taken ones' JSON.
  std::size_t json_bytes() const { return json_bytes_; }

  // Requires: place < size(). Of a rejected event: all empty. Valid until the batch changes.
  EventFields event(std::size_t place) const;
  // nullptr: taken.
  const EventRejection* rejection(std::size_t place) const;

 private:
  struct Span {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  struct Event {
    Span stream;
    Span id;
    Span json;
    std::optional<std::int64_t> time_us;
    JsonValue parsed;
    std::int32_t rejection = -1;  // index into rejections_
  };
  Span Keep(std::string_view text);
  std::string_view View(Span span) const { return {text_.data() + span.at, span.size}; }

  std::string text_;
  std::vector<Event> events_;
  std::vector<EventRejection> rejections_;
  std::size_t json_bytes_ = 0;
};

}  // namespace carillon
