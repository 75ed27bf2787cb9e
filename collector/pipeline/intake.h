#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ack_level.h"
#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/clock.h"
#include "base/status.h"

namespace carillon {

// An event that its tenant's rules have let through, with the place that they gave it.
// The views belong to the caller.
struct PreparedEvent {
  std::string_view bucket;
  std::string_view type;
  std::string_view subtype;
  std::int64_t time_us = 0;  // since 1970; its epoch is the whole seconds
  std::string_view id;       // the client's, for de-duplication; empty: none
  std::string_view json;     // one object in one line, as it will be stored
};

// When a request is to be answered with OK, and how long it may wait for that; then it is answered
// with UNAVAILABLE, and is stored all the same.
struct AckWish {
  AckLevel level = AckLevel::kLocal;
  Duration timeout = std::chrono::seconds(10);
};

// The events of one request, all of one tenant.
struct IntakeRequest {
  std::string_view tenant;
  std::int64_t received_us = 0;
  std::vector<PreparedEvent> events;  // never empty
  // For how long an event's id is remembered, so that another with it is dropped; 0: ids are not
  // looked at.
  std::uint64_t deduplicate_seconds = 0;
  AckWish ack;
};

// A chunk that its client has packed. The views belong to the caller.
struct PackedChunk {
  std::string_view tenant;
  std::string_view bucket;
  ChunkInfo info;  // of the value; its dc is the collector's
  SharedBytes value;
  AckWish ack;
};

// Where packed chunks go.
class ChunkIntake {
 public:
  virtual ~ChunkIntake() = default;

  // Keeps the chunk, which will be in the store and committed once, and calls `done` once, from any
  // thread; as Intake::Keep. Its number is the client's, unless the store has other bytes under
  // that key: then it gets another.
  // INVALID_ARGUMENT: another dc, or larger than a chunk may be.
  // What the views point to is copied before this returns. Cost: a share of an fdatasync.
  virtual void KeepChunk(const PackedChunk& chunk, std::function<void(Status)> done) = 0;
};

// Where accepted requests go: what stands between an answer and a committed second.
class Intake {
 public:
  virtual ~Intake() = default;

  // Keeps all events of the request or none, and calls `done` once, from any thread:
  //   OK                  kept as durably as asked for: they will be in the store, each once
  //   RESOURCE_EXHAUSTED  the spool is full: nothing was kept
  //   UNAVAILABLE         it stops, its disk failed, or what AckWish asks for was not reached in
  //                       time: nothing is promised, and the events may be stored
  //   INVALID_ARGUMENT    an event that no chunk can hold (a name, a time, a newline, its size), or
  //                       too much in one request: nothing was kept, and never will be
  // What the request's views point to is copied before Keep returns. `done` may run before that.
  // Threads: any, at once. Cost: a copy and a share of an fdatasync.
  virtual void Keep(const IntakeRequest& request, std::function<void(Status)> done) = 0;

  // When, if the spool is full, it is worth trying again.
  virtual Duration RetryAfter() const = 0;
};

}  // namespace carillon
