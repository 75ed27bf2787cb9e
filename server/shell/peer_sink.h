#pragma once

#include <functional>

#include "server/node/peer_messages.h"
#include "ring/gossip_message.h"

namespace carillon {

// Takes what other nodes say. Threads: any. Nothing here blocks.
class PeerSink {
 public:
  virtual ~PeerSink() = default;
  // `done` is called exactly once, from any thread.
  virtual void HandlePeer(PeerSender sender, PeerMessage message,
                          std::function<void(PeerReply)> done) = 0;
  virtual void HandleGossip(GossipMessage message) = 0;
};

}  // namespace carillon
