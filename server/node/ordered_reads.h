#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "server/node/effects.h"
#include "server/node/outbox.h"

namespace carillon {

// Reads many chunks at once and hands them out in the order they were asked for, as fast as the
// consumer takes them: at most kMaxWindowItems and kMaxWindowBytes are under way or waiting.
//
// Each chunk is asked of its candidates (candidates.h), best first: of the next one when one says
// it has not got it, or fails, or is slow (a hedge). NOT_FOUND only when every candidate said so;
// UNAVAILABLE when one that may have it did not answer. A home that turned out to lack a chunk, or
// to hold it damaged, is sent it (read repair).
//
// Pure. One owner at a time.
class OrderedReads {
 public:
  static constexpr std::size_t kMaxWindowItems = 32;
  static constexpr std::size_t kMaxWindowBytes = std::size_t{4} << 20;

  // Whether there is room to Add; `expected_bytes` of a value count until it is handed out.
  bool HasRoom() const { return slots_.size() < kMaxWindowItems && bytes_ < kMaxWindowBytes; }
  bool empty() const { return slots_.empty(); }

  enum class Kind : std::uint8_t {
    kNamed,   // a caller names it: it may never have been stored
    kListed,  // a manifest lists it: when all say NOT_FOUND, it is lost, and that is DATA_LOSS
  };
  // Asks for a chunk, and hands `item` out in its turn, with its value or its error.
  // Requires: the bucket exists in `out`'s scene.
  void AddRead(StreamItem item, const std::string& bucket, const ChunkPlace& place,
               std::size_t expected_bytes, Kind kind, Outbox* out);
  // Hands `item` out in its turn as it is.
  void AddReady(StreamItem item);

  // A read ended. An unknown operation changes nothing.
  void Handle(ReadDone done, Outbox* out);
  void HandleTime(Outbox* out);
  // The cluster state is another one: what is not ready is asked of those who may have it now.
  void HandleNewState(Outbox* out);

  void AddCredit(std::uint32_t items) { credit_ += items; }
  // Emits what is ready, in order, as far as the credit goes.
  void EmitReady(Outbox* out);

 private:
  struct Asked {
    OperationId operation;
    MemberIndex member = 0;
  };
  struct Slot {
    StreamItem item;
    std::size_t expected_bytes = 0;
    bool ready = false;
    Kind kind = Kind::kNamed;
    std::string bucket;
    ChunkPlace place;
    std::vector<MemberIndex> candidates;
    std::size_t next = 0;            // candidate
    std::vector<Asked> asked;        // under way
    std::vector<MemberIndex> lacks;  // said that they have not got it, or hold it damaged
    Status doubt;                    // of one that may have it
    Status damage;
    Instant hedge_at;
  };
  bool AskNext(Slot* slot, Outbox* out);
  void Fill(Slot* slot, ReadDone done, MemberIndex from, Outbox* out);
  void GiveUp(Slot* slot);
  void Repair(const Slot& slot, Outbox* out) const;

  std::deque<Slot> slots_;
  std::size_t bytes_ = 0;
  std::uint64_t credit_ = 0;
  bool wake_set_ = false;
};

}  // namespace carillon
