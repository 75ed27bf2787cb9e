#include "collector/tenant/kept_tenants.h"

#include "base/checksum.h"
#include "base/coding.h"
#include "collector/tenant/tenant_table.h"

namespace carillon {
namespace {

constexpr std::string_view kTenantsMagic = "CRLNTEN1";
constexpr std::string_view kQuotasMagic = "CRLNQUO1";
constexpr std::size_t kCrcBytes = 4;

Bytes Sealed(Bytes bytes) {
  PutFixed(&bytes, Crc32c(bytes));
  return bytes;
}

// What stands between magic and CRC.
StatusOr<ByteSpan> Unsealed(ByteSpan bytes, std::string_view magic) {
  if (bytes.size() < magic.size() + kCrcBytes || !bytes.starts_with(magic)) {
    return DataLoss("wrong magic");
  }
  const ByteSpan covered = bytes.substr(0, bytes.size() - kCrcBytes);
  const auto crc = LoadFixed<std::uint32_t>(bytes.data() + covered.size());
  const std::uint32_t want = Crc32c(covered);
  if (crc != want) return DataLoss("crc {:08x}, want {:08x}", crc, want);
  return covered.substr(magic.size());
}

}  // namespace

Bytes EncodeKeptTenants(const RingTenants& tenants) {
  Bytes bytes(kTenantsMagic);
  PutUuid(&bytes, tenants.cluster);
  PutFixed(&bytes, tenants.generation);
  PutString(&bytes, EncodeTenantSection(tenants.section));
  return Sealed(std::move(bytes));
}

StatusOr<RingTenants> DecodeKeptTenants(ByteSpan bytes) {
  ASSIGN_OR_RETURN(const ByteSpan inside, Unsealed(bytes, kTenantsMagic));
  Decoder decoder(inside);
  RingTenants tenants;
  tenants.cluster = TakeUuid(&decoder);
  tenants.generation = decoder.Fixed<std::uint64_t>();
  const ByteSpan section = decoder.String();
  if (!decoder.Done()) return DataLoss("{} bytes are malformed", bytes.size());
  ASSIGN_OR_RETURN(tenants.section, DecodeTenantSection(section));
  return tenants;
}

Bytes EncodeKeptQuotas(const DayUses& uses) {
  Bytes bytes(kQuotasMagic);
  PutVarint(&bytes, uses.size());
  for (const auto& [tenant, day] : uses) {
    PutString(&bytes, tenant);
    for (const std::uint64_t field : {day.day, day.use.requests, day.use.events, day.use.bytes}) {
      PutVarint(&bytes, field);
    }
  }
  return Sealed(std::move(bytes));
}

StatusOr<DayUses> DecodeKeptQuotas(ByteSpan bytes) {
  ASSIGN_OR_RETURN(const ByteSpan inside, Unsealed(bytes, kQuotasMagic));
  Decoder decoder(inside);
  DayUses uses;
  const std::uint64_t count = decoder.Varint();
  if (count > kMaxTenants) return DataLoss("quotas of {} tenants", count);
  for (std::uint64_t i = 0; i < count && !decoder.failed(); ++i) {
    DayUse& day = uses[std::string(decoder.String())];
    day.day = decoder.Varint();
    day.use.requests = decoder.Varint();
    day.use.events = decoder.Varint();
    day.use.bytes = decoder.Varint();
  }
  if (!decoder.Done()) return DataLoss("{} bytes are malformed", bytes.size());
  return uses;
}

}  // namespace carillon
