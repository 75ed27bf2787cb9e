#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/gossip_codec.h"

namespace carillon {

inline constexpr std::size_t kGossipKeyBytes = 32;
inline constexpr std::size_t kMaxGossipKeys = 4;
using GossipKey = std::array<std::uint8_t, kGossipKeyBytes>;

// 64 hexadecimal digits. INVALID_ARGUMENT: anything else; the text is not in the message.
StatusOr<GossipKey> ParseGossipKey(std::string_view text);

// For a cluster without a key of its own, on loopback: derived from the cluster's uuid (BLAKE2b),
// which is no secret. It guards against accidents (another cluster, a flipped bit), not against
// people; it is there so that there is one path for all packets.
GossipKey LoopbackGossipKey(const Uuid& cluster);

// Encrypts and authenticates packets with the cluster's keys: XChaCha20-Poly1305, random nonces,
// version and cluster as additional data, so that no packet of another cluster opens.
//
// The first key seals, all of them open. A key is changed on all nodes without losing a packet in
// three steps: add the new one last everywhere; move it to the front everywhere; remove the old.
// A sealed packet can be sent again by whoever saw it: the machine behind takes repeats.
//
// Bytes: docs/FORMATS.md, "Gossip packet". Threads: any.
class GossipSeal {
 public:
  // Requires: 1..kMaxGossipKeys keys.
  GossipSeal(const Uuid& cluster, std::vector<GossipKey> keys);
  ~GossipSeal();
  GossipSeal(const GossipSeal&) = delete;
  GossipSeal& operator=(const GossipSeal&) = delete;

  // INVALID_ARGUMENT: none, too many, or one twice; the keys stay as they are.
  Status SetKeys(std::vector<GossipKey> keys);

  // `message` and kGossipSealBytes more. Requires: at most kMaxGossipMessageBytes.
  Bytes Seal(ByteSpan message) const;
  // What was sealed. UNAUTHENTICATED: with none of our keys, or it was changed on the way.
  // INVALID_ARGUMENT: no sealed packet by its size or version.
  StatusOr<Bytes> Open(ByteSpan packet) const;

 private:
  std::shared_ptr<const std::vector<GossipKey>> keys() const;

  const Uuid cluster_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<GossipKey>> keys_;
};

}  // namespace carillon
