#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

// The names of what is stored: `epoch:dc:cell:type:subtype:chunkN`, and `epoch-dc` of a manifest.
// Keys are data, never paths.
namespace carillon {

inline constexpr std::size_t kMaxNameBytes = 64;
inline constexpr std::size_t kMaxChunkKeyBytes = 300;  // as text
inline constexpr std::uint64_t kMaxChunkNumber = (std::uint64_t{1} << 63) - 1;

struct ChunkKey {
  Epoch epoch;
  std::string dc;
  std::string cell;
  std::string type;
  std::string subtype;       // may be empty
  std::uint64_t number = 0;  // the N of chunkN; writers choose writer_number * 2^32 + sequence

  // In the order of the index: by epoch first.
  friend auto operator<=>(const ChunkKey&, const ChunkKey&) = default;
};

// 1..64 characters of [A-Za-z0-9_.-]. INVALID_ARGUMENT names `field` and what is wrong.
Status CheckName(std::string_view field, std::string_view name);
// The same, but may be empty.
Status CheckSubtype(std::string_view name);

// INVALID_ARGUMENT, naming the field, when a field is not as ChunkKey wants it.
Status Validate(const ChunkKey& key);

// "1428415043:1:cell0:WEB:app:chunk0". Requires: Validate(key).ok().
std::string ToString(const ChunkKey& key);

// Inverse of ToString: accepts only the canonical text (no leading zeros, no sign, no spaces).
// INVALID_ARGUMENT names the field.
StatusOr<ChunkKey> ParseChunkKey(std::string_view text);

// "1428415043-1": the metadata key of the manifest of (epoch, dc).
std::string ManifestKey(Epoch epoch, std::string_view dc);

// Decimal digits only, no leading zero unless "0", at most `max`.
// INVALID_ARGUMENT names `field`.
StatusOr<std::uint64_t> ParseDecimal(std::string_view field, std::string_view text,
                                     std::uint64_t max);

}  // namespace carillon
