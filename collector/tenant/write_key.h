#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

// Write keys: what clients show, and what is kept of it. A key is 256 random bits, so that its
// SHA-256 gives nothing away; it may be published in a page or an app, and allows nothing but
// sending events of its tenant.
namespace carillon {

inline constexpr std::size_t kWriteKeyBytes = 32;
inline constexpr std::size_t kMaxShownKeyBytes = 512;  // longer ones are nobody's

struct KeyHash {
  std::array<std::uint8_t, 32> bytes{};
  friend auto operator<=>(const KeyHash&, const KeyHash&) = default;
};

// "wk_" and 43 characters of URL-safe base64. Requires: kWriteKeyBytes random bytes.
std::string WriteKeyText(std::string_view random);

KeyHash HashOf(std::string_view key);
// Whatever they hold, it takes the same time.
bool SameKey(const KeyHash& a, const KeyHash& b);

// 64 hexadecimal digits, and back. INVALID_ARGUMENT: anything else.
std::string ToHex(const KeyHash& hash);
StatusOr<KeyHash> ParseKeyHash(std::string_view hex);

}  // namespace carillon
