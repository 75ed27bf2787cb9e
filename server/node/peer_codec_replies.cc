// Replies between nodes as bytes.
#include <algorithm>

#include "base/check.h"
#include "base/checksum.h"
#include "ring/register_codec.h"
#include "server/node/peer_codec.h"
#include "server/node/peer_fields.h"

namespace carillon {
namespace {

using peer::FieldReader;
using peer::PutFlag;
using peer::PutHash;

constexpr std::size_t kKinds = std::variant_size_v<PeerValue>;
static_assert(kKinds == 13, "the order is on the wire: add at the end, here and in FORMATS");

constexpr std::size_t kValueOverhead = 8 + kMaxPeerStatusBytes + 8;  // of a value, in the head
constexpr std::size_t kReadReplyBytes = kMaxPeerReplyBytes - kMaxStateBytes - (4 << 10);

// How many values a reply takes: always one, and no more than fit.
std::size_t FittingValues(const ReadReply& reply) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const ReplicaValue& value : reply.values) {
    bytes += value.value.size() + kValueOverhead;
    if (count > 0 && (bytes > kReadReplyBytes || count == kMaxPeerLines)) break;
    ++count;
  }
  return count;
}

void PutChunkLine(Bytes* out, const ChunkInfo& info) {
  PutVarint(out, info.events);
  PutVarint(out, info.raw_bytes);
  PutVarint(out, info.value_bytes);
  PutFixed(out, info.value_crc);
}

void PutTotal(Bytes* out, const DigestLine& line) {
  PutVarint(out, line.count);
  PutHash(out, line.sum);
}

void Put(Bytes* /*out*/, const std::monostate& /*value*/) {}
void Put(Bytes* out, const WriteReply& value) {
  PutFlag(out, value.already_stored);
}
void Put(Bytes* out, const StatReply& value) {
  PutVarint(out, value.found.size());
  for (const std::optional<ChunkFound>& found : value.found) {
    PutFlag(out, found.has_value());
    if (!found) continue;
    PutFixed(out, found->value_bytes);
    PutFixed(out, found->value_crc);
  }
}
void Put(Bytes* out, const ReadReply& value) {
  const std::size_t count = FittingValues(value);
  PutVarint(out, count);
  for (std::size_t i = 0; i < count; ++i) {
    const ReplicaValue& one = value.values[i];
    peer::PutStatus(out, one.status);
    if (!one.status.ok()) continue;
    PutFixed(out, static_cast<std::uint32_t>(one.value.size()));
    PutFixed(out, one.value_crc);
  }
}
void Put(Bytes* out, const Second& second) {
  PutVarint(out, second.epoch.value());
  PutString(out, second.dc);
  PutFlag(out, second.complete);
  PutVarint(out, second.chunks.size());
  for (const ChunkInfo& info : second.chunks) {
    PutString(out, info.key.cell);
    PutString(out, info.key.type);
    PutString(out, info.key.subtype);
    PutVarint(out, info.key.number);
    PutChunkLine(out, info);
  }
}
void Put(Bytes* out, const ScanReply& value) {
  PutVarint(out, value.seconds.size());
  for (const Second& second : value.seconds) Put(out, second);
  PutFlag(out, value.next_from.has_value());
  if (value.next_from) PutVarint(out, value.next_from->value());
  PutVarint(out, value.seals.size());
  for (const HeardSealLine& heard : value.seals) {
    PutString(out, heard.dc);
    PutVarint(out, heard.seal.writer);
    PutVarint(out, heard.seal.epoch.value());
    PutVarint(out, heard.heard_at);
  }
}
// The bucket's name is there where it changes.
void Put(Bytes* out, const DigestsReply& value) {
  PutVarint(out, value.lines.size());
  std::string_view bucket;
  for (const DigestLine& line : value.lines) {
    PutString(out, line.bucket == bucket ? std::string_view() : std::string_view(line.bucket));
    bucket = line.bucket;
    PutVarint(out, line.hour);
    PutTotal(out, line);
  }
}
void Put(Bytes* out, const EntriesReply& value) {
  PutVarint(out, value.entries.size());
  for (const EntryLine& entry : value.entries) {
    PutFlag(out, entry.manifest);
    peer::PutKey(out, entry.info.key);
    PutChunkLine(out, entry.info);
    PutVarint(out, entry.expire_at);
  }
  PutString(out, value.next);
}
void Put(Bytes* out, const OfferReply& value) {
  PutFlag(out, value.done);
  PutTotal(out, value.total);
}
void Put(Bytes* out, const StateReply& value) {
  PutSharedState(out, value.state);
}
void Put(Bytes* out, const EchoReply& value) {
  PutString(out, value.payload);
}

