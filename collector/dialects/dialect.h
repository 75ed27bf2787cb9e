#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/dialects/event_batch.h"

namespace carillon {

// A request of HTTP as a dialect sees it: whole, and with its body unpacked. The views belong to
// the connection, and hold until the request is answered.
class EdgeRequest {
 public:
  virtual ~EdgeRequest() = default;

  // The value of a header, whatever the case of its name; empty: not there.
  virtual std::string_view Header(std::string_view name) const = 0;

  std::string_view method;  // "POST"
  std::string_view path;    // as it came, without '?' and what follows; never empty
  std::string_view query;   // as it came, without '?'
  // Without transfer and content encodings. kBodyPadding bytes behind it may be read (simdjson).
  std::string_view body;
  std::int64_t received_us = 0;  // since 1970
  std::uint64_t chance = 0;      // another for every request: for names made for clients
};
inline constexpr std::size_t kBodyPadding = 64;

struct EdgeAnswer {
  int status = 200;
  std::string_view content_type;  // a literal; empty: no body
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// What became of a request. `status`:
//   OK                   what `events` has as taken is kept as the tenant wants it
//   UNAUTHENTICATED      no key, or one that nobody has
//   PERMISSION_DENIED    a key that may not do this (revoked, expired, origin)
//   INVALID_ARGUMENT     Decode's error, or the body could not be unpacked
//   RESOURCE_EXHAUSTED   over a quota: `retry_after` is set
//   UNAVAILABLE          the spool is full or the collector stops: `retry_after` is set
//   OUT_OF_RANGE         above a limit of size
struct EdgeOutcome {
  Status status;
  Duration retry_after{0};
  bool key_missing = false;            // with UNAUTHENTICATED: none was shown at all
  const EventBatch* events = nullptr;  // what Decode made; with a rejection for each one not taken
};

// One family of clients: a few paths, where they show their key, what their bodies look like, what
// they want to hear. Each is one small file and one object that lives for ever.
//
// Pure: no time, no chance, no I/O. Threads: any, at once.
class Dialect {
 public:
  virtual ~Dialect() = default;

  // "treasuredata". A literal, for metrics and logs.
  virtual std::string_view name() const = 0;
  // Whether the request is of this dialect. Looks at method, path, query, and headers only.
  virtual bool Matches(const EdgeRequest& request) const = 0;
  // The key that the client shows, without what its dialect puts around it. Empty: none. The body
  // is there for those who show it inside.
  virtual std::string KeyOf(const EdgeRequest& request) const = 0;
  // Appends the request's events in the client's order. What is wrong with one event rejects it;
  // an error means that the request as a whole cannot be read, and nothing of it is taken.
  // A request that carries no events (a client asking for its configuration) appends none.
  // INVALID_ARGUMENT: what is wrong, naming the field or the place. OUT_OF_RANGE: more than
  // kMaxEventsInRequest.
  virtual Status Decode(const EdgeRequest& request, EventBatch* events) const = 0;
  // What the client understands. The edge adds Retry-After, CORS, and the usual headers by itself.
  virtual EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const = 0;
};

// All dialects, in the order in which they are asked. The objects live as long as the program.
const std::vector<const Dialect*>& AllDialects();
// The first that matches; nullptr: none does.
const Dialect* FindDialect(const EdgeRequest& request);

}  // namespace carillon
