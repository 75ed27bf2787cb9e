#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "crunch/dictionary.h"

// Events in and out of a chunk's value: NDJSON (one event a line, each ending in '\n') in one zstd
// frame, level 1 (docs/FORMATS.md). To the ring and the storage the value is opaque; only the two
// ends look inside. A frame may need a dictionary: then it names its id.
//
// All functions: any thread (each keeps its own zstd contexts).
namespace carillon {

inline constexpr int kChunkLevel = 1;
// What a chunk may hold before compression; beyond it, a value is refused as a bomb.
inline constexpr std::size_t kMaxRawChunkBytes = std::size_t{128} << 20;
// One event, as text.
inline constexpr std::size_t kMaxEventBytes = std::size_t{8} << 20;

// One frame, with its content size and without a checksum: a chunk has its CRC32C.
// Requires: ndjson.size() <= kMaxRawChunkBytes. Cost: about 400 MB/s of NDJSON.
// With a dictionary, the frame can only be decoded with it.
Bytes EncodeChunkValue(ByteSpan ndjson, const Dictionary* dictionary = nullptr);

// The id of the dictionary that `value` needs; 0: none, or it is no zstd frame.
std::uint32_t DictionaryIdOf(ByteSpan value);

// How much `value` says that it holds, at most kMaxRawChunkBytes; that if it does not say. 0: it is
// no zstd frame.
std::size_t DecodedBytesOf(ByteSpan value);

// `dictionary`: of DictionaryIdOf(value); of any other frame it is not looked at.
// DATA_LOSS: not exactly one whole zstd frame, or more than kMaxRawChunkBytes inside.
// FAILED_PRECONDITION: another dictionary is needed, or one at all. Never
// allocates more than kMaxRawChunkBytes and a window of 8 MiB, nor more than a frame of this
// length can hold, whatever the frame says of itself.
StatusOr<Bytes> DecodeChunkValue(ByteSpan value, const Dictionary* dictionary = nullptr);

// Calls `visit` with each event of `ndjson`, without its '\n'; empty lines are passed over.
// `visit` returns false to stop. Returns the number of events visited.
std::size_t ForEachEvent(ByteSpan ndjson, const std::function<bool(std::string_view)>& visit);

// Whether `event` can be a line of a chunk of at most `max_chunk_bytes`.
// INVALID_ARGUMENT: empty, or has a newline. RESOURCE_EXHAUSTED: alone, compressed, it is larger
// than a chunk may be, or it is above kMaxEventBytes.
// Cost: a scan for the newline; compresses only an event of about max_chunk_bytes or more.
Status CheckEvent(std::string_view event, std::size_t max_chunk_bytes);

// One chunk's value with what its ChunkInfo says of it.
struct EncodedChunk {
  Bytes value;
  std::size_t events = 0;
  std::size_t raw_bytes = 0;
};

// Encodes whole lines, in their order, into values of at most `max_chunk_bytes`: one, when that
// holds them; else the lines are halved until their parts fit. `dictionary` may be null, and is not
// used for more than kMaxRawBytesWithDictionary.
// Requires: every line ends in '\n' and passes CheckEvent(line, max_chunk_bytes); at most
// kMaxRawChunkBytes.
std::vector<EncodedChunk> EncodeLines(ByteSpan lines, std::size_t max_chunk_bytes,
                                      const Dictionary* dictionary = nullptr);

// Guesses how many bytes of lines fill a chunk, from those seen before. Starts with a ratio of 3.
// Pure. One caller at a time.
class CompressionRatio {
 public:
  // Lines of `raw_bytes` became values of `value_bytes` together. A worse ratio is believed at
  // once (guessing too high costs a second compression), a better one by a quarter.
  // Values too small to tell (under kMinValueBytes) change nothing.
  void Learn(std::size_t raw_bytes, std::size_t value_bytes);

  // How many bytes of lines to compress into one value of at most `max_chunk_bytes`.
  std::size_t RawTarget(std::size_t max_chunk_bytes) const;

  static constexpr std::size_t kMinValueBytes = 16 * 1024;

 private:
  std::size_t percent_ = 300;  // raw bytes per 100 compressed ones
};

}  // namespace carillon
