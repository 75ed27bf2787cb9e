#pragma once

#include <cstddef>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "server/node/peer_messages.h"

// What nodes ask of each other, as bytes (docs/FORMATS.md, "Node to node"): a head with everything
// but the values of chunks, and then those values, which are shared and not copied.
//
// All pure; threads: any. Cost of a call: O(head + pieces), and one CRC over each value that comes.
namespace carillon {

inline constexpr std::size_t kMaxPeerRequestBytes = std::size_t{9} << 20;
inline constexpr std::size_t kMaxPeerReplyBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMaxPeerChunks = 10'000;               // that one request names
inline constexpr std::size_t kMaxPeerLines = std::size_t{1} << 18;  // of a reply, all together
inline constexpr std::size_t kMaxPeerEchoBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxPeerCursorBytes = 1024;  // SyncEntries::after
inline constexpr std::size_t kMaxPeerStatusBytes = 1024;  // an error's text; longer ones are cut
inline constexpr std::size_t kMaxPeerAddressBytes = 256;

struct DecodedPeerRequest {
  PeerSender sender;
  PeerMessage message;
};

// The pieces of a ReplicaPut's value are shared.
// Requires: names, keys, and numbers are valid, and the limits above are kept.
Rope EncodePeerRequest(const PeerSender& sender, const PeerMessage& message);

// The pieces of a ReplicaPut's value are parts of those of `request`.
// DATA_LOSS: damaged, malformed, above a limit, or a value that does not match its CRC.
// UNIMPLEMENTED: a format or a kind that this program does not know.
StatusOr<DecodedPeerRequest> DecodePeerRequest(const Rope& request);

// Of a ReadReply only so many values as fit into kMaxPeerReplyBytes are sent, but always the first.
// What does not fit otherwise becomes a reply without a value: RESOURCE_EXHAUSTED.
Rope EncodePeerReply(const PeerReply& reply);

// A value that came in one piece is a part of it; one in several pieces is put together. A value
// that does not match its CRC is not handed over: its status is DATA_LOSS.
// Errors as DecodePeerRequest.
StatusOr<PeerReply> DecodePeerReply(const Rope& reply);

// "ReplicaPut", for people and metrics. A literal.
std::string_view KindName(const PeerMessage& message);

}  // namespace carillon
