#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

// What the cluster state keeps for collectors: tenants and their write keys. Nodes agree on it and
// pass it on, and look into none of it but names and sizes. Plain data.
namespace carillon {

// The state goes whole to every member with every change, also of a partition on the move, within
// kMaxStateBytes (7 MiB), of which the rest needs 1.5 MiB at most. 2 MiB are room for 10,000
// tenants of 80 bytes with a key each, or for 500 of 4 KiB.
inline constexpr std::size_t kMaxTenantSectionBytes = std::size_t{2} << 20;
inline constexpr std::size_t kMaxRingTenants = 10'000;
inline constexpr std::size_t kMaxRingKeys = 20'000;
inline constexpr std::size_t kMaxTenantDocumentBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxKeyLabelBytes = 64;
inline constexpr std::size_t kMaxKeyOrigins = 32;
inline constexpr std::size_t kMaxKeyOriginBytes = 256;
inline constexpr std::uint64_t kMaxKeyRate = 1'000'000;
// A key is named by the first digits of its hash, in hexadecimal.
inline constexpr std::size_t kKeyIdDigits = 12;
inline constexpr std::size_t kLeastKeyIdDigits = 4;

struct TenantDocument {
  std::string text;      // TOML (docs/OPERATIONS.md, "Tenants"); collectors read it
  StateVersion changed;  // the version of the state that made it so
  friend bool operator==(const TenantDocument&, const TenantDocument&) = default;
};

using WriteKeyHash = std::array<std::uint8_t, 32>;  // SHA-256; the key itself is nowhere

struct WriteKeyRecord {
  std::string tenant;
  std::string label;                      // for people; may be empty
  std::vector<std::string> origins;       // "https://shop.example"; none: any, or none
  std::uint64_t requests_per_second = 0;  // 0: no limit beside the tenant's
  std::uint64_t created = 0;              // seconds since 1970
  std::uint64_t expires = 0;              // refused from then on; 0: never
  bool revoked = false;
  friend bool operator==(const WriteKeyRecord&, const WriteKeyRecord&) = default;
};

struct TenantSection {
  StateVersion changed;  // the version of the state that made it so; 0: there never was a tenant
  std::map<std::string, TenantDocument> tenants;
  std::map<WriteKeyHash, WriteKeyRecord> keys;
  friend bool operator==(const TenantSection&, const TenantSection&) = default;
};

// As a node has told it.
struct RingTenants {
  Uuid cluster;
  std::uint64_t generation = 0;
  TenantSection section;
  friend bool operator==(const RingTenants&, const RingTenants&) = default;
};

// 64 hexadecimal digits, and the first kKeyIdDigits of them.
std::string HexOf(const WriteKeyHash& hash);
std::string KeyIdOf(const WriteKeyHash& hash);

// INVALID_ARGUMENT: a field that is too long, or not as it must be.
Status CheckTenantDocument(std::string_view name, std::string_view text);
Status CheckWriteKey(const WriteKeyRecord& key);

// At least as many as EncodeTenantSection makes.
std::size_t SectionBytes(const TenantSection& section);

// Of the state of `version`. INVALID_ARGUMENT says what is wrong: a name, a size, a key of no
// tenant, a change that is yet to come.
Status Validate(const TenantSection& section, StateVersion version);

// Canonical (docs/FORMATS.md, "Tenants in the cluster state").
Bytes EncodeTenantSection(const TenantSection& section);
// DATA_LOSS: malformed, or beyond a limit. What Validate says is not looked at.
StatusOr<TenantSection> DecodeTenantSection(ByteSpan bytes);

}  // namespace carillon
