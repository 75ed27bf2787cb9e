#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/chunk_key.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"

// Everything a node can be told, as plain data: what clients ask, and how effects ended.
namespace carillon {

// A client's request, from its arrival to its answer. Chosen by the shell, never reused.
using RequestId = Id<struct RequestTag, std::uint64_t>;
// An effect that will be answered by exactly one completion. Chosen by the node.
using OperationId = Id<struct OperationTag, std::uint64_t>;

struct NodeTime {
  Instant now;
  WallTime wall;
};

// What the sender believed of the ring. version 0: it knows nothing, and is routed.
struct Route {
  StateVersion version;
  PartitionId partition;
};

struct ChunkFilter {  // empty: everything
  std::string dc;
  std::string cell;
  std::string type;
  std::optional<std::string> subtype;

  bool Matches(const ChunkKey& key) const {
    return (dc.empty() || key.dc == dc) && (cell.empty() || key.cell == cell) &&
           (type.empty() || key.type == type) && (!subtype || key.subtype == *subtype);
  }
};

// --- What clients ask. Strings are as they came: the node checks them.

struct PutChunkInput {
  RequestId request;
  Route route;
  std::string bucket;
  std::string key;
  Rope value;
  std::uint32_t value_crc = 0;  // the sender's; the shell has found `value` to have computed_crc
  std::uint32_t computed_crc = 0;
};
struct CommitInput {
  RequestId request;
  Route route;
  Commit commit;
};
struct ListSecondsInput {
  RequestId request;
  std::string bucket;
  EpochRange range;
  ChunkFilter filter;
  std::uint32_t max_chunks = 0;  // 0: kMaxListedChunks
};
// Streams: items are emitted while the consumer has credit (CreditInput).
struct GetChunksInput {
  RequestId request;
  std::string bucket;
  std::vector<std::string> keys;
};
struct ReadRangeInput {
  RequestId request;
  std::string bucket;
  EpochRange range;
  ChunkFilter filter;
  std::uint64_t max_events = 0;  // 0: no limit
};
// The consumer of a stream can take `items` more.
struct CreditInput {
  RequestId request;
  std::uint32_t items = 0;
};
// Nobody waits for the answer any more. Whatever is under way is finished and forgotten.
struct CancelInput {
  RequestId request;
};
struct CreateBucketInput {
  RequestId request;
  std::string name;
  BucketChange properties;
};
struct SetBucketInput {
  RequestId request;
  std::string name;
  BucketChange change;
};

// --- How effects ended.

struct WriteDone {
  OperationId operation;
  Status status;
  bool already_stored = false;
};
struct ChunkFound {
  std::uint32_t value_bytes = 0;
  std::uint32_t value_crc = 0;
};
struct StatDone {
  OperationId operation;
  Status status;
  std::vector<std::optional<ChunkFound>> found;  // in the order asked
};
struct ReadDone {
  OperationId operation;
  Status status;
  SharedBytes value;
  std::uint32_t value_crc = 0;
};
struct ScanDone {
  OperationId operation;
  Status status;
  std::vector<Second> seconds;
  std::optional<Epoch> next_from;
};
struct StateSaved {
  OperationId operation;
  Status status;
};

using Input = std::variant<PutChunkInput, CommitInput, ListSecondsInput, GetChunksInput,
                           ReadRangeInput, CreditInput, CancelInput, CreateBucketInput,
                           SetBucketInput, WriteDone, StatDone, ReadDone, ScanDone, StateSaved>;

}  // namespace carillon
