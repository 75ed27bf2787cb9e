#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "ring/boot_id.h"

// What members tell each other over UDP, as plain data. Bytes: gossip_codec.h.
namespace carillon {

// In the order in which they beat each other, within one life and incarnation.
enum class Liveness : std::uint8_t {
  kAlive,
  kSuspect,  // did not answer; has some time left to say that it is alive
  kDead,     // did not refute in time
  kLeft,     // said itself that it stops
};
std::string_view ToString(Liveness liveness);

// One word about one node.
struct Rumor {
  NodeId node;
  Liveness liveness = Liveness::kAlive;
  BootId boot;
  std::uint32_t incarnation = 0;  // raised by the node itself, within a life
  NodeId from;                    // only of kSuspect: who suspects
  friend bool operator==(const Rumor&, const Rumor&) = default;
};

// Which cluster state a node has.
struct StateStamp {
  std::uint64_t generation = 0;
  StateVersion version;
  Hash128Value hash;
  friend bool operator==(const StateStamp&, const StateStamp&) = default;
};

enum class GossipKind : std::uint8_t {
  kPing = 1,     // answer kAck
  kAck,          // with the sequence of the kPing or kPingRequest
  kPingRequest,  // ping `target` for me: kAck when it answers, kNack when it does not
  kNack,         // I am here, and `target` did not answer me either
  kGossip,       // rumors only
  kSync,         // a part of all I believe; the last part (sequence 1) wants kSyncAnswer
  kSyncAnswer,   // a part of all I believe
};
std::string_view ToString(GossipKind kind);

// Every packet says who sends it, in which life, and which cluster state it has.
struct GossipMessage {
  GossipKind kind = GossipKind::kPing;
  NodeId from;
  NodeId to;  // whom the sender means: addresses are reused
  BootId boot;
  std::uint32_t incarnation = 0;
  StateStamp state;
  std::uint32_t sequence = 0;
  NodeId target;  // only of kPingRequest
  std::vector<Rumor> rumors;
  friend bool operator==(const GossipMessage&, const GossipMessage&) = default;
};

}  // namespace carillon
