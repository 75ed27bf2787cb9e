#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/dialects/event_batch.h"
#include "collector/dialects/json_document.h"
#include "collector/tenant/tenant.h"
#include "collector/user_agent/user_agent_cache.h"

namespace carillon {

// Fields that only the collector sets: a client's are taken out.
inline constexpr std::string_view kReceivedField = "_received";
inline constexpr std::string_view kAddressField = "_ip";
inline constexpr std::string_view kUserAgentField = "_user_agent";
inline constexpr std::string_view kParsedUserAgentField = "_ua";
// An event larger than this might not fit a chunk, however well it compresses.
inline constexpr std::size_t kMaxShapedEventBytes = std::size_t{4} << 20;
// As buckets have it unless told otherwise.
inline constexpr std::size_t kMaxChunkBytes = 512'000;

// What is known of a request's events beyond their bytes.
struct EventOrigin {
  std::string_view address;     // of the client; empty: not known
  std::string_view user_agent;  // may be empty
  std::int64_t received_us = 0;
  const UserAgentParser* user_agents = nullptr;  // nullptr: none is parsed. Always the same one
};

// One event as it will be stored, and where.
struct ShapedEvent {
  std::string_view bucket;
  std::string_view type;
  std::string_view subtype;
  std::int64_t time_us = 0;
  std::string_view id;
  std::string_view json;
};

// Turns what clients sent into what is stored: an object in one line with `timestamp`, `type`, and
// the fields the tenant's enrichment sets. Where it goes:
//
//   bucket         the tenant's
//   type, subtype  of an event in a stream: "a.b" -> a, b; without a dot it has no subtype;
//                  without a stream: the event's own `type` and `subtype`, or the tenant's type
//   all three      as the first matching StreamPlace says; then as the rules say
//
// Threads: one caller at a time. Keeps the memory of the largest batch so far.
class EventShaper {
 public:
  // Shapes the events of `batch` that were taken; rejects there those that are blocked, too large,
  // or no objects. What a rule drops is in neither. Requires: `tenant` and `batch` outlive the
  // result, which is valid until the next call.
  const std::vector<ShapedEvent>& Shape(const Tenant& tenant, const EventOrigin& origin,
                                        EventBatch* batch);

  // Of the last call.
  std::size_t dropped() const { return dropped_; }

 private:
  struct Span {
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  struct Piece {            // of shaped_, until text_ no longer grows
    std::size_t place = 0;  // in the batch
    Span bucket;
    Span type;
    Span subtype;
    Span json;
  };

  void Place(const Tenant& tenant, const EventFields& fields);
  void ShapeOne(const Tenant& tenant, const EventOrigin& origin, std::size_t place,
                EventBatch* batch);
  void RemoveReserved();
  void AppendJson(const Tenant& tenant, const EventOrigin& origin, std::int64_t time_us);
  std::string_view UserAgentOf(const Tenant& tenant, const EventOrigin& origin);
  Span Keep(std::string_view text);
  std::string_view View(Span span) const { return {text_.data() + span.begin, span.size}; }

  JsonDocument document_;
  JsonValue root_;  // of the event being shaped: of document_, or as its dialect has it
  UserAgentCache user_agents_;
  RuledEvent event_;
  std::string scratch_;
  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<ShapedEvent> shaped_;
  std::size_t dropped_ = 0;
};

}  // namespace carillon
