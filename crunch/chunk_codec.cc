#include "crunch/chunk_codec.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include <zstd.h>

#include "base/check.h"

namespace carillon {
namespace {

constexpr int kMaxWindowLog = 23;  // 8 MiB
// A zstd block holds at most 128 KiB and takes at least 4 bytes (its header and one byte to
// repeat), so a frame of n bytes cannot hold more than n / 4 + 1 such blocks.
constexpr std::size_t kMaxBlockBytes = 128 * 1024;
constexpr std::size_t kMinBlockOnWire = 4;
// What a thread keeps of its compression buffer between calls.
constexpr std::size_t kKeptScratchBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxRatioPercent = 4000;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// `dictionary` may be null.
ZSTD_CCtx* Compressor(const Dictionary* dictionary) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context([] {
    ZSTD_CCtx* created = ZSTD_createCCtx();
    CHECK(created != nullptr);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(created, ZSTD_c_compressionLevel, kChunkLevel)));
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(created, ZSTD_c_contentSizeFlag, 1)));
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(created, ZSTD_c_checksumFlag, 0)));
    return created;
  }());
  const ZSTD_CDict* encoder = dictionary == nullptr ? nullptr : dictionary->encoder();
  CHECK(!ZSTD_isError(ZSTD_CCtx_refCDict(context.get(), encoder)));
  return context.get();
}

// In the state of a new one: a frame that failed half way leaves nothing behind. `dictionary` may
// be null.
ZSTD_DCtx* Decompressor(const Dictionary* dictionary) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context([] {
    ZSTD_DCtx* created = ZSTD_createDCtx();
    CHECK(created != nullptr);
    CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(created, ZSTD_d_windowLogMax, kMaxWindowLog)));
    return created;
  }());
  CHECK(!ZSTD_isError(ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only)));
  const ZSTD_DDict* decoder = dictionary == nullptr ? nullptr : dictionary->decoder();
  CHECK(!ZSTD_isError(ZSTD_DCtx_refDDict(context.get(), decoder)));
  return context.get();
}

// Not a std::string: that would be filled with zeros first.
struct Scratch {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;

  void Reserve(std::size_t wanted) {
    if (size >= wanted) return;
    bytes = std::make_unique_for_overwrite<char[]>(wanted);
    size = wanted;
  }
  void Trim() {
    if (size > kKeptScratchBytes) *this = {};
  }
};

Status Damaged(ByteSpan value, std::string_view why) {
  return DataLoss("chunk value of {} bytes: {}", value.size(), why);
}

// One frame of zstd, not a skippable one, and nothing after it.
Status CheckWholeFrame(ByteSpan value) {
  std::uint32_t magic = 0;
  if (value.size() < sizeof(magic)) return Damaged(value, "too short for a zstd frame");
  std::memcpy(&magic, value.data(), sizeof(magic));
  if (magic != ZSTD_MAGICNUMBER) return Damaged(value, "not a zstd frame");
  const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(value.data(), value.size());
  if (ZSTD_isError(frame_bytes)) return Damaged(value, ZSTD_getErrorName(frame_bytes));
  if (frame_bytes != value.size()) return Damaged(value, "bytes follow the zstd frame");
  return OkStatus();
}

StatusOr<Bytes> DecodeSized(ByteSpan value, std::size_t raw_bytes, const Dictionary* dictionary) {
  Bytes raw(raw_bytes, '\0');
  const std::size_t decoded = ZSTD_decompressDCtx(Decompressor(dictionary), raw.data(), raw.size(),
                                                  value.data(), value.size());
  if (ZSTD_isError(decoded)) return Damaged(value, ZSTD_getErrorName(decoded));
  if (decoded != raw_bytes) return Damaged(value, "its frame lies about its size");
  return raw;
}

// A frame written by a stream does not say how much it holds.
StatusOr<Bytes> DecodeUnsized(ByteSpan value, std::size_t limit, const Dictionary* dictionary) {
  ZSTD_DCtx* context = Decompressor(dictionary);
  const std::size_t step = ZSTD_DStreamOutSize();
  Bytes raw;
  ZSTD_inBuffer in{value.data(), value.size(), 0};
  for (std::size_t hint = 1; hint != 0;) {
    const std::size_t filled = raw.size();
    if (filled == limit) return Damaged(value, fmt::format("holds more than {} bytes", limit));
    raw.resize(std::min(filled + step, limit));
    ZSTD_outBuffer out{raw.data() + filled, raw.size() - filled, 0};
    const std::size_t consumed = in.pos;
    hint = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(hint)) return Damaged(value, ZSTD_getErrorName(hint));
    raw.resize(filled + out.pos);
    if (hint != 0 && out.pos == 0 && in.pos == consumed) return Damaged(value, "is cut short");
  }
  return raw;
}

}  // namespace

Bytes EncodeChunkValue(ByteSpan ndjson, const Dictionary* dictionary) {
  CHECK(ndjson.size() <= kMaxRawChunkBytes);
  thread_local Scratch scratch;
  scratch.Reserve(ZSTD_compressBound(ndjson.size()));
  const std::size_t size = ZSTD_compress2(Compressor(dictionary), scratch.bytes.get(), scratch.size,
                                          ndjson.data(), ndjson.size());
  CHECK(!ZSTD_isError(size));
  Bytes value(scratch.bytes.get(), size);
  scratch.Trim();
  return value;
}

