#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ring/address_probe.h"
#include "server/peer/peer_client.h"
#include "server/shell/gossip_seal.h"
#include "server/shell/gossip_socket.h"
#include "server/shell/metrics.h"
#include "server/shell/peer_sink.h"

namespace carillon {

// A node's way to the others: TCP for requests, UDP for gossip, on one HOST:PORT. Opened in the
// order of a start, when the cluster is known and the node is not there yet; stopped in reverse.
//
// Threads: one caller; what comes in arrives on threads of its parts.
class ClusterNetwork {
 public:
  // `address`: HOST:PORT of the gRPC listener, whose number UDP takes too. `gossip_key`: 64
  // hexadecimal digits, a file with them, or empty (gossip_seal.h).
  ClusterNetwork(std::string address, std::string gossip_key)
      : address_(std::move(address)), gossip_key_(std::move(gossip_key)) {}
  ~ClusterNetwork() { Stop(); }

  // What it returns lives until this is destroyed. Errors: the key, or the port.
  StatusOr<PeerTransport*> Open(const Uuid& cluster);
  // Who hears what comes in; before it, gossip is dropped.
  void SetSink(PeerSink* sink) { sink_ = sink; }
  // Looks the members' names up, where their addresses are names; again when the state is another
  // one. May take seconds.
  void LearnAddresses(const ClusterState& state);
  // Whether another process runs as `self` at `address`, which is not this one's own: asks there,
  // for AddressProbe::kWaitAtMost if nobody answers; where the address is a name, looks it up
  // first, which may take seconds. Before SetSink.
  bool IsRunningAt(const std::string& address, const NodeId& self);
  // Fills in metrics of traffic between nodes.
  void Register(Metrics* metrics) const;
  // Nothing comes in or goes out after it.
  void Stop();

 private:
  StatusOr<GossipKey> KeyOf(const Uuid& cluster) const;
  void Receive(const std::string& from, const Bytes& bytes);

  const std::string address_;
  const std::string gossip_key_;
  std::atomic<PeerSink*> sink_{nullptr};
  Uuid cluster_;
  StateVersion learned_{0};
  std::mutex probe_mutex_;
  std::condition_variable probe_heard_;
  std::optional<AddressProbe> probe_;  // under way
  std::unique_ptr<GossipSeal> seal_;
  std::unique_ptr<GossipSocket> gossip_;
  std::unique_ptr<PeerClient> client_;
};

}  // namespace carillon
