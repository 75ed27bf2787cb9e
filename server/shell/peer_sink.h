#pragma once

#include <functional>
#include <string>

#include "ring/gossip_message.h"
#include "server/node/peer_messages.h"

namespace carillon {

// Who takes what other nodes say: the seam between the network and the node loop, in the other
// direction than PeerTransport. Threads: any. Nothing here blocks.
class PeerSink {
 public:
  virtual ~PeerSink() = default;

  // `done` is to be called once, by any thread, also before this returns. If it is dropped without
  // a call, the other node is told UNAVAILABLE.
  virtual void HandlePeer(PeerSender sender, PeerMessage message,
                          std::function<void(PeerReply)> done) = 0;

  // `address`: HOST:PORT, numeric, that it came from.
  virtual void HandleGossip(GossipMessage message, std::string address) = 0;
};

}  // namespace carillon
