#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "collector/tenant/tenant_quota.h"
#include "ring/tenant_section.h"

// What a collector keeps beside its spool from one start to the next (docs/FORMATS.md, "Spool").
namespace carillon {

inline constexpr char kTenantsFileName[] = "TENANTS";
inline constexpr char kQuotasFileName[] = "QUOTAS";
inline constexpr std::size_t kMaxKeptBytes = std::size_t{8} << 20;

// The tenants that the ring has told last. DATA_LOSS: malformed, or a wrong CRC.
Bytes EncodeKeptTenants(const RingTenants& tenants);
StatusOr<RingTenants> DecodeKeptTenants(ByteSpan bytes);

// What each tenant with a quota per day has used. DATA_LOSS: as above.
using DayUses = std::map<std::string, DayUse>;
Bytes EncodeKeptQuotas(const DayUses& uses);
StatusOr<DayUses> DecodeKeptQuotas(ByteSpan bytes);

}  // namespace carillon
