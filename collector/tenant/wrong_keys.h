#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace carillon {

// Who shows keys that nobody has: each address may do so kBurst times, and once more every kEvery.
// Networks of IPv6 (/64) count as one address. Pure. Threads: one caller at a time.
//
// A key that somebody has is never held back: keys cannot be guessed (256 random bits), so what is
// slowed is the noise, and nobody is locked out by a neighbour behind the same address.
class WrongKeys {
 public:
  static constexpr std::uint32_t kBurst = 20;
  static constexpr Duration kEvery = std::chrono::seconds(3);
  // Of two generations: when one is full, the older one is forgotten.
  static constexpr std::size_t kMaxAddresses = 4096;

  // `address` has shown a wrong key. nullopt: so far that is no more than a mistake; else how long
  // it has to wait.
  std::optional<Duration> Count(std::string_view address, Instant now);

  std::size_t addresses() const { return young_.size() + old_.size(); }

 private:
  using Network = std::array<std::uint8_t, 16>;
  struct Seen {
    std::uint32_t left = kBurst;
    Instant filled;
  };
  Seen& Find(const Network& network, Instant now);

  std::map<Network, Seen> young_;
  std::map<Network, Seen> old_;
};

}  // namespace carillon
