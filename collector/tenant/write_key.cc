#include "collector/tenant/write_key.h"

#include <sodium.h>

#include "base/check.h"

namespace carillon {

std::string WriteKeyText(std::string_view random) {
  CHECK(random.size() == kWriteKeyBytes);
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(kWriteKeyBytes, kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(random.data()),
                    random.size(), kVariant);
  text.pop_back();  // its terminating zero
  return "wk_" + text;
}

KeyHash HashOf(std::string_view key) {
  KeyHash hash;
  crypto_hash_sha256(hash.bytes.data(), reinterpret_cast<const unsigned char*>(key.data()),
                     key.size());
  return hash;
}

bool SameKey(const KeyHash& a, const KeyHash& b) {
  return sodium_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

std::string ToHex(const KeyHash& hash) {
  std::string hex(2 * hash.bytes.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.bytes.data(), hash.bytes.size());
  hex.pop_back();  // its terminating zero
  return hex;
}

StatusOr<KeyHash> ParseKeyHash(std::string_view hex) {
  KeyHash hash;
  std::size_t size = 0;
  const int failed = sodium_hex2bin(hash.bytes.data(), hash.bytes.size(), hex.data(), hex.size(),
                                    nullptr, &size, nullptr);
  if (failed != 0 || size != hash.bytes.size() || hex.size() != 2 * size) {
    return InvalidArgument("sha256 is not 64 hexadecimal digits");
  }
  return hash;
}

}  // namespace carillon
