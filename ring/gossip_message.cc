#include "ring/gossip_message.h"

namespace carillon {

std::string_view ToString(Liveness liveness) {
  switch (liveness) {
    case Liveness::kAlive:
      return "alive";
    case Liveness::kSuspect:
      return "suspect";
    case Liveness::kDead:
      return "dead";
    case Liveness::kLeft:
      return "left";
  }
  return "unknown";
}

std::string_view ToString(GossipKind kind) {
  switch (kind) {
    case GossipKind::kPing:
      return "ping";
    case GossipKind::kAck:
      return "ack";
    case GossipKind::kPingRequest:
      return "ping request";
    case GossipKind::kNack:
      return "nack";
    case GossipKind::kGossip:
      return "gossip";
    case GossipKind::kSync:
      return "sync";
    case GossipKind::kSyncAnswer:
      return "sync answer";
  }
  return "unknown";
}

}  // namespace carillon
