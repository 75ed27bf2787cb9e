#include "ring/hash_ring.h"

#include "base/hash.h"

namespace carillon {

KeyHash HashKey(std::string_view bucket, std::string_view key) {
  return KeyHash(HashOfKey(bucket, key));
}

}  // namespace carillon
