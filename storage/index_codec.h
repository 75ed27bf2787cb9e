#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/index.h"

// Values and meta keys of the index as bytes (docs/FORMATS.md, "Index"). Decoding says DATA_LOSS
// when bytes are malformed.
namespace carillon {

Bytes EncodeChunkEntry(const ChunkEntry& entry);
StatusOr<ChunkEntry> DecodeChunkEntry(std::string_view value);

Bytes EncodeManifestEntry(const ManifestEntry& entry);

Bytes EncodeClaimEntry(const ClaimEntry& entry);
StatusOr<ClaimEntry> DecodeClaimEntry(std::string_view value);

// Meta keys begin with the letter of their kind.
inline constexpr char kSegmentKind = 'S';
inline constexpr char kPositionKind = 'P';
inline constexpr char kQuarantineKind = 'Q';
inline constexpr char kSealKind = 'W';
inline constexpr char kNumberingKind = 'B';

Bytes SegmentMetaKey(SegmentId id);
Bytes EncodeSegmentEntry(const SegmentEntry& entry);
StatusOr<SegmentEntry> DecodeSegmentEntry(std::string_view key, std::string_view value);

Bytes EncodeNumbering(const IndexNumbering& numbering);
StatusOr<IndexNumbering> DecodeNumbering(std::string_view value);

Bytes PositionMetaKey(std::uint32_t ttl_class);
Bytes EncodePosition(const CoveredPosition& position);
StatusOr<CoveredPosition> DecodePosition(std::string_view value);

Bytes QuarantineMetaKey(SegmentId segment, std::uint64_t offset);
Bytes EncodeQuarantine(const QuarantineEntry& entry);
StatusOr<QuarantineEntry> DecodeQuarantine(std::string_view key, std::string_view value);

Bytes SealMetaKey(std::string_view bucket, std::string_view dc, std::uint64_t writer);
Bytes EncodeSealValue(Epoch sealed, std::uint64_t heard_at);
StatusOr<WriterSeal> DecodeSeal(std::string_view key, std::string_view value);

}  // namespace carillon
