#include "storage/segment_format.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr std::string_view kSegmentMagic = "CRLNSEG\n";
constexpr std::uint32_t kRecordMagic = 0x524c5243;  // "CRLR"
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::uint8_t kDecidedFlag = 1;  // of claims

std::uint32_t HeadCrc(ByteSpan fields, ByteSpan key, std::uint64_t salt, std::uint64_t offset) {
  char seed[16];
  std::memcpy(seed, &salt, 8);
  std::memcpy(seed + 8, &offset, 8);
  return Crc32cExtend(Crc32cExtend(Crc32c(ByteSpan(seed, sizeof seed)), fields), key);
}

bool IsRecordType(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(RecordType::kChunk) &&
         type <= static_cast<std::uint8_t>(RecordType::kClaims);
}

}  // namespace

Bytes EncodeSegmentHeader(const SegmentHeader& header) {
  Bytes bytes(kSegmentMagic);
  PutFixed<std::uint16_t>(&bytes, kSegmentFormatVersion);
  PutFixed<std::uint16_t>(&bytes, 0);
  PutFixed<std::uint32_t>(&bytes, header.ttl_class);
  PutUuid(&bytes, header.cluster);
  PutUuid(&bytes, header.node);
  PutFixed<std::uint64_t>(&bytes, header.id.value());
  PutFixed<std::uint64_t>(&bytes, header.salt);
  PutFixed<std::uint64_t>(&bytes, header.created);
  bytes.resize(kSegmentHeaderBytes - 4, '\0');
  PutFixed<std::uint32_t>(&bytes, Crc32c(bytes));
  return bytes;
}

StatusOr<SegmentHeader> DecodeSegmentHeader(ByteSpan bytes) {
  if (bytes.size() < kSegmentHeaderBytes) {
    return DataLoss("segment header of {} bytes, want {}", bytes.size(), kSegmentHeaderBytes);
  }
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  const auto crc = LoadFixed<std::uint32_t>(bytes.data() + kSegmentHeaderBytes - 4);
  const std::uint32_t want = Crc32c(bytes.substr(0, kSegmentHeaderBytes - 4));
  if (crc != want) return DataLoss("segment header: crc {:08x}, want {:08x}", crc, want);
  Decoder decoder(bytes);
  if (decoder.Take(kSegmentMagic.size()) != kSegmentMagic) {
    return DataLoss("segment header: wrong magic");
  }
  const auto version = decoder.Fixed<std::uint16_t>();
  if (version != kSegmentFormatVersion) {
    return Unimplemented("segment format {}, this build knows {}", version, kSegmentFormatVersion);
  }
  (void)decoder.Fixed<std::uint16_t>();  // reserved
  SegmentHeader header;
  header.ttl_class = decoder.Fixed<std::uint32_t>();
  header.cluster = TakeUuid(&decoder);
  header.node = TakeUuid(&decoder);
  header.id = SegmentId(decoder.Fixed<std::uint64_t>());
  header.salt = decoder.Fixed<std::uint64_t>();
  header.created = decoder.Fixed<std::uint64_t>();
  return header;
}

