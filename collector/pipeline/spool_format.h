#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/claim.h"
#include "base/status.h"
#include "collector/pipeline/intake.h"

// What the records of the spool's logs hold (docs/FORMATS.md, "Spool"). The records themselves are
// those of storage/segment_format.h: type 1, and a key of one letter, the kind.
namespace carillon {

inline constexpr std::uint8_t kSpoolFormatVersion = 1;
inline constexpr std::uint8_t kClaimingRequestVersion = 2;  // of requests whose ids are claimed

enum class SpoolKind : char {
  kRequest = 'r',     // of the intake: EncodeRequest
  kChunk = 'c',       // of the outbox: EncodeOutboxChunk
  kDone = 'm',        // of the outbox: EncodeDone
  kDropped = 'x',     // of the outbox: EncodeDropped
  kDeadLetter = 'd',  // of the dead letters: EncodeDeadLetter
};

// What a request costs in a spool beyond its events: for limits.
inline constexpr std::size_t kRequestOverheadBytes = 128;

// Requires: a request as Keep takes it. Cost: one allocation, one copy.
Bytes EncodeRequest(const IntakeRequest& request);
// Fills `request`, whose views point into `value`.
// DATA_LOSS: not what EncodeRequest writes. UNIMPLEMENTED: of a newer version.
Status DecodeRequest(ByteSpan value, IntakeRequest* request);
// UNIMPLEMENTED: of a version that this build does not know.
Status CheckRequestVersion(ByteSpan value);

// Does any event have an id that is to be claimed? Then the record has an owner: of the group that
// the request is claimed with, nil until it is set.
bool ClaimsIds(const IntakeRequest& request);
// Require: an encoded request that ClaimsIds.
void SetRequestOwner(Bytes* value, ClaimOwner owner);
ClaimOwner RequestOwner(ByteSpan value);

// One event of the intake: the number of its request's record, its place in it from 0.
struct CoveredEvent {
  std::uint64_t request = 0;
  std::uint32_t place = 0;
  friend auto operator<=>(const CoveredEvent&, const CoveredEvent&) = default;
};

// A set of events: about one byte for each request of one event, and a few for each other.
// Requires: strictly ascending.
Bytes EncodeCovered(const std::vector<CoveredEvent>& covered);
// DATA_LOSS: not what EncodeCovered writes, or more than kMaxCoveredEvents.
StatusOr<std::vector<CoveredEvent>> DecodeCovered(ByteSpan bytes);
inline constexpr std::size_t kMaxCoveredEvents = 1'000'000;

// A chunk on its way, without its value.
struct OutboxChunk {
  std::string tenant;
  std::string bucket;
  ChunkInfo info;
  std::uint64_t created = 0;   // when it was made: seconds since 1970
  std::uint64_t replaces = 0;  // the number of the record that this one takes the place of; 0: none
  friend bool operator==(const OutboxChunk&, const OutboxChunk&) = default;
};
struct OutboxRecord {
  OutboxChunk chunk;
  ByteSpan covered;  // DecodeCovered
  ByteSpan value;    // the chunk's
};

// All but the value, whose bytes follow and end the record.
Bytes EncodeOutboxHead(const OutboxChunk& chunk, ByteSpan covered);
// The views point into `bytes`. DATA_LOSS, UNIMPLEMENTED: as above.
StatusOr<OutboxRecord> DecodeOutboxRecord(ByteSpan bytes);

// Numbers of outbox records that need not be sent any more.
Bytes EncodeDone(const std::vector<std::uint64_t>& numbers);
StatusOr<std::vector<std::uint64_t>> DecodeDone(ByteSpan bytes);

// Events that were dropped as duplicates. Requires: strictly ascending, at most kMaxCoveredEvents.
Bytes EncodeDropped(const std::vector<CoveredEvent>& dropped);
StatusOr<std::vector<CoveredEvent>> DecodeDropped(ByteSpan bytes);

// Why, and then an outbox record as it is.
Bytes EncodeDeadLetterHead(std::string_view reason);
struct DeadLetter {
  ByteSpan reason;
  ByteSpan record;  // DecodeOutboxRecord
};
StatusOr<DeadLetter> DecodeDeadLetter(ByteSpan bytes);

}  // namespace carillon
