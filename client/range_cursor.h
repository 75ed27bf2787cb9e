#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/status.h"
#include "client/client.h"
#include "proto/wire.h"

namespace carillon {

// DATA_LOSS: a value of `bytes` with this CRC32C is not what the manifest says.
Status CheckValue(const ChunkInfo& chunk, std::uint32_t crc, std::size_t bytes);

// Where a range read is, so that a read that broke goes on without a gap and without giving
// anything twice: it asks again from the second it was in, and passes over what it has given.
//
// A second is left behind when an item of a later one comes: one epoch has an end for each dc.
// Pure. One caller at a time. Memory: the chunk keys of one epoch.
class RangeCursor {
 public:
  explicit RangeCursor(RangeQuery query) : query_(std::move(query)) {}

  // What to ask for, at the start and after a break.
  RangeQuery Remaining() const;

  // The item that `message` says, with its value's CRC checked (a chunk that fails it is given
  // with the status DATA_LOSS and no value); nullopt: it was given before.
  // INTERNAL: an item out of the range or of an epoch that was left behind.
  StatusOr<std::optional<RangeItem>> Accept(wire::ReadRangeResponse message);

 private:
  Status Enter(Epoch epoch);
  StatusOr<std::optional<RangeItem>> AcceptChunk(wire::ReadRangeResponse message);

  const RangeQuery query_;
  std::optional<Epoch> current_;      // nullopt: nothing has come
  std::set<ChunkKey> chunks_given_;   // of the current epoch
  std::set<std::string> ends_given_;  // dcs of the current epoch
  std::uint64_t events_before_ = 0;   // of the seconds left behind
  std::uint64_t events_in_current_ = 0;
};

}  // namespace carillon
