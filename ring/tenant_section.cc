#include "ring/tenant_section.h"

#include <algorithm>

#include "base/chunk_key.h"
#include "base/coding.h"

namespace carillon {
namespace {

// More than the integers and lengths of one entry take.
constexpr std::size_t kEntryBytes = 40;
constexpr std::size_t kLengthBytes = 3;

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void PutKey(Bytes* out, const WriteKeyHash& hash, const WriteKeyRecord& key) {
  out->append(reinterpret_cast<const char*>(hash.data()), hash.size());
  PutString(out, key.tenant);
  PutString(out, key.label);
  PutVarint(out, key.requests_per_second);
  PutVarint(out, key.created);
  PutVarint(out, key.expires);
  PutVarint(out, key.revoked ? 1 : 0);
  PutVarint(out, key.origins.size());
  for (const std::string& origin : key.origins) PutString(out, origin);
}

WriteKeyRecord TakeKey(Decoder* decoder, bool* out_of_range) {
  WriteKeyRecord key;
  key.tenant = decoder->String();
  key.label = decoder->String();
  key.requests_per_second = decoder->Varint();
  key.created = decoder->Varint();
  key.expires = decoder->Varint();
  const std::uint64_t revoked = decoder->Varint();
  key.revoked = revoked == 1;
  const std::uint64_t origins = decoder->Varint();
  *out_of_range = *out_of_range || revoked > 1 || origins > kMaxKeyOrigins;
  for (std::uint64_t i = 0; i < origins && !decoder->failed() && !*out_of_range; ++i) {
    key.origins.emplace_back(decoder->String());
  }
  return key;
}

}  // namespace

std::string HexOf(const WriteKeyHash& hash) {
  std::string hex;
  for (const std::uint8_t byte : hash) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string KeyIdOf(const WriteKeyHash& hash) {
  return HexOf(hash).substr(0, kKeyIdDigits);
}

Status CheckTenantDocument(std::string_view name, std::string_view text) {
  RETURN_IF_ERROR(CheckName("tenant", name));
  if (text.size() <= kMaxTenantDocumentBytes) return OkStatus();
  return InvalidArgument("tenant '{}': {} bytes, at most {}", name, text.size(),
                         kMaxTenantDocumentBytes);
}

Status CheckWriteKey(const WriteKeyRecord& key) {
  RETURN_IF_ERROR(CheckName("tenant", key.tenant));
  if (key.label.size() > kMaxKeyLabelBytes || !IsPrintable(key.label)) {
    return InvalidArgument("label '{}': want at most {} printable ASCII characters", key.label,
                           kMaxKeyLabelBytes);
  }
  if (key.origins.size() > kMaxKeyOrigins) {
    return InvalidArgument("{} origins, at most {}", key.origins.size(), kMaxKeyOrigins);
  }
  for (const std::string& origin : key.origins) {
    const bool has_scheme = origin.find("://") != std::string::npos;
    if (origin.size() > kMaxKeyOriginBytes || !IsPrintable(origin) || !has_scheme ||
        origin.ends_with('/')) {
      return InvalidArgument("origin '{}': want SCHEME://HOST[:PORT]", origin);
    }
  }
  if (key.requests_per_second > kMaxKeyRate) {
    return InvalidArgument("{} requests a second, at most {}", key.requests_per_second,
                           kMaxKeyRate);
  }
  return OkStatus();
}

std::size_t SectionBytes(const TenantSection& section) {
  std::size_t bytes = kEntryBytes;
  for (const auto& [name, document] : section.tenants) {
    bytes += kEntryBytes + name.size() + document.text.size();
  }
  for (const auto& [hash, key] : section.keys) {
    bytes += hash.size() + kEntryBytes + key.tenant.size() + key.label.size();
    for (const std::string& origin : key.origins) bytes += kLengthBytes + origin.size();
  }
  return bytes;
}

Status Validate(const TenantSection& section, StateVersion version) {
  if (section.tenants.size() > kMaxRingTenants || section.keys.size() > kMaxRingKeys) {
    return InvalidArgument("{} tenants and {} keys, at most {} and {}", section.tenants.size(),
                           section.keys.size(), kMaxRingTenants, kMaxRingKeys);
  }
  if (const std::size_t bytes = SectionBytes(section); bytes > kMaxTenantSectionBytes) {
    return InvalidArgument("tenants and keys of {} bytes, at most {}", bytes,
                           kMaxTenantSectionBytes);
  }
  if (section.changed > version) {
    return InvalidArgument("tenants changed in version {} of {}", section.changed, version);
  }
  for (const auto& [name, document] : section.tenants) {
    RETURN_IF_ERROR(CheckTenantDocument(name, document.text));
    if (document.changed > section.changed || document.changed.value() == 0) {
      return InvalidArgument("tenant '{}' changed in version {}, all of them in {}", name,
                             document.changed, section.changed);
    }
  }
  for (const auto& [hash, key] : section.keys) {
    RETURN_IF_ERROR(CheckWriteKey(key));
    if (!section.tenants.contains(key.tenant)) {
      return InvalidArgument("key {} is of '{}', which is no tenant", KeyIdOf(hash), key.tenant);
    }
  }
  return OkStatus();
}

Bytes EncodeTenantSection(const TenantSection& section) {
  Bytes bytes;
  PutVarint(&bytes, section.changed.value());
  PutVarint(&bytes, section.tenants.size());
  for (const auto& [name, document] : section.tenants) {
    PutString(&bytes, name);
    PutVarint(&bytes, document.changed.value());
    PutString(&bytes, document.text);
  }
  PutVarint(&bytes, section.keys.size());
  for (const auto& [hash, key] : section.keys) PutKey(&bytes, hash, key);
  return bytes;
}

StatusOr<TenantSection> DecodeTenantSection(ByteSpan bytes) {
  if (bytes.size() > kMaxTenantSectionBytes) {
    return DataLoss("tenants of {} bytes, at most {}", bytes.size(), kMaxTenantSectionBytes);
  }
  Decoder decoder(bytes);
  TenantSection section;
  bool out_of_range = false;
  section.changed = StateVersion(decoder.Varint());
  const std::uint64_t tenants = decoder.Varint();
  out_of_range = tenants > kMaxRingTenants;
  for (std::uint64_t i = 0; i < tenants && !decoder.failed() && !out_of_range; ++i) {
    const std::string name(decoder.String());
    TenantDocument& document = section.tenants[name];
    document.changed = StateVersion(decoder.Varint());
    document.text = decoder.String();
  }
  const std::uint64_t keys = decoder.Varint();
  out_of_range = out_of_range || keys > kMaxRingKeys;
  for (std::uint64_t i = 0; i < keys && !decoder.failed() && !out_of_range; ++i) {
    WriteKeyHash hash{};
    const ByteSpan raw = decoder.Take(hash.size());
    std::copy(raw.begin(), raw.end(), hash.begin());
    section.keys[hash] = TakeKey(&decoder, &out_of_range);
  }
  // Repeated names are one fewer than they say.
  if (!decoder.Done() || out_of_range || section.tenants.size() != tenants ||
      section.keys.size() != keys) {
    return DataLoss("tenants of {} bytes are malformed", bytes.size());
  }
  return section;
}

}  // namespace carillon
