#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collector/dialects/event_batch.h"
#include "collector/dialects/json_document.h"
#include "collector/dialects/json_text.h"

namespace carillon {

// What keys are called in bodies: no event keeps them.
inline constexpr std::string_view kSecretMembers[] = {"api_key", "apiKey", "writeKey", "write_key",
                                                      "td_write_key"};

// Of the names that clients give.
inline constexpr std::size_t kMaxStreamBytes = 512;
inline constexpr std::size_t kMaxEventIdBytes = 512;
// Of all events of a request: what a client writes once (labels, a resource) is in each of them.
inline constexpr std::size_t kMaxBatchJsonBytes = std::size_t{64} << 20;

// Puts the events of one request into its batch, each checked: an object, no deeper than
// kMaxEventDepth, of texts that are texts, in one line. What fails is rejected, naming its place
// ("events[3]"), and the request goes on.
//
// Every function that adds: OUT_OF_RANGE beyond kMaxEventsInRequest or kMaxBatchJsonBytes, else OK.
class EventWriter {
 public:
  // `list`: what the client calls the events.
  EventWriter(std::string_view list, EventBatch* batch) : list_(list), batch_(batch) {}

  // `where.json` is not looked at.
  // The object as it is written, without the members that `without` names. Cost: one copy, when it
  // has none of these and is in one line.
  Status Add(const EventFields& where, JsonValue object,
             std::span<const std::string_view> without = {});

  // An object of the caller's making: Begin(), members, then Finish. `levels`: its nesting as
  // far as values of the client are in it (1 + the height of the highest).
  JsonObjectWriter Begin();
  Status Finish(const EventFields& where, JsonObjectWriter* writer, std::size_t levels = 1);
  // `value` may be a part of an event of the caller's making, `levels` above it.
  // INVALID_ARGUMENT: too deep, or not all text.
  Status CheckPart(JsonValue value, std::size_t levels) const;

  Status Reject(std::string_view why, StatusCode code = StatusCode::kInvalidArgument);
  Status Reject(const Status& why) { return Reject(Message(why), why.code()); }

 private:
  Status CheckRoom() const;
  Status Keep(const EventFields& event);
  std::string_view list_;
  EventBatch* batch_;
  std::string json_;
};

}  // namespace carillon