std::uint64_t RecordHeader::RecordBytes() const {
  const std::uint64_t size = kRecordHeaderBytes + key_bytes + value_bytes;
  return (size + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

void AppendRecordHead(const RecordHeader& header, ByteSpan key, std::uint64_t salt,
                      std::uint64_t offset, Bytes* out) {
  CHECK(key.size() == header.key_bytes && key.size() <= kMaxRecordKeyBytes);
  Bytes fields;
  fields.reserve(kRecordHeaderBytes - 8);
  fields.push_back(static_cast<char>(header.type));
  fields.push_back(0);
  PutFixed(&fields, header.key_bytes);
  PutFixed(&fields, header.value_bytes);
  PutFixed(&fields, header.sequence);
  PutFixed(&fields, header.epoch);
  PutFixed(&fields, header.expire_at);
  PutFixed(&fields, header.value_crc);
  PutFixed(&fields, header.ring_position);
  PutFixed<std::uint16_t>(&fields, 0);
  PutFixed(out, kRecordMagic);
  PutFixed(out, HeadCrc(fields, key, salt, offset));
  out->append(fields);
  out->append(key);
}

StatusOr<RecordHeader> DecodeRecordHead(ByteSpan bytes, std::uint64_t salt, std::uint64_t offset) {
  if (bytes.size() < kRecordHeaderBytes) return DataLoss("record cut off in its header");
  Decoder decoder(bytes.substr(0, kRecordHeaderBytes));
  if (decoder.Fixed<std::uint32_t>() != kRecordMagic) return DataLoss("record: wrong magic");
  const auto crc = decoder.Fixed<std::uint32_t>();
  const auto type = decoder.Fixed<std::uint8_t>();
  (void)decoder.Fixed<std::uint8_t>();  // flags: none yet
  RecordHeader header;
  header.type = static_cast<RecordType>(type);
  header.key_bytes = decoder.Fixed<std::uint16_t>();
  header.value_bytes = decoder.Fixed<std::uint32_t>();
  header.sequence = decoder.Fixed<std::uint64_t>();
  header.epoch = decoder.Fixed<std::uint64_t>();
  header.expire_at = decoder.Fixed<std::uint64_t>();
  header.value_crc = decoder.Fixed<std::uint32_t>();
  header.ring_position = decoder.Fixed<std::uint16_t>();
  if (header.key_bytes > kMaxRecordKeyBytes) {
    return DataLoss("record: key of {} bytes", header.key_bytes);
  }
  if (bytes.size() < kRecordHeaderBytes + header.key_bytes) {
    return DataLoss("record cut off in its key");
  }
  const ByteSpan key = bytes.substr(kRecordHeaderBytes, header.key_bytes);
  const std::uint32_t want = HeadCrc(bytes.substr(8, kRecordHeaderBytes - 8), key, salt, offset);
  if (crc != want) return DataLoss("record header: crc {:08x}, want {:08x}", crc, want);
  if (!IsRecordType(type)) return DataLoss("record of unknown type {}", type);
  if (header.value_bytes > kMaxRecordValueBytes) {
    return DataLoss("record: value of {} bytes", header.value_bytes);
  }
  return header;
}

bool BeginsLikeRecord(ByteSpan bytes) {
  return bytes.size() >= 4 && LoadFixed<std::uint32_t>(bytes.data()) == kRecordMagic;
}

StatusOr<RecordKey> SplitRecordKey(std::string_view record_key) {
  const std::size_t nul = record_key.find('\0');
  if (nul == std::string_view::npos) return DataLoss("record key without a bucket");
  return RecordKey{.bucket = record_key.substr(0, nul), .key = record_key.substr(nul + 1)};
}

void SegmentSummary::Add(const RecordHeader& header) {
  if (header.type != RecordType::kChunk && header.type != RecordType::kManifest &&
      header.type != RecordType::kClaims) {
    return;
  }
  const bool chunk = header.type == RecordType::kChunk;
  Merge({.records = 1,
         .value_bytes = chunk ? header.value_bytes : 0,
         .max_expire_at = header.expire_at,
         .forever = header.expire_at == 0,
         .first_epoch = header.epoch,
         .last_epoch = header.epoch});
}

void SegmentSummary::Merge(const SegmentSummary& other) {
  if (other.records == 0) return;
  first_epoch = records == 0 ? other.first_epoch : std::min(first_epoch, other.first_epoch);
  last_epoch = std::max(last_epoch, other.last_epoch);
  records += other.records;
  value_bytes += other.value_bytes;
  forever = forever || other.forever;
  max_expire_at = forever ? 0 : std::max(max_expire_at, other.max_expire_at);
}

Bytes EncodeSegmentSummary(const SegmentSummary& summary) {
  Bytes bytes;
  for (const std::uint64_t field :
       {summary.records, summary.value_bytes, summary.max_expire_at, std::uint64_t{summary.forever},
        summary.first_epoch, summary.last_epoch}) {
    PutVarint(&bytes, field);
  }
  return bytes;
}

StatusOr<SegmentSummary> DecodeSegmentSummary(ByteSpan bytes) {
  Decoder decoder(bytes);
  SegmentSummary summary;
  summary.records = decoder.Varint();
  summary.value_bytes = decoder.Varint();
  summary.max_expire_at = decoder.Varint();
  summary.forever = decoder.Varint() != 0;
  summary.first_epoch = decoder.Varint();
  summary.last_epoch = decoder.Varint();
  if (!decoder.Done()) return DataLoss("segment summary is malformed");
  return summary;
}

Bytes EncodePartitionDrop(const PartitionDrop& drop) {
  Bytes bytes;
  PutFixed(&bytes, drop.first);
  PutFixed(&bytes, drop.last);
  PutFixed(&bytes, drop.below_sequence);
  return bytes;
}

StatusOr<PartitionDrop> DecodePartitionDrop(ByteSpan bytes) {
  Decoder decoder(bytes);
  PartitionDrop drop;
  drop.first = decoder.Fixed<std::uint16_t>();
  drop.last = decoder.Fixed<std::uint16_t>();
  drop.below_sequence = decoder.Fixed<std::uint64_t>();
  if (!decoder.Done()) return DataLoss("partition drop is malformed");
  return drop;
}

Bytes EncodeClaimsValue(const ClaimsValue& value) {
  Bytes bytes;
  bytes.reserve(1 + (1 + value.ids.size()) * kClaimIdBytes);
  PutFixed<std::uint8_t>(&bytes, value.decided ? kDecidedFlag : 0);
  PutUuid(&bytes, value.owner.value());
  bytes += EncodeClaimIds(value.ids);
  return bytes;
}

StatusOr<ClaimsValue> DecodeClaimsValue(ByteSpan bytes) {
  Decoder decoder(bytes);
  const auto flags = decoder.Fixed<std::uint8_t>();
  ClaimsValue value{.owner = ClaimOwner(TakeUuid(&decoder)), .decided = flags == kDecidedFlag};
  const auto ids = DecodeClaimIds(decoder.Take(decoder.remaining()));
  if (!decoder.Done() || flags > kDecidedFlag || !ids.ok() || ids->empty()) {
    return DataLoss("claims are malformed");
  }
  value.ids = *ids;
  return value;
}

std::uint32_t TtlClass(std::uint64_t ttl_seconds) {
  if (ttl_seconds == 0) return 0;
  const std::uint64_t hours = (ttl_seconds + 3599) / 3600;
  return 1 + static_cast<std::uint32_t>(std::bit_width(hours - 1));
}

std::string SegmentFileName(SegmentId id) {
  return fmt::format("{:016x}{}", id.value(), kSegmentSuffix);
}

StatusOr<SegmentId> ParseSegmentFileName(std::string_view name) {
  std::uint64_t id = 0;
  const bool shaped = name.size() == 16 + kSegmentSuffix.size() && name.ends_with(kSegmentSuffix);
  const char* end = name.data() + 16;
  if (!shaped || std::from_chars(name.data(), end, id, 16).ptr != end || id == 0) {
    return InvalidArgument("'{}' is not the name of a segment", name);
  }
  return SegmentId(id);
}

}  // namespace carillon
