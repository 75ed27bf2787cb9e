#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tests/sim/cluster/cluster_node.h"

namespace carillon {

// Carries requests, answers, and gossip between the nodes of a world, as the network lets it.
class ClusterPeers {
 public:
  explicit ClusterPeers(ClusterShared* shared) : shared_(shared) {}

  void Add(ClusterNode* node);

  // Answered once, by the other node or when the time is up.
  void Ask(ClusterNode* from, AskPeer ask);
  void Answer(ClusterNode* from, std::uint64_t ask, PeerReply reply);
  void Gossip(ClusterNode* from, SendGossip packet);

  // Some of the requests about data that were ever made, to be made again.
  struct Recorded {
    ClusterNode* to;
    PeerSender sender;
    PeerMessage message;
  };
  const std::vector<Recorded>& recorded() const { return recorded_; }
  std::uint64_t requests() const { return last_ask_; }

  // What nodes sent one another, by kind.
  struct Traffic {
    std::uint64_t values = 0;  // in writes and in replies to reads
    std::uint64_t scans = 0;
    std::uint64_t digests = 0;
    std::uint64_t register_messages = 0;
    std::uint64_t gossip = 0;
  };
  const Traffic& traffic() const { return traffic_; }

 private:
  struct Pending {
    ClusterNode* from;
    std::uint64_t incarnation = 0;
    OperationId operation;
  };

  ClusterNode* Find(const NodeId& id) const;
  void Arrive(ClusterNode* from, ClusterNode* to, std::uint64_t ask, const PeerSender& sender,
              PeerMessage message);
  std::uint64_t DelayOfNews(const ClusterNode& to);
  void PassThroughBytes(AskPeer* effect);
  void PassThroughBytes(PeerReply* reply);
  void Finish(std::uint64_t ask, PeerReply reply);
  void Record(ClusterNode* to, const PeerSender& sender, const PeerMessage& message);

  ClusterShared* const shared_;
  std::map<NodeId, ClusterNode*> by_id_;
  std::map<std::string, ClusterNode*, std::less<>> by_address_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t last_ask_ = 0;
  Traffic traffic_;
  std::uint64_t recordable_ = 0;
  std::vector<Recorded> recorded_;
};

}  // namespace carillon