void Put(Bytes* out, const ClaimsReply& value) {
  PutVarint(out, value.others.size());
  for (const OtherClaim& other : value.others) {
    PutVarint(out, other.place);
    PutUuid(out, other.owner.value());
    PutVarint(out, other.claimed_at);
    PutVarint(out, other.expire_at);
  }
}
void Put(Bytes* out, const ClaimEntriesReply& value) {
  PutVarint(out, value.claims.size());
  for (const StoredClaim& claim : value.claims) {
    PutUuid(out, claim.id.value());
    PutUuid(out, claim.owner.value());
    PutVarint(out, claim.claimed_at);
    PutVarint(out, claim.expire_at);
    PutFlag(out, claim.decided);
  }
  PutString(out, value.next);
}

void Put(Bytes* out, const SizesReply& value) {
  PutVarint(out, value.partitions.size());
  for (const SizeLine& line : value.partitions) {
    peer::PutPartition(out, line.partition);
    PutVarint(out, line.chunks);
    PutVarint(out, line.bytes);
  }
  PutVarint(out, value.free_bytes);
}

void TakeChunkLine(FieldReader* reader, ChunkInfo* info) {
  info->events = reader->Number();
  info->raw_bytes = reader->Number();
  info->value_bytes = reader->Number32();
  info->value_crc = reader->Fixed<std::uint32_t>();
}

void TakeTotal(FieldReader* reader, DigestLine* line) {
  line->count = reader->Number();
  line->sum = reader->Hash();
}

void Take(FieldReader* /*reader*/, std::monostate* /*value*/) {}
void Take(FieldReader* reader, WriteReply* value) {
  value->already_stored = reader->Flag();
}
void Take(FieldReader* reader, StatReply* value) {
  value->found = reader->List(kMaxPeerLines, [reader]() -> std::optional<ChunkFound> {
    if (!reader->Flag()) return std::nullopt;
    ChunkFound found{.value_bytes = reader->Fixed<std::uint32_t>()};
    found.value_crc = reader->Fixed<std::uint32_t>();
    return found;
  });
}
Second TakeSecond(FieldReader* reader, std::size_t* lines_left) {
  Second second;
  second.epoch = reader->TakeEpoch();
  second.dc = reader->Name();
  second.complete = reader->Flag();
  second.chunks = reader->List(*lines_left, [reader, &second] {
    ChunkInfo info;
    info.key.epoch = second.epoch;
    info.key.dc = second.dc;
    info.key.cell = reader->Span(kMaxNameBytes);
    info.key.type = reader->Span(kMaxNameBytes);
    info.key.subtype = reader->Span(kMaxNameBytes);
    info.key.number = reader->Number(kMaxChunkNumber);
    if (reader->ok() && !Validate(info.key).ok()) reader->Refuse("a chunk of a second");
    TakeChunkLine(reader, &info);
    return info;
  });
  *lines_left -= second.chunks.size();
  return second;
}
void Take(FieldReader* reader, ScanReply* value) {
  std::size_t lines_left = kMaxPeerLines;
  value->seconds = reader->List(kMaxPeerLines, [&] { return TakeSecond(reader, &lines_left); });
  if (reader->Flag()) value->next_from = Epoch(reader->Number(kMaxEpoch + 1));
  value->seals = reader->List(kMaxPeerLines, [reader] {
    HeardSealLine heard{.dc = reader->Name(), .seal = {.writer = reader->Number()}};
    heard.seal.epoch = reader->TakeEpoch();
    heard.heard_at = reader->Number();
    return heard;
  });
}
void Take(FieldReader* reader, DigestsReply* value) {
  std::string bucket;
  value->lines = reader->List(kMaxPeerLines, [&] {
    std::string name = reader->NameOrNothing();
    if (!name.empty()) bucket = std::move(name);
    if (bucket.empty()) reader->Refuse("a digest of no bucket");
    DigestLine line{.bucket = bucket, .hour = reader->Number(kMaxEpoch / 3600)};
    TakeTotal(reader, &line);
    return line;
  });
}
void Take(FieldReader* reader, EntriesReply* value) {
  value->entries = reader->List(kMaxPeerLines, [reader] {
    EntryLine entry{.manifest = reader->Flag()};
    entry.info.key = reader->Key();
    TakeChunkLine(reader, &entry.info);
    entry.expire_at = reader->Number();
    return entry;
  });
  value->next = reader->Text(kMaxPeerCursorBytes);
}
void Take(FieldReader* reader, OfferReply* value) {
  value->done = reader->Flag();
  TakeTotal(reader, &value->total);
}
void Take(FieldReader* reader, StateReply* value) {
  value->state = reader->State();
}
void Take(FieldReader* reader, EchoReply* value) {
  value->payload = reader->Text(kMaxPeerEchoBytes);
}