std::uint32_t DictionaryIdOf(ByteSpan value) {
  return ZSTD_getDictID_fromFrame(value.data(), value.size());
}

std::size_t DecodedBytesOf(ByteSpan value) {
  const unsigned long long raw_bytes = ZSTD_getFrameContentSize(value.data(), value.size());
  if (raw_bytes == ZSTD_CONTENTSIZE_ERROR) return 0;
  return static_cast<std::size_t>(std::min<unsigned long long>(raw_bytes, kMaxRawChunkBytes));
}

StatusOr<Bytes> DecodeChunkValue(ByteSpan value, const Dictionary* dictionary) {
  RETURN_IF_ERROR(CheckWholeFrame(value));
  const std::uint32_t wanted = DictionaryIdOf(value);
  if (wanted == 0) {
    dictionary = nullptr;
  } else if (dictionary == nullptr || dictionary->id() != wanted) {
    return FailedPrecondition("chunk value of {} bytes: needs the dictionary of id {}",
                              value.size(), wanted);
  }
  const std::size_t possible = (value.size() / kMinBlockOnWire + 1) * kMaxBlockBytes;
  const std::size_t limit = std::min(possible, kMaxRawChunkBytes);
  const unsigned long long raw_bytes = ZSTD_getFrameContentSize(value.data(), value.size());
  if (raw_bytes == ZSTD_CONTENTSIZE_ERROR) return Damaged(value, "its header is malformed");
  if (raw_bytes == ZSTD_CONTENTSIZE_UNKNOWN) return DecodeUnsized(value, limit, dictionary);
  if (raw_bytes > limit) {
    return Damaged(value, fmt::format("claims to hold {} bytes, at most {}", raw_bytes, limit));
  }
  return DecodeSized(value, raw_bytes, dictionary);
}

std::size_t ForEachEvent(ByteSpan ndjson, const std::function<bool(std::string_view)>& visit) {
  std::size_t visited = 0;
  while (!ndjson.empty()) {
    const std::size_t newline = ndjson.find('\n');
    const std::string_view line = ndjson.substr(0, newline);
    ndjson.remove_prefix(newline == ByteSpan::npos ? ndjson.size() : newline + 1);
    if (line.empty()) continue;
    ++visited;
    if (!visit(line)) break;
  }
  return visited;
}

Status CheckEvent(std::string_view event, std::size_t max_chunk_bytes) {
  if (event.empty()) return InvalidArgument("event is empty");
  if (event.size() > kMaxEventBytes) {
    return ResourceExhausted("event of {} bytes, at most {}", event.size(), kMaxEventBytes);
  }
  if (event.find('\n') != std::string_view::npos) {
    return InvalidArgument("event of {} bytes has a newline in it", event.size());
  }
  if (ZSTD_compressBound(event.size() + 1) <= max_chunk_bytes) return OkStatus();
  const std::size_t value_bytes = EncodeChunkValue(Bytes(event) + '\n').size();
  if (value_bytes <= max_chunk_bytes) return OkStatus();
  return ResourceExhausted("event of {} bytes, {} compressed: a chunk has at most {}", event.size(),
                           value_bytes, max_chunk_bytes);
}

namespace {

// Where to cut `lines` in two: after the line that holds the middle byte, or before it when it is
// the last. Requires: at least two lines.
std::size_t MiddleOf(ByteSpan lines) {
  const std::size_t after = lines.find('\n', lines.size() / 2) + 1;
  if (after < lines.size()) return after;
  return lines.rfind('\n', lines.size() - 2) + 1;
}

void EncodePart(ByteSpan lines, std::size_t max_chunk_bytes, const Dictionary* dictionary,
                std::vector<EncodedChunk>* chunks) {
  const auto events = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  const bool small = lines.size() <= kMaxRawBytesWithDictionary;
  Bytes value = EncodeChunkValue(lines, small ? dictionary : nullptr);
  if (value.size() <= max_chunk_bytes) {
    chunks->push_back({.value = std::move(value), .events = events, .raw_bytes = lines.size()});
    return;
  }
  CHECK(events > 1);
  const std::size_t middle = MiddleOf(lines);
  EncodePart(lines.substr(0, middle), max_chunk_bytes, dictionary, chunks);
  EncodePart(lines.substr(middle), max_chunk_bytes, dictionary, chunks);
}

}  // namespace

std::vector<EncodedChunk> EncodeLines(ByteSpan lines, std::size_t max_chunk_bytes,
                                      const Dictionary* dictionary) {
  std::vector<EncodedChunk> chunks;
  if (lines.empty()) return chunks;
  CHECK(lines.back() == '\n');
  EncodePart(lines, max_chunk_bytes, dictionary, &chunks);
  return chunks;
}

void CompressionRatio::Learn(std::size_t raw_bytes, std::size_t value_bytes) {
  if (value_bytes < kMinValueBytes) return;
  const std::size_t seen =
      std::clamp<std::size_t>(raw_bytes * 100 / value_bytes, 50, kMaxRatioPercent);
  percent_ = seen < percent_ ? seen : percent_ + (seen - percent_) / 4;
}

std::size_t CompressionRatio::RawTarget(std::size_t max_chunk_bytes) const {
  const std::size_t target = max_chunk_bytes / 100 * percent_ / 10 * 9;
  return std::clamp<std::size_t>(target, max_chunk_bytes, kMaxRawChunkBytes / 2);
}

}  // namespace carillon
