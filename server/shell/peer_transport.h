#pragma once

#include <functional>
#include <string>

#include "server/node/effects.h"
#include "server/node/input.h"

namespace carillon {

// How a node's words reach other nodes: the seam between the node loop and the network. The real
// one speaks TCP and UDP (server/peer/peer_client.h); tests have one in memory.
//
// Threads: any. Nothing here blocks.
class PeerTransport {
 public:
  virtual ~PeerTransport() = default;

  // `done` is called exactly once, from any thread, within `ask.timeout` and a little; also when
  // the transport stops. Without an answer: UNAVAILABLE or DEADLINE_EXCEEDED, and version 0.
  virtual void Ask(AskPeer ask, std::function<void(PeerReply)> done) = 0;

  // Best effort.
  virtual void Send(SendGossip packet) = 0;
};

}  // namespace carillon
