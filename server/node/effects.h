#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "ring/cluster_state.h"
#include "server/node/input.h"

// Everything a node can want done, as plain data, in the order it is to be done.
namespace carillon {

// --- On this node's store. Each is answered by exactly one completion with its operation.

struct StorePlace {
  PartitionId partition;
  std::uint16_t ring_position = 0;
};
struct StoreChunk {  // -> WriteDone
  OperationId operation;
  StorePlace place;
  std::string bucket;
  ChunkKey key;
  Rope value;
  std::uint32_t value_crc = 0;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
struct StoreCommit {  // -> WriteDone
  OperationId operation;
  StorePlace place;
  Commit commit;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
struct ChunkPlace {
  PartitionId partition;
  ChunkKey key;
};
struct StatChunks {  // -> StatDone
  OperationId operation;
  std::string bucket;
  std::vector<ChunkPlace> chunks;
};
struct ReadChunk {  // -> ReadDone
  OperationId operation;
  std::string bucket;
  ChunkPlace chunk;
};
struct ScanSeconds {  // -> ScanDone; all partitions
  OperationId operation;
  std::string bucket;
  EpochRange range;
  std::string dc;
  std::size_t max_chunks = 0;
};
// Makes the state durable; every node that sees it later may rely on it. -> StateSaved
struct SaveState {
  OperationId operation;
  ClusterState state;
};

// --- To clients. A request gets exactly one Answer, or items and then exactly one StreamEnd.

struct WriteCost {
  std::uint32_t replicas_written = 0;
  std::uint64_t bytes_between_nodes = 0;
};
struct WriteAnswer {
  WriteCost cost;
  bool already_stored = false;
};
struct SecondsAnswer {
  std::vector<Second> seconds;
  std::optional<Epoch> next_from;
  std::vector<std::pair<std::string, Epoch>> watermarks;  // by dc
};
struct BucketAnswer {
  std::string name;
  BucketProperties properties;
};
struct Answer {
  RequestId request;
  Status status;  // when not OK, `value` is empty
  std::variant<std::monostate, WriteAnswer, SecondsAnswer, BucketAnswer> value;
  StateVersion version;
};

// An item of GetChunks (a key's value or error), or of ReadRange (a chunk, or the end of a second).
struct StreamItem {
  RequestId request;
  enum class Kind { kChunk, kSecondEnd } kind = Kind::kChunk;
  std::string key;  // of a chunk: as asked for, or as the manifest has it
  ChunkInfo info;   // of a chunk of a range
  Status status;    // of a chunk; when not OK, no value
  SharedBytes value;
  std::uint32_t value_crc = 0;
  Epoch epoch;  // of the end of a second
  std::string dc;
  bool complete = false;
};
struct StreamEnd {
  RequestId request;
  Status status;
};

using Effect = std::variant<StoreChunk, StoreCommit, StatChunks, ReadChunk, ScanSeconds, SaveState,
                            Answer, StreamItem, StreamEnd>;
using Effects = std::vector<Effect>;

}  // namespace carillon
