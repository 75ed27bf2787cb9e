#include "storage/index_codec.h"

#include "base/coding.h"

namespace carillon {
namespace {

Bytes MetaKey(char kind) {
  return Bytes(1, kind);
}

Decoder AfterKind(std::string_view key) {
  return Decoder(key.substr(key.empty() ? 0 : 1));
}

// Of a segment entry.
constexpr std::uint64_t kSealedFlag = 1;
constexpr std::uint64_t kHasDropsFlag = 2;

}  // namespace

Bytes EncodeChunkEntry(const ChunkEntry& entry) {
  Bytes value;
  PutVarint(&value, entry.location.segment.value());
  PutVarint(&value, entry.location.offset);
  PutVarint(&value, entry.location.record_bytes);
  PutVarint(&value, entry.value_bytes);
  PutVarint(&value, entry.expire_at);
  PutFixed(&value, entry.value_crc);
  PutVarint(&value, entry.sequence);
  return value;
}

StatusOr<ChunkEntry> DecodeChunkEntry(std::string_view value) {
  Decoder decoder(value);
  ChunkEntry entry;
  entry.location.segment = SegmentId(decoder.Varint());
  entry.location.offset = decoder.Varint();
  entry.location.record_bytes = static_cast<std::uint32_t>(decoder.Varint());
  entry.value_bytes = static_cast<std::uint32_t>(decoder.Varint());
  entry.expire_at = decoder.Varint();
  entry.value_crc = decoder.Fixed<std::uint32_t>();
  entry.sequence = decoder.Varint();
  if (!decoder.Done()) return DataLoss("index: chunk entry is malformed");
  return entry;
}

Bytes EncodeManifestEntry(const ManifestEntry& entry) {
  Bytes value;
  PutVarint(&value, entry.segment.value());
  PutVarint(&value, entry.expire_at);
  PutVarint(&value, entry.info.events);
  PutVarint(&value, entry.info.raw_bytes);
  PutVarint(&value, entry.info.value_bytes);
  PutFixed(&value, entry.info.value_crc);
  return value;
}

StatusOr<ManifestEntry> DecodeManifestEntry(const ChunkKey& key, std::string_view value) {
  Decoder decoder(value);
  ManifestEntry entry;
  entry.info.key = key;
  entry.segment = SegmentId(decoder.Varint());
  entry.expire_at = decoder.Varint();
  entry.info.events = decoder.Varint();
  entry.info.raw_bytes = decoder.Varint();
  entry.info.value_bytes = static_cast<std::uint32_t>(decoder.Varint());
  entry.info.value_crc = decoder.Fixed<std::uint32_t>();
  if (!decoder.Done()) return DataLoss("index: manifest entry is malformed");
  return entry;
}

Bytes EncodeClaimEntry(const ClaimEntry& entry) {
  Bytes value;
  value.reserve(48);
  PutUuid(&value, entry.owner.value());
  PutVarint(&value, entry.claimed_at);
  PutVarint(&value, entry.expire_at);
  PutVarint(&value, entry.decided ? 1 : 0);
  PutVarint(&value, entry.segment.value());
  PutVarint(&value, entry.sequence);
  return value;
}

StatusOr<ClaimEntry> DecodeClaimEntry(std::string_view value) {
  Decoder decoder(value);
  ClaimEntry entry;
  entry.owner = ClaimOwner(TakeUuid(&decoder));
  entry.claimed_at = decoder.Varint();
  entry.expire_at = decoder.Varint();
  entry.decided = decoder.Varint() != 0;
  entry.segment = SegmentId(decoder.Varint());
  entry.sequence = decoder.Varint();
  if (!decoder.Done()) return DataLoss("index: claim entry is malformed");
  return entry;
}

Bytes SegmentMetaKey(SegmentId id) {
  Bytes key = MetaKey(kSegmentKind);
  PutOrdered(&key, id.value());
  return key;
}

Bytes EncodeSegmentEntry(const SegmentEntry& entry) {
  Bytes value;
  PutVarint(&value, entry.ttl_class);
  PutVarint(&value, entry.created);
  PutVarint(&value, (entry.sealed ? kSealedFlag : 0) | (entry.has_drops ? kHasDropsFlag : 0));
  PutVarint(&value, entry.bytes);
  value += EncodeSegmentSummary(entry.summary);
  return value;
}

StatusOr<SegmentEntry> DecodeSegmentEntry(std::string_view key, std::string_view value) {
  SegmentEntry entry;
  entry.id = SegmentId(AfterKind(key).Ordered<std::uint64_t>());
  Decoder decoder(value);
  entry.ttl_class = static_cast<std::uint32_t>(decoder.Varint());
  entry.created = decoder.Varint();
  const std::uint64_t flags = decoder.Varint();
  entry.sealed = (flags & kSealedFlag) != 0;
  entry.has_drops = (flags & kHasDropsFlag) != 0;
  entry.bytes = decoder.Varint();
  ASSIGN_OR_RETURN(entry.summary, DecodeSegmentSummary(decoder.Take(decoder.remaining())));
  return entry;
}

// Without a split only the bits, as ever; with one, more than a program that knows of none can
// read, so that it makes the index anew.
Bytes EncodeNumbering(const IndexNumbering& numbering) {
  Bytes value;
  PutFixed(&value, numbering.bits);
  if (!numbering.split) return value;
  PutFixed(&value, numbering.split->bits);
  PutFixed(&value, numbering.split->limit);
  return value;
}

StatusOr<IndexNumbering> DecodeNumbering(std::string_view value) {
  Decoder decoder(value);
  IndexNumbering numbering{.bits = decoder.Fixed<std::uint32_t>(), .split = {}};
  if (decoder.remaining() > 0) {
    numbering.split = IndexNumbering::Split{};
    numbering.split->bits = decoder.Fixed<std::uint32_t>();
    numbering.split->limit = decoder.Fixed<std::uint32_t>();
  }
  const bool sound =
      decoder.Done() && numbering.bits <= 16 &&
      (!numbering.split || (numbering.split->bits > numbering.bits && numbering.split->bits <= 16 &&
                            numbering.split->limit <= 1u << numbering.bits));
  if (!sound) return DataLoss("index: the number of partitions is malformed");
  return numbering;
}

Bytes PositionMetaKey(std::uint32_t ttl_class) {
  Bytes key = MetaKey(kPositionKind);
  PutOrdered(&key, ttl_class);
  return key;
}

Bytes EncodePosition(const CoveredPosition& position) {
  Bytes value;
  PutVarint(&value, position.segment.value());
  PutVarint(&value, position.offset);
  PutVarint(&value, position.next_sequence);
  return value;
}

StatusOr<CoveredPosition> DecodePosition(std::string_view value) {
  Decoder decoder(value);
  CoveredPosition position;
  position.segment = SegmentId(decoder.Varint());
  position.offset = decoder.Varint();
  position.next_sequence = decoder.Varint();
  if (!decoder.Done()) return DataLoss("index: position is malformed");
  return position;
}

Bytes QuarantineMetaKey(SegmentId segment, std::uint64_t offset) {
  Bytes key = MetaKey(kQuarantineKind);
  PutOrdered(&key, segment.value());
  PutOrdered(&key, offset);
  return key;
}

Bytes EncodeQuarantine(const QuarantineEntry& entry) {
  Bytes value;
  PutVarint(&value, entry.limit);
  PutVarint(&value, entry.sequence);
  PutVarint(&value, entry.ring_position);
  PutString(&value, entry.record_key);
  PutString(&value, entry.reason);
  return value;
}

StatusOr<QuarantineEntry> DecodeQuarantine(std::string_view key, std::string_view value) {
  QuarantineEntry entry;
  Decoder key_decoder = AfterKind(key);
  entry.segment = SegmentId(key_decoder.Ordered<std::uint64_t>());
  entry.offset = key_decoder.Ordered<std::uint64_t>();
  Decoder decoder(value);
  entry.limit = decoder.Varint();
  entry.sequence = decoder.Varint();
  entry.ring_position = static_cast<std::uint16_t>(decoder.Varint());
  entry.record_key = decoder.String();
  entry.reason = decoder.String();
  if (!key_decoder.Done() || !decoder.Done()) {
    return DataLoss("index: quarantine entry is malformed");
  }
  return entry;
}

Bytes SealMetaKey(std::string_view bucket, std::string_view dc, std::uint64_t writer) {
  Bytes key = MetaKey(kSealKind);
  PutString(&key, bucket);
  PutString(&key, dc);
  PutOrdered(&key, writer);
  return key;
}

Bytes EncodeSealValue(Epoch sealed, std::uint64_t heard_at) {
  Bytes value;
  PutVarint(&value, sealed.value());
  PutVarint(&value, heard_at);
  return value;
}

StatusOr<WriterSeal> DecodeSeal(std::string_view key, std::string_view value) {
  WriterSeal seal;
  Decoder key_decoder = AfterKind(key);
  seal.bucket = key_decoder.String();
  seal.dc = key_decoder.String();
  seal.writer = key_decoder.Ordered<std::uint64_t>();
  Decoder decoder(value);
  seal.sealed = Epoch(decoder.Varint());
  seal.heard_at = decoder.Varint();
  if (!key_decoder.Done() || !decoder.Done()) return DataLoss("index: seal is malformed");
  return seal;
}

}  // namespace carillon
