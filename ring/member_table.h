#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "ring/gossip_message.h"

namespace carillon {

// Of a removed member, its last known life is remembered so long: an old rumor does not raise it.
inline constexpr Duration kRememberGone = std::chrono::hours(72);
inline constexpr std::size_t kMaxRemembered = 4096;  // members, and removed ones
// A data path that failed so often in a row is broken.
inline constexpr std::uint32_t kDataPathFailures = 3;
// A new latency counts for 1 / 8, like TCP's smoothed round trip (RFC 6298).
inline constexpr int kLatencyShare = 8;

// Whom to talk to: from the cluster state.
struct SwimMember {
  NodeId node;
  std::string address;  // HOST:PORT; empty: cannot be sent to yet
  BootId life;          // lives before this one are over; {0, 0}: not known
};

// What this node believes of another.
struct Peer {
  NodeId node;
  std::string address;
  Liveness liveness = Liveness::kAlive;
  std::uint32_t incarnation = 0;
  BootId boot;                      // 0: never heard of
  Instant life_since;               // this life was first heard of
  Instant since;                    // of liveness; of a removed one: when it was removed
  Duration latency{0};              // of real requests, smoothed; 0: none was answered yet
  std::uint32_t path_failures = 0;  // of the data path, in a row
  bool is_member = true;            // false: removed from the cluster state, remembered
  bool DataPathOk() const { return path_failures < kDataPathFailures; }
  bool IsUp() const { return liveness == Liveness::kAlive || liveness == Liveness::kSuspect; }
};

Rumor RumorOf(const Peer& peer);

// What this node believes of all others. A belief is replaced by one of a higher life (boot
// counter), in one life by a higher incarnation, in one incarnation by suspect over alive, dead
// over suspect, left over dead. So the same rumors in any order lead to the same belief, and an old
// rumor raises nobody.
//
// A new member is believed alive, by the weakest belief there is. Members are never forgotten,
// removed ones after kRememberGone.
//
// Pure. Cost: O(log n) a look-up. Memory: O(members).
class MemberTable {
 public:
  enum class Change : std::uint8_t {
    kStranger,  // no member: nothing changed
    kOld,       // known as much or better: nothing changed
    kSame,      // the very belief: nothing changed
    kNews,      // the belief is now the rumor's
  };

  explicit MemberTable(const NodeId& self) : self_(self) {}

  // All members but this node itself, which is left out if it is named. Requires: each once.
  void SetMembers(Instant now, std::vector<SwimMember> members);

  Change Apply(Instant now, const Rumor& rumor);
  // Of a life whose random id was not known: takes it. Others: changes nothing.
  void LearnBootId(const NodeId& node, const BootId& boot);

  // A real request to `node` was answered after `latency`, or not at all. True: DataPathOk changed.
  // Strangers change nothing.
  bool HandleRequestOutcome(const NodeId& node, bool ok, Duration latency);

  // nullptr: no member. Valid until SetMembers.
  const Peer* Find(const NodeId& node) const;
  // By node id; removed ones too.
  const std::vector<Peer>& peers() const { return peers_; }
  std::size_t members() const { return members_; }  // without this node

 private:
  Peer* FindAny(const NodeId& node);
  static void Admit(Instant now, SwimMember member, Peer* peer);
  void ForgetOld(Instant now);

  NodeId self_;
  std::vector<Peer> peers_;
  std::size_t members_ = 0;
};

}  // namespace carillon
