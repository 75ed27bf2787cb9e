#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

enum class ContentCoding { kIdentity, kGzip, kDeflate, kZstd };

// "gzip", "x-gzip", "deflate", "zstd", "identity", in any case; empty: identity.
// UNIMPLEMENTED: another, or more than one.
StatusOr<ContentCoding> ParseContentCoding(std::string_view header);

struct UnpackLimits {
  std::size_t max_bytes = std::size_t{32} << 20;
  std::size_t max_ratio = 16;
};
// Output up to here is never too much: small bodies of repetitive logs compress better than any
// ratio that one would allow a large one.
inline constexpr std::size_t kFreeUnpackedBytes = std::size_t{1} << 20;
inline constexpr int kMaxZstdWindowLog = 23;  // 8 MiB

// Unpacks bodies, and never makes more output than the limits let it. Keeps its contexts.
//
// Pure. Threads: one caller at a time. Memory: the windows, 8 MiB at most, beside the output.
class BodyUnpacker {
 public:
  BodyUnpacker();
  ~BodyUnpacker();

  // Appends what `packed` holds to `out`; several gzip members or zstd frames one after the other
  // are one body. Deflate is zlib's format, or the bare one, as some clients send it.
  // INVALID_ARGUMENT: malformed, or not whole. OUT_OF_RANGE: beyond a limit; `out` has some of it.
  Status Unpack(ContentCoding coding, std::string_view packed, const UnpackLimits& limits,
                std::string* out);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace carillon
