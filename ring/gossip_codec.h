#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"
#include "ring/gossip_message.h"

// Gossip as bytes (docs/FORMATS.md, "Gossip packet"). Every size is checked before it is used;
// arbitrary bytes are refused, never believed in part.
namespace carillon {

inline constexpr std::size_t kMaxGossipPacketBytes = 1400;  // of UDP payload: fits every MTU
inline constexpr std::size_t kGossipSealBytes = 48;         // of them; server/shell/gossip_seal.h
inline constexpr std::size_t kMaxGossipMessageBytes = kMaxGossipPacketBytes - kGossipSealBytes;
inline constexpr std::size_t kMaxRumorsPerMessage = 64;

// Formats this program reads, both ends; it writes the highest.
inline constexpr std::uint8_t kMinGossipVersion = 1;
inline constexpr std::uint8_t kMaxGossipVersion = 1;

// Exactly as many as EncodeGossip makes of it.
std::size_t GossipBytes(const GossipMessage& message);
// What one rumor adds to a message.
std::size_t GossipBytes(const Rumor& rumor);

// Requires: at most kMaxRumorsPerMessage rumors and kMaxGossipMessageBytes bytes.
Bytes EncodeGossip(const Uuid& cluster, const GossipMessage& message);

// INVALID_ARGUMENT: too large, truncated, a number out of its range, something left over.
// UNIMPLEMENTED: a version this program does not read; it says which the sender does.
// FAILED_PRECONDITION: another cluster's.
StatusOr<GossipMessage> DecodeGossip(const Uuid& cluster, ByteSpan bytes);

}  // namespace carillon
