// Requests between nodes as bytes.
#include <array>

#include "base/check.h"
#include "base/checksum.h"
#include "ring/register_codec.h"
#include "server/node/peer_codec.h"
#include "server/node/peer_fields.h"

namespace carillon {
namespace {

using peer::FieldReader;
using peer::PutKey;
using peer::PutPartition;
using peer::PutPlace;

constexpr std::size_t kKinds = std::variant_size_v<PeerMessage>;
static_assert(kKinds == 15, "the order is on the wire: add at the end, here and in FORMATS");
constexpr std::array<std::string_view, kKinds> kNames = {
    "ReplicaPut",  "ReplicaCommit", "ReplicaStat",   "ReplicaRead", "ReplicaScan",
    "SyncDigests", "SyncEntries",   "SyncFetch",     "SyncOffer",   "JoinCluster",
    "EchoRequest", "Register",      "ReplicaClaims", "SyncClaims",  "MeasureStore"};

constexpr auto kLastSync = static_cast<std::uint8_t>(SyncMode::kOs);
constexpr auto kLastClaimMode = static_cast<std::uint8_t>(ClaimMode::kCopy);
constexpr auto kLastRole = static_cast<std::uint8_t>(MemberRole::kLeaving);
constexpr std::size_t kMaxCommitBytes = std::size_t{2} << 20;  // of kMaxChunksPerCommit lines

void Put(Bytes* out, const ReplicaPut& message) {
  CHECK(message.value.size() <= kMaxChunkBytesLimit);
  PutPlace(out, message.place);
  PutString(out, message.bucket);
  PutKey(out, message.key);
  PutFixed(out, static_cast<std::uint32_t>(message.value.size()));
  PutFixed(out, message.value_crc);
  PutVarint(out, message.ttl_seconds);
  PutFixed(out, static_cast<std::uint8_t>(message.sync));
}
void Put(Bytes* out, const ReplicaCommit& message) {
  PutPlace(out, message.place);
  PutString(out, message.commit.bucket);
  PutVarint(out, message.commit.epoch.value());
  PutString(out, message.commit.dc);
  PutString(out, EncodeCommitValue(message.commit));
  PutVarint(out, message.ttl_seconds);
  PutFixed(out, static_cast<std::uint8_t>(message.sync));
}
void PutChunks(Bytes* out, const std::string& bucket, const std::vector<ChunkPlace>& chunks) {
  CHECK(chunks.size() <= kMaxPeerChunks);
  PutString(out, bucket);
  PutVarint(out, chunks.size());
  for (const ChunkPlace& chunk : chunks) {
    PutPartition(out, chunk.partition);
    PutKey(out, chunk.key);
  }
}
void Put(Bytes* out, const ReplicaStat& message) {
  PutChunks(out, message.bucket, message.chunks);
}
void Put(Bytes* out, const ReplicaRead& message) {
  PutChunks(out, message.bucket, message.chunks);
}
void Put(Bytes* out, const ReplicaScan& message) {
  PutString(out, message.bucket);
  PutVarint(out, message.partitions.size());
  for (const PartitionId partition : message.partitions) PutPartition(out, partition);
  PutVarint(out, message.range.first.value());
  PutVarint(out, message.range.limit.value());
  PutString(out, message.dc);
  PutVarint(out, message.max_chunks);
}
void Put(Bytes* out, const SyncDigests& message) {
  PutPartition(out, message.partition);
}
void Put(Bytes* out, const SyncEntries& message) {
  PutPartition(out, message.partition);
  PutString(out, message.bucket);
  PutVarint(out, message.hour);
  PutString(out, message.after);
}
void Put(Bytes* out, const SyncFetch& message) {
  CHECK(message.keys.size() <= kMaxPeerChunks);
  PutPartition(out, message.partition);
  PutString(out, message.bucket);
  PutVarint(out, message.keys.size());
  for (const ChunkKey& key : message.keys) PutKey(out, key);
}
void Put(Bytes* /*out*/, const MeasureStore& /*message*/) {}
void Put(Bytes* out, const SyncOffer& message) {
  PutPartition(out, message.partition);
}
void Put(Bytes* out, const JoinCluster& message) {
  PutUuid(out, message.member.node.value());
  PutString(out, message.member.name);
  PutString(out, message.member.address);
  PutString(out, message.member.rack);
  PutVarint(out, message.member.weight);
  PutFixed(out, static_cast<std::uint8_t>(message.member.role));
}
void Put(Bytes* out, const EchoRequest& message) {
  PutString(out, message.payload);
}
void Put(Bytes* out, const RegisterMessage& message) {
  PutString(out, EncodeRegisterMessage(message));
}

void Put(Bytes* out, const ReplicaClaims& message) {
  PutString(out, message.bucket);
  PutFixed(out, static_cast<std::uint8_t>(message.mode));
  PutFixed(out, static_cast<std::uint8_t>(message.sync));
  PutVarint(out, message.sets.size());
  for (const ClaimSet& set : message.sets) {
    PutUuid(out, set.owner.value());
    PutVarint(out, set.claimed_at);
    PutVarint(out, set.expire_at);
    peer::PutFlag(out, set.decided);
    PutVarint(out, set.claims.size());
    for (const PlacedClaim& claim : set.claims) {
      PutUuid(out, claim.id.value());
      PutFixed(out, claim.ring_position);
    }
  }
}
void Put(Bytes* out, const SyncClaims& message) {
  PutPartition(out, message.partition);
  PutString(out, message.bucket);
  PutVarint(out, message.slot);
  PutString(out, message.after);
}

SyncMode TakeSync(FieldReader* reader) {
  return static_cast<SyncMode>(reader->Byte(kLastSync));
}

// The value follows the head.
void Take(FieldReader* reader, std::uint32_t* value_bytes, ReplicaPut* message) {
  message->place = reader->Place();
  message->bucket = reader->Name();
  message->key = reader->Key();
  *value_bytes = reader->Fixed<std::uint32_t>();
  if (*value_bytes > kMaxChunkBytesLimit) reader->Refuse("the size of a value");
  message->value_crc = reader->Fixed<std::uint32_t>();
  message->ttl_seconds = reader->Number(kMaxTtlSeconds);
  message->sync = TakeSync(reader);
}
void Take(FieldReader* reader, ReplicaCommit* message) {
  message->place = reader->Place();
  message->commit.bucket = reader->Name();
  message->commit.epoch = reader->TakeEpoch();
  message->commit.dc = reader->Name();
  const ByteSpan value = reader->Span(kMaxCommitBytes);
  if (reader->ok() && !DecodeCommitValue(value, &message->commit).ok()) {
    reader->Refuse("a commit's chunks");
  }
  message->ttl_seconds = reader->Number(kMaxTtlSeconds);
  message->sync = TakeSync(reader);
}
std::vector<ChunkPlace> TakeChunks(FieldReader* reader) {
  return reader->List(kMaxPeerChunks, [reader] {
    ChunkPlace chunk{.partition = reader->Partition()};
    chunk.key = reader->Key();
    return chunk;
  });
}
void Take(FieldReader* reader, ReplicaStat* message) {
  message->bucket = reader->Name();
  message->chunks = TakeChunks(reader);
}
void Take(FieldReader* reader, ReplicaRead* message) {
  message->bucket = reader->Name();
  message->chunks = TakeChunks(reader);
}
void Take(FieldReader* reader, ReplicaScan* message) {
  message->bucket = reader->Name();
  message->partitions =
      reader->List(std::size_t{1} << kMaxPartitionBits, [reader] { return reader->Partition(); });
  for (std::size_t i = 1; i < message->partitions.size(); ++i) {
    if (message->partitions[i - 1] >= message->partitions[i]) reader->Refuse("partitions");
  }
  message->range.first = Epoch(reader->Number(kMaxEpoch + 1));
  message->range.limit = Epoch(reader->Number(kMaxEpoch + 1));
  message->dc = reader->NameOrNothing();
  message->max_chunks = static_cast<std::uint32_t>(reader->Number(kMaxListedChunks));
  if (message->partitions.empty() || message->max_chunks == 0) reader->Refuse("a scan of nothing");
}
void Take(FieldReader* reader, SyncDigests* message) {
  message->partition = reader->Partition();
}
void Take(FieldReader* reader, SyncEntries* message) {
  message->partition = reader->Partition();
  message->bucket = reader->Name();
  message->hour = reader->Number(kMaxEpoch / 3600);
  message->after = reader->Text(kMaxPeerCursorBytes);
}
void Take(FieldReader* reader, SyncFetch* message) {
  message->partition = reader->Partition();
  message->bucket = reader->Name();
  message->keys = reader->List(kMaxPeerChunks, [reader] { return reader->Key(); });
}
void Take(FieldReader* /*reader*/, MeasureStore* /*message*/) {}
void Take(FieldReader* reader, SyncOffer* message) {
  message->partition = reader->Partition();
}
void Take(FieldReader* reader, JoinCluster* message) {
  Member& member = message->member;
  member.node = NodeId(reader->TakeUuid());
  member.name = reader->Name();
  member.address = reader->Text(kMaxPeerAddressBytes);
  member.rack = reader->Name();
  member.weight = static_cast<std::uint32_t>(reader->Number(kMaxWeight));
  member.role = static_cast<MemberRole>(reader->Byte(kLastRole));
}
void Take(FieldReader* reader, EchoRequest* message) {
  message->payload = reader->Text(kMaxPeerEchoBytes);
}
void Take(FieldReader* reader, RegisterMessage* message) {
  const ByteSpan bytes = reader->Span(kMaxRegisterMessageBytes);
  if (!reader->ok()) return;
  auto decoded = DecodeRegisterMessage(bytes);
  if (!decoded.ok()) return reader->Refuse("a message of the register");
  *message = *std::move(decoded);
}

void Take(FieldReader* reader, ReplicaClaims* message) {
  message->bucket = reader->Name();
  message->mode = static_cast<ClaimMode>(reader->Byte(kLastClaimMode));
  message->sync = TakeSync(reader);
  std::size_t left = kMaxClaims;
  message->sets = reader->List(kMaxClaims, [&] {
    ClaimSet set{.owner = ClaimOwner(reader->TakeUuid())};
    set.claimed_at = reader->Number(kMaxEpoch);
    set.expire_at = reader->Number(kMaxEpoch + kMaxTtlSeconds);
    set.decided = reader->Flag();
    set.claims = reader->List(left, [reader] {
      PlacedClaim claim{.id = ClaimId(reader->TakeUuid())};
      claim.ring_position = reader->Fixed<std::uint16_t>();
      return claim;
    });
    left -= set.claims.size();
    if (set.claims.empty() || set.owner.value().IsNil()) reader->Refuse("a set of claims");
    return set;
  });
  if (message->sets.empty()) reader->Refuse("claims");
}
void Take(FieldReader* reader, SyncClaims* message) {
  message->partition = reader->Partition();
  message->bucket = reader->Name();
  message->slot = reader->Number(ClaimSlotOf(kMaxEpoch));
  if (!IsClaimSlot(message->slot)) reader->Refuse("a slot of claims");
  message->after = reader->Text(kMaxPeerCursorBytes);
}

// The message of `kind`, and how many bytes of values come with it.
template <std::size_t kIndex = 0>
PeerMessage TakeKind(std::size_t kind, FieldReader* reader, std::uint32_t* value_bytes) {
  if constexpr (kIndex + 1 < kKinds) {
    if (kind != kIndex) return TakeKind<kIndex + 1>(kind, reader, value_bytes);
  }
  std::variant_alternative_t<kIndex, PeerMessage> message;
  if constexpr (kIndex == 0) {
    Take(reader, value_bytes, &message);
  } else {
    Take(reader, &message);
  }
  return PeerMessage(std::in_place_index<kIndex>, std::move(message));
}

}  // namespace

std::string_view KindName(const PeerMessage& message) {
  return kNames.at(message.index());
}

Rope EncodePeerRequest(const PeerSender& sender, const PeerMessage& message) {
  Bytes head = peer::BeginHead(peer::FrameKind::kRequest, message.index());
  PutUuid(&head, sender.cluster);
  PutUuid(&head, sender.node.value());
  PutFixed(&head, sender.generation);
  PutFixed(&head, sender.version.value());
  PutFixed(&head, sender.boot.counter);
  PutFixed(&head, sender.boot.id);
  std::visit([&head](const auto& kind) { Put(&head, kind); }, message);
  Rope request = peer::EndHead(std::move(head));
  if (const auto* put = std::get_if<ReplicaPut>(&message)) {
    for (const SharedBytes& piece : put->value.pieces()) request.Append(piece);
  }
  CHECK(request.size() <= kMaxPeerRequestBytes);
  return request;
}

StatusOr<DecodedPeerRequest> DecodePeerRequest(const Rope& request) {
  ASSIGN_OR_RETURN(peer::Frame frame, peer::OpenFrame(peer::FrameKind::kRequest, request));
  if (request.size() > kMaxPeerRequestBytes) {
    return DataLoss("request of another node of {} bytes, at most {}", request.size(),
                    kMaxPeerRequestBytes);
  }
  if (frame.kind >= kKinds) return Unimplemented("request between nodes of kind {}", frame.kind);
  FieldReader reader(frame.fields.view());
  DecodedPeerRequest decoded;
  decoded.sender.cluster = reader.TakeUuid();
  decoded.sender.node = NodeId(reader.TakeUuid());
  decoded.sender.generation = reader.Fixed<std::uint64_t>();
  decoded.sender.version = StateVersion(reader.Fixed<std::uint64_t>());
  decoded.sender.boot.counter = reader.Fixed<std::uint64_t>();
  decoded.sender.boot.id = reader.Fixed<std::uint64_t>();
  std::uint32_t value_bytes = 0;
  decoded.message = TakeKind(frame.kind, &reader, &value_bytes);
  RETURN_IF_ERROR(reader.Finish(kNames.at(frame.kind)));
  if (value_bytes != frame.values.size()) {
    return DataLoss("{}: value of {} bytes, want {}", kNames.at(frame.kind), frame.values.size(),
                    value_bytes);
  }
  if (auto* put = std::get_if<ReplicaPut>(&decoded.message)) {
    put->value = std::move(frame.values);
    if (const std::uint32_t crc = Crc32c(put->value); crc != put->value_crc) {
      return DataLoss("chunk {} came with crc {:08x}, want {:08x}", ToString(put->key), crc,
                      put->value_crc);
    }
  }
  return decoded;
}

}  // namespace carillon
