#pragma once

#include <deque>
#include <optional>
#include <string>

#include "server/node/effects.h"
#include "server/node/outbox.h"

namespace carillon {

// Reads many chunks at once and hands them out in the order they were asked for, as fast as the
// consumer takes them: at most kMaxWindowItems and kMaxWindowBytes are under way or waiting.
// Pure. One owner at a time.
class OrderedReads {
 public:
  static constexpr std::size_t kMaxWindowItems = 32;
  static constexpr std::size_t kMaxWindowBytes = std::size_t{4} << 20;

  // Whether there is room to Add; `expected_bytes` of a value count until it is handed out.
  bool HasRoom() const { return slots_.size() < kMaxWindowItems && bytes_ < kMaxWindowBytes; }
  bool empty() const { return slots_.empty(); }

  // Asks for a chunk, and hands `item` out in its turn, with its value or its error.
  void AddRead(StreamItem item, const std::string& bucket, const ChunkPlace& place,
               std::size_t expected_bytes, Outbox* out);
  // Hands `item` out in its turn as it is.
  void AddReady(StreamItem item);

  // A read ended. An unknown operation changes nothing.
  void Handle(ReadDone done);

  void AddCredit(std::uint32_t items) { credit_ += items; }
  // Emits what is ready, in order, as far as the credit goes.
  void EmitReady(Outbox* out);

 private:
  struct Slot {
    StreamItem item;
    OperationId operation;
    std::size_t expected_bytes = 0;
    bool ready = false;
  };
  std::deque<Slot> slots_;
  std::size_t bytes_ = 0;
  std::uint64_t credit_ = 0;
};

}  // namespace carillon
