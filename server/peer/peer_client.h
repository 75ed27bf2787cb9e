#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "frames/frame_links.h"
#include "ring/cluster_state.h"
#include "server/shell/gossip_socket.h"
#include "server/shell/peer_transport.h"

namespace carillon {

// Bytes are those of encoded messages, without what frames and TCP add.
struct PeerTraffic {
  std::uint64_t requests = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t bytes_sent = 0;      // of requests
  std::uint64_t bytes_received = 0;  // of replies
  std::size_t links = 0;
};

// A node's words to other nodes: frames over TCP for requests (server/peer/peer_server.h answers
// them), UDP for gossip. Two connections a node: what live writes wait for does not stand behind
// the values of a read or a sync.
//
// An ask fails as soon as its node is known to be away, and soon after its timeout at the latest;
// nothing is tried twice (frames/frame_links.h). `done` may run before Ask returns. Threads: any,
// but Stop not from a `done`.
class PeerClient final : public PeerTransport {
 public:
  // `gossip` outlives the client; nullptr: gossip is lost.
  // `max_links`: to more addresses at once than that nothing can be asked.
  PeerClient(const Uuid& cluster, GossipSocket* gossip, std::size_t max_links = 4000);
  ~PeerClient() override;  // Stop

  using Done = std::function<void(PeerReply)>;
  void Ask(AskPeer ask, Done done) override;
  void Send(SendGossip packet) override;

  // Ends what is under way with UNAVAILABLE, and whatever is asked later. Returns when every
  // `done` has been called.
  void Stop();

  PeerTraffic counters() const;

 private:
  const Uuid cluster_;
  GossipSocket* const gossip_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> unanswered_{0};
  std::atomic<std::uint64_t> bytes_sent_{0};
  std::atomic<std::uint64_t> bytes_received_{0};
  FrameLinks links_;  // the last: what it ends counts
};

// Asks the node at `seed_address` to let `member` in, before this node has a cluster state; blocks
// for `timeout` at most. `cluster` is nil if not known yet.
// UNAVAILABLE, DEADLINE_EXCEEDED: not answered. Otherwise what the seed says.
StatusOr<SharedState> AskToJoin(const std::string& seed_address, const Uuid& cluster,
                                const Member& member, Duration timeout);

}  // namespace carillon
