#include "base/hash.h"

#include <xxhash.h>

namespace carillon {

std::uint64_t Hash64(ByteSpan bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t HashOfKey(std::string_view bucket, std::string_view key) {
  Bytes text;
  text.reserve(bucket.size() + 1 + key.size());
  text.append(bucket);
  text.push_back('\0');
  text.append(key);
  return Hash64(text);
}

Hash128Value Hash128(ByteSpan bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace carillon
