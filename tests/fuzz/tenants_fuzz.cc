// Tenants: their section of the cluster state, what a collector keeps of them, and the documents of
// operators, which are read whatever they say. Input: a byte that chooses, then the bytes; CRCs are
// made right.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "collector/tenant/kept_tenants.h"
#include "collector/tenant/tenant_merge.h"
#include "collector/tenant/tenant_table.h"
#include "ring/cluster_state.h"
#include "ring/tenant_section.h"

namespace carillon {
namespace {

void CheckMerged(const TenantSection& section) {
  TenantMerger merger;
  const MergedTenants merged = merger.Merge({}, section, "open");
  CHECK(merged.table != nullptr);
  CHECK(merged.table->Find("open") < merged.table->size());
  CHECK(merged.of_ring <= section.tenants.size());
  for (const std::string& why : merged.refused) CHECK(!why.empty());
}

void TrySection(std::string_view bytes) {
  const auto section = DecodeTenantSection(bytes);
  if (!section.ok()) {
    CHECK(section.status().code() == StatusCode::kDataLoss);
    return;
  }
  const Bytes encoded = EncodeTenantSection(*section);
  CHECK(SectionBytes(*section) >= encoded.size());
  const auto again = DecodeTenantSection(encoded);
  CHECK(again.ok() && *again == *section);
  if (!Validate(*section, StateVersion(1'000)).ok()) return;
  CHECK(encoded.size() <= bytes.size());  // numbers in more bytes than they need are read
  CheckMerged(*section);
}

Bytes Sealed(std::string_view magic, std::string_view inside) {
  Bytes bytes(magic);
  bytes.append(inside);
  PutFixed(&bytes, Crc32c(bytes));
  return bytes;
}

void TryDocument(std::string_view text) {
  const auto tenant = ParseTenant("acme", text);
  if (tenant.ok()) {
    CHECK(tenant->name == "acme");
    CHECK(CheckTenant(*tenant).ok());
  } else {
    CHECK(tenant.status().code() == StatusCode::kInvalidArgument);
    CHECK(!Message(tenant.status()).empty());
  }
  (void)TenantTable::Parse(text, "the fuzzer's");  // whatever it says
  TenantSection section;
  section.changed = StateVersion(1);
  section.tenants["acme"] = {.text = std::string(text), .changed = StateVersion(1)};
  CheckMerged(section);
}

void TryKept(std::string_view bytes) {
  const auto tenants = DecodeKeptTenants(Sealed("CRLNTEN1", bytes));
  if (tenants.ok()) CHECK(*DecodeKeptTenants(EncodeKeptTenants(*tenants)) == *tenants);
  const auto quotas = DecodeKeptQuotas(Sealed("CRLNQUO1", bytes));
  if (quotas.ok()) CHECK(DecodeKeptQuotas(EncodeKeptQuotas(*quotas)).ok());
}

void TryState(std::string_view bytes) {
  const auto state = DecodeClusterState(bytes);
  if (!state.ok()) return;
  CHECK(Validate(*state).ok());
  const Bytes encoded = EncodeClusterState(*state);
  CHECK(encoded.size() <= bytes.size());
  CHECK(*DecodeClusterState(encoded) == *state);
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      TrySection(bytes);
      break;
    case 1:
      TryDocument(bytes);
      break;
    case 2:
      TryKept(bytes);
      break;
    default:
      TryState(bytes);
  }
  return 0;
}
