#include "ring/hash_ring.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace carillon {

KeyHash HashKey(std::string_view bucket, std::string_view key) {
  Bytes text;
  text.reserve(bucket.size() + 1 + key.size());
  text.append(bucket);
  text.push_back('\0');
  text.append(key);
  return KeyHash(Hash64(text));
}

}  // namespace carillon
