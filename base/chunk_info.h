#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/ids.h"

// What a manifest says of its chunks, and what a commit adds.
namespace carillon {

struct ChunkInfo {
  ChunkKey key;
  std::uint64_t events = 0;
  std::uint64_t raw_bytes = 0;  // of the events before compression
  std::uint32_t value_bytes = 0;
  std::uint32_t value_crc = 0;  // CRC32C
  friend bool operator==(const ChunkInfo&, const ChunkInfo&) = default;
};

// A writer's promise that it adds nothing at or before `epoch` any more.
struct Seal {
  std::uint64_t writer = 0;  // the writer's number: upper 32 bits of the numbers of its chunks
  Epoch epoch;
  friend bool operator==(const Seal&, const Seal&) = default;
};

inline constexpr std::size_t kMaxChunksPerCommit = 4096;

// One CommitSecond: all of it becomes visible, or none. Every chunk is of `epoch` and `dc`.
struct Commit {
  std::string bucket;
  Epoch epoch;
  std::string dc;
  std::vector<ChunkInfo> chunks;  // at most kMaxChunksPerCommit; may be empty with a seal
  std::optional<Seal> seal;
  friend bool operator==(const Commit&, const Commit&) = default;
};

// INVALID_ARGUMENT: a name, an epoch, or a chunk that does not belong to this second.
Status Validate(const Commit& commit);

// The value of a manifest record (docs/FORMATS.md): chunks and seal; bucket, epoch, and dc are in
// the record's key. Order of chunks is kept.
Bytes EncodeCommitValue(const Commit& commit);
// Fills chunks and seal of a commit whose bucket, epoch, and dc are given.
// DATA_LOSS: not what EncodeCommitValue writes.
Status DecodeCommitValue(ByteSpan value, Commit* commit);

// The manifest of one (bucket, epoch, dc), as far as it was asked for.
struct Second {
  Epoch epoch;
  std::string dc;
  std::vector<ChunkInfo> chunks;  // by cell, type, subtype, number
  bool complete = false;          // at or before the watermark of its dc: nothing will be added
};

}  // namespace carillon