void Take(FieldReader* reader, ClaimsReply* value) {
  value->others = reader->List(kMaxClaims, [reader] {
    OtherClaim other{.place = static_cast<std::uint32_t>(reader->Number(kMaxClaims - 1))};
    other.owner = ClaimOwner(reader->TakeUuid());
    other.claimed_at = reader->Number(kMaxEpoch);
    other.expire_at = reader->Number(kMaxEpoch + kMaxTtlSeconds);
    return other;
  });
  for (std::size_t i = 1; i < value->others.size(); ++i) {
    if (value->others[i - 1].place >= value->others[i].place) reader->Refuse("places of claims");
  }
}
void Take(FieldReader* reader, ClaimEntriesReply* value) {
  value->claims = reader->List(kMaxPeerLines, [reader] {
    StoredClaim claim{.id = ClaimId(reader->TakeUuid())};
    claim.owner = ClaimOwner(reader->TakeUuid());
    claim.claimed_at = reader->Number(kMaxEpoch);
    claim.expire_at = reader->Number(kMaxEpoch + kMaxTtlSeconds);
    claim.decided = reader->Flag();
    return claim;
  });
  value->next = reader->Text(kMaxPeerCursorBytes);
}

void Take(FieldReader* reader, SizesReply* value) {
  value->partitions = reader->List(std::size_t{1} << kMaxPartitionBits, [reader] {
    SizeLine line{.partition = reader->Partition()};
    line.chunks = reader->Number();
    line.bytes = reader->Number();
    return line;
  });
  for (std::size_t i = 1; i < value->partitions.size(); ++i) {
    if (value->partitions[i - 1].partition >= value->partitions[i].partition) {
      reader->Refuse("partitions of sizes");
    }
  }
  value->free_bytes = reader->Number();
}

// The values follow the head.
void Take(FieldReader* reader, std::vector<std::uint32_t>* sizes, ReadReply* value) {
  value->values = reader->List(kMaxPeerLines, [&] {
    ReplicaValue one;
    one.status = reader->TakeStatus();
    sizes->push_back(one.status.ok() ? reader->Fixed<std::uint32_t>() : 0);
    if (one.status.ok()) one.value_crc = reader->Fixed<std::uint32_t>();
    return one;
  });
}

// Gives each value its bytes, or says that they are damaged.
Status HandOut(const Rope& bytes, const std::vector<std::uint32_t>& sizes, ReadReply* reply) {
  CHECK(sizes.size() == reply->values.size());
  std::uint64_t total = 0;
  for (const std::uint32_t size : sizes) total += size;
  if (total != bytes.size()) {
    return DataLoss("values of {} bytes in a reply, want {}", bytes.size(), total);
  }
  peer::RopeCursor cursor(bytes);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    ReplicaValue& value = reply->values[i];
    const Rope part = cursor.Take(sizes[i]);
    if (!value.status.ok()) continue;
    const std::uint32_t crc = Crc32c(part);
    if (crc == value.value_crc) {
      value.value = peer::Joined(part);
      continue;
    }
    value.status = DataLoss("a value of {} bytes came with crc {:08x}, want {:08x}", part.size(),
                            crc, value.value_crc);
    value.value_crc = 0;
  }
  return OkStatus();
}

