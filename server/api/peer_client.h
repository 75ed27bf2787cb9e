#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "ring/register_messages.h"
#include "server/api/peer_batches.h"
#include "server/api/peer_channels.h"
#include "server/shell/gossip_socket.h"
#include "server/shell/peer_transport.h"

namespace carillon {

// Bytes are those of encoded messages, without what gRPC and TCP add.
struct PeerTraffic {
  std::uint64_t requests = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t bytes_sent = 0;      // of requests
  std::uint64_t bytes_received = 0;  // of replies
  std::size_t channels = 0;
};

// A node's words to other nodes over gRPC (server/api/peer_service.h) and over UDP. One connection
// a node, and no thread of its own: gRPC's threads carry the calls on.
//
// Small ReplicaPuts to one node go together (PeerBatches).
//
// An ask fails as soon as its node is known to be away, and at its timeout at the latest; nothing
// is tried twice. `done` may run before Ask returns. Threads: any, but not gRPC's for Stop.
class PeerClient final : public PeerTransport {
 public:
  // `gossip` outlives the client; nullptr: gossip is lost.
  PeerClient(const Uuid& cluster, GossipSocket* gossip, const PeerChannelLimits& limits = {});
  ~PeerClient() override;  // Stop

  using Done = std::function<void(PeerReply)>;
  void Ask(AskPeer ask, Done done) override;
  void Send(SendGossip packet) override;

  // Ends what is under way with UNAVAILABLE, and whatever is asked later. Returns when every
  // `done` has been called. Not to be called from one.
  void Stop();

  PeerTraffic counters() const;

 private:
  class Call;
  // Gives `call` its channel, unless the client has stopped.
  Status Enter(Call* call);
  void Leave(Call* call);
  void AskWithOthers(const std::string& address, PeerBatchItem item);
  std::optional<PeerBatch> SendBatch(PeerBatch batch);
  void HandleBatchEnd(const PeerBatch& batch, const grpc::Status& status,
                      const grpc::ByteBuffer& response);

  const Uuid cluster_;
  GossipSocket* const gossip_;
  mutable std::mutex mutex_;
  std::condition_variable none_left_;
  PeerChannels channels_;
  PeerBatches batches_;
  std::size_t under_way_ = 0;    // have a channel
  std::set<Call*> cancellable_;  // of them
  bool stopped_ = false;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> unanswered_{0};
  std::atomic<std::uint64_t> bytes_sent_{0};
  std::atomic<std::uint64_t> bytes_received_{0};
};

// Asks the node at `seed_address` to let `member` in, before this node has a cluster state; blocks
// for `timeout` at most. `cluster` is nil if not known yet.
// UNAVAILABLE, DEADLINE_EXCEEDED: not answered. Otherwise what the seed says.
StatusOr<SharedState> AskToJoin(const std::string& seed_address, const Uuid& cluster,
                                const Member& member, Duration timeout);

}  // namespace carillon
