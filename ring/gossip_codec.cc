#include "ring/gossip_codec.h"

#include <bit>
#include <limits>

#include "base/check.h"
#include "base/coding.h"

namespace carillon {
namespace {

// version, its range, kind; cluster; from; to; boot id; state hash; sequence.
constexpr std::size_t kFixedHeaderBytes = 4 + 3 * 16 + 8 + 16 + 4;

std::size_t VarintBytes(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

void PutRumor(Bytes* out, const Rumor& rumor) {
  PutFixed(out, static_cast<std::uint8_t>(rumor.liveness));
  PutUuid(out, rumor.node.value());
  PutVarint(out, rumor.boot.counter);
  PutFixed(out, rumor.boot.id);
  PutVarint(out, rumor.incarnation);
  if (rumor.liveness == Liveness::kSuspect) PutUuid(out, rumor.from.value());
}

// False: no such number.
bool TakeIncarnation(Decoder* decoder, std::uint32_t* incarnation) {
  const std::uint64_t value = decoder->Varint();
  *incarnation = static_cast<std::uint32_t>(value);
  return value <= std::numeric_limits<std::uint32_t>::max();
}

bool TakeRumor(Decoder* decoder, Rumor* rumor) {
  const auto liveness = decoder->Fixed<std::uint8_t>();
  if (liveness > static_cast<std::uint8_t>(Liveness::kLeft)) return false;
  rumor->liveness = static_cast<Liveness>(liveness);
  rumor->node = NodeId(TakeUuid(decoder));
  rumor->boot.counter = decoder->Varint();
  rumor->boot.id = decoder->Fixed<std::uint64_t>();
  if (!TakeIncarnation(decoder, &rumor->incarnation)) return false;
  if (rumor->liveness == Liveness::kSuspect) rumor->from = NodeId(TakeUuid(decoder));
  return !decoder->failed();
}

// What follows the cluster. False: malformed.
bool TakeBody(Decoder* decoder, GossipMessage* message) {
  message->from = NodeId(TakeUuid(decoder));
  message->to = NodeId(TakeUuid(decoder));
  message->boot.counter = decoder->Varint();
  message->boot.id = decoder->Fixed<std::uint64_t>();
  if (!TakeIncarnation(decoder, &message->incarnation)) return false;
  message->state.generation = decoder->Varint();
  message->state.version = StateVersion(decoder->Varint());
  message->state.hash.low = decoder->Fixed<std::uint64_t>();
  message->state.hash.high = decoder->Fixed<std::uint64_t>();
  message->sequence = decoder->Fixed<std::uint32_t>();
  if (message->kind == GossipKind::kPingRequest) message->target = NodeId(TakeUuid(decoder));
  const std::uint64_t rumors = decoder->Varint();
  if (decoder->failed() || rumors > kMaxRumorsPerMessage) return false;
  message->rumors.resize(rumors);
  for (Rumor& rumor : message->rumors) {
    if (!TakeRumor(decoder, &rumor)) return false;
  }
  return decoder->Done();
}

}  // namespace

std::size_t GossipBytes(const Rumor& rumor) {
  return 1 + 16 + VarintBytes(rumor.boot.counter) + 8 + VarintBytes(rumor.incarnation) +
         (rumor.liveness == Liveness::kSuspect ? 16 : 0);
}

std::size_t GossipBytes(const GossipMessage& message) {
  std::size_t bytes =
      kFixedHeaderBytes + VarintBytes(message.boot.counter) + VarintBytes(message.incarnation) +
      VarintBytes(message.state.generation) + VarintBytes(message.state.version.value()) +
      (message.kind == GossipKind::kPingRequest ? 16 : 0) + VarintBytes(message.rumors.size());
  for (const Rumor& rumor : message.rumors) bytes += GossipBytes(rumor);
  return bytes;
}

Bytes EncodeGossip(const Uuid& cluster, const GossipMessage& message) {
  CHECK(message.rumors.size() <= kMaxRumorsPerMessage);
  Bytes out;
  out.reserve(kMaxGossipMessageBytes);
  PutFixed(&out, kMaxGossipVersion);
  PutFixed(&out, kMinGossipVersion);
  PutFixed(&out, kMaxGossipVersion);
  PutFixed(&out, static_cast<std::uint8_t>(message.kind));
  PutUuid(&out, cluster);
  PutUuid(&out, message.from.value());
  PutUuid(&out, message.to.value());
  PutVarint(&out, message.boot.counter);
  PutFixed(&out, message.boot.id);
  PutVarint(&out, message.incarnation);
  PutVarint(&out, message.state.generation);
  PutVarint(&out, message.state.version.value());
  PutFixed(&out, message.state.hash.low);
  PutFixed(&out, message.state.hash.high);
  PutFixed(&out, message.sequence);
  if (message.kind == GossipKind::kPingRequest) PutUuid(&out, message.target.value());
  PutVarint(&out, message.rumors.size());
  for (const Rumor& rumor : message.rumors) PutRumor(&out, rumor);
  CHECK(out.size() <= kMaxGossipMessageBytes);
  return out;
}

StatusOr<GossipMessage> DecodeGossip(const Uuid& cluster, ByteSpan bytes) {
  if (bytes.size() > kMaxGossipMessageBytes) {
    return InvalidArgument("gossip of {} bytes, at most {}", bytes.size(), kMaxGossipMessageBytes);
  }
  Decoder decoder(bytes);
  const auto version = decoder.Fixed<std::uint8_t>();
  const auto lowest = decoder.Fixed<std::uint8_t>();
  const auto highest = decoder.Fixed<std::uint8_t>();
  const auto kind = decoder.Fixed<std::uint8_t>();
  if (decoder.failed()) return InvalidArgument("gossip of {} bytes", bytes.size());
  if (version < kMinGossipVersion || version > kMaxGossipVersion) {
    return Unimplemented("gossip of version {}; the sender reads {}..{}, we {}..{}", version,
                         lowest, highest, kMinGossipVersion, kMaxGossipVersion);
  }
  const Uuid theirs = TakeUuid(&decoder);
  if (decoder.failed()) return InvalidArgument("gossip of {} bytes", bytes.size());
  if (theirs != cluster) return FailedPrecondition("gossip of cluster {}", theirs);
  if (kind < static_cast<std::uint8_t>(GossipKind::kPing) ||
      kind > static_cast<std::uint8_t>(GossipKind::kSyncAnswer)) {
    return InvalidArgument("gossip of kind {}", kind);
  }
  GossipMessage message{.kind = static_cast<GossipKind>(kind)};
  if (!TakeBody(&decoder, &message)) {
    return InvalidArgument("malformed gossip of {} bytes, a {}", bytes.size(),
                           ToString(message.kind));
  }
  return message;
}

}  // namespace carillon
