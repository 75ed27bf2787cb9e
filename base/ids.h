#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

// Numbers that must not be mixed up are types of their own.
namespace carillon {

template <typename Tag, typename Rep>
class Id {
 public:
  using rep = Rep;
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  Rep value_{};
};

// A second: since 1970, UTC.
using Epoch = Id<struct EpochTag, std::uint64_t>;
inline constexpr std::uint64_t kMaxEpoch = (std::uint64_t{1} << 40) - 1;

// [first, limit): `limit` is not in the range.
struct EpochRange {
  Epoch first;
  Epoch limit;
  friend bool operator==(const EpochRange&, const EpochRange&) = default;
};

// One of the Q equal arcs of the hash ring: the top bits of a key's hash.
using PartitionId = Id<struct PartitionTag, std::uint16_t>;
// Version of the cluster state a request was made under; 0: the sender knows none.
using StateVersion = Id<struct StateVersionTag, std::uint64_t>;
// Segments of one data directory are numbered from 1 and never reused.
using SegmentId = Id<struct SegmentTag, std::uint64_t>;

// 128 random bits: names a node, a cluster, a data directory for ever.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  bool IsNil() const { return *this == Uuid{}; }
};

// "6f1c0d5e-...", 36 characters, lower case.
std::string ToString(const Uuid& uuid);
// INVALID_ARGUMENT: not 32 hexadecimal digits with the four dashes.
StatusOr<Uuid> ParseUuid(std::string_view text);

using NodeId = Id<struct NodeTag, Uuid>;

}  // namespace carillon

template <typename Tag, typename Rep>
struct fmt::formatter<carillon::Id<Tag, Rep>> : fmt::formatter<Rep> {
  auto format(carillon::Id<Tag, Rep> id, fmt::format_context& context) const {
    return fmt::formatter<Rep>::format(id.value(), context);
  }
};
template <>
struct fmt::formatter<carillon::Uuid> : fmt::formatter<std::string_view> {
  auto format(const carillon::Uuid& uuid, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(carillon::ToString(uuid), context);
  }
};
