#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "ring/gossip_message.h"

// What Swim wants done, in this order.
namespace carillon {

// Over UDP; may be lost.
struct SendPacket {
  std::string address;
  GossipMessage message;
};
// `node` is believed to be so from now on.
struct StatusChanged {
  NodeId node;
  Liveness liveness;
};
// Real requests to `node` fail although it may answer packets (or work again): ask it last.
struct DataPathChanged {
  NodeId node;
  bool ok;
};
// Asks `node` over TCP whether it lives; the answer goes to HandleRpcProbe.
struct ProbeByRpc {
  NodeId node;
  std::uint32_t sequence;
};
// Echoes kDataPathBytes over the channel of real requests; the outcome goes to HandleDataPath.
struct ProbeDataPath {
  NodeId node;
};
inline constexpr std::size_t kDataPathBytes = 1024;
// `from` has a newer cluster state than ours, or another of the same version: pull it.
struct StateSeen {
  NodeId from;
  StateStamp state;
};
// This process stood still: make sure of the ring before serving anything.
struct WasPaused {
  Duration gap;
};
// Two run as `node`: a copied or restored data directory. If it is this node: stop coordinating.
struct IdentityConflict {
  NodeId node;
  BootId known;  // of the life believed in; ours, if it is this node
  BootId seen;
};

using SwimEffect = std::variant<SendPacket, StatusChanged, DataPathChanged, ProbeByRpc,
                                ProbeDataPath, StateSeen, WasPaused, IdentityConflict>;
using SwimEffects = std::vector<SwimEffect>;

}  // namespace carillon