template <std::size_t kIndex = 0>
PeerValue TakeKind(std::size_t kind, FieldReader* reader, std::vector<std::uint32_t>* sizes) {
  if constexpr (kIndex + 1 < kKinds) {
    if (kind != kIndex) return TakeKind<kIndex + 1>(kind, reader, sizes);
  }
  std::variant_alternative_t<kIndex, PeerValue> value;
  if constexpr (std::is_same_v<decltype(value), ReadReply>) {
    Take(reader, sizes, &value);
  } else {
    Take(reader, &value);
  }
  return PeerValue(std::in_place_index<kIndex>, std::move(value));
}

std::size_t LinesOf(const PeerValue& value) {
  if (const auto* stat = std::get_if<StatReply>(&value)) return stat->found.size();
  if (const auto* digests = std::get_if<DigestsReply>(&value)) return digests->lines.size();
  if (const auto* entries = std::get_if<EntriesReply>(&value)) return entries->entries.size();
  if (const auto* claims = std::get_if<ClaimsReply>(&value)) return claims->others.size();
  if (const auto* page = std::get_if<ClaimEntriesReply>(&value)) return page->claims.size();
  const auto* scan = std::get_if<ScanReply>(&value);
  if (scan == nullptr) return 0;
  std::size_t lines = scan->seconds.size() + scan->seals.size();
  for (const Second& second : scan->seconds) lines += second.chunks.size();
  return lines;
}

Bytes EncodeHead(const PeerReply& reply) {
  Bytes head = peer::BeginHead(peer::FrameKind::kReply, reply.value.index());
  peer::PutStatus(&head, reply.status);
  PutFlag(&head, reply.stale_sender);
  PutFlag(&head, reply.copied_sender);
  PutFixed(&head, reply.version.value());
  PutSharedState(&head, reply.newer);
  std::visit([&head](const auto& value) { Put(&head, value); }, reply.value);
  return head;
}

PeerReply TooLarge(const PeerReply& reply, std::size_t bytes) {
  return {
      .status = ResourceExhausted("a reply of {} lines, {} bytes: at most {}, {}",
                                  LinesOf(reply.value), bytes, kMaxPeerLines, kMaxPeerReplyBytes),
      .stale_sender = reply.stale_sender,
      .copied_sender = reply.copied_sender,
      .version = reply.version,
      .newer = reply.newer,
      .value = {}};
}

}  // namespace

Rope EncodePeerReply(const PeerReply& reply) {
  if (LinesOf(reply.value) > kMaxPeerLines) return EncodePeerReply(TooLarge(reply, 0));
  Rope bytes = peer::EndHead(EncodeHead(reply));
  if (const auto* read = std::get_if<ReadReply>(&reply.value)) {
    const std::size_t count = FittingValues(*read);
    for (std::size_t i = 0; i < count; ++i) {
      if (read->values[i].status.ok()) bytes.Append(read->values[i].value);
    }
  }
  if (bytes.size() <= kMaxPeerReplyBytes) return bytes;
  return EncodePeerReply(TooLarge(reply, bytes.size()));
}

StatusOr<PeerReply> DecodePeerReply(const Rope& bytes) {
  ASSIGN_OR_RETURN(const peer::Frame frame, peer::OpenFrame(peer::FrameKind::kReply, bytes));
  if (frame.kind >= kKinds) return Unimplemented("reply between nodes of kind {}", frame.kind);
  FieldReader reader(frame.fields.view());
  PeerReply reply;
  reply.status = reader.TakeStatus();
  reply.stale_sender = reader.Flag();
  reply.copied_sender = reader.Flag();
  reply.version = StateVersion(reader.Fixed<std::uint64_t>());
  reply.newer = reader.State();
  std::vector<std::uint32_t> sizes;
  reply.value = TakeKind(frame.kind, &reader, &sizes);
  RETURN_IF_ERROR(reader.Finish("reply of another node"));
  if (auto* read = std::get_if<ReadReply>(&reply.value)) {
    RETURN_IF_ERROR(HandOut(frame.values, sizes, read));
  } else if (frame.values.size() != 0) {
    return DataLoss("a reply of kind {} with values", frame.kind);
  }
  return reply;
}

}  // namespace carillon
