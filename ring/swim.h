#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "ring/gossip_message.h"
#include "ring/member_table.h"
#include "ring/rumors.h"
#include "ring/suspicion.h"
#include "ring/swim_effects.h"

namespace carillon {

// Defaults: memberlist's for a local network.
struct SwimOptions {
  Duration probe_period = std::chrono::seconds(1);
  Duration probe_timeout = std::chrono::milliseconds(500);
  std::uint32_t indirect_probes = 3;
  std::uint32_t suspicion_multiplier = 4;       // times log10(members) probe periods: the least
  std::uint32_t suspicion_most_multiplier = 6;  // times the least: the most
  std::uint32_t awareness_limit = 8;            // local health is below it; 0 is good
  Duration gossip_period = std::chrono::milliseconds(200);
  std::uint32_t gossip_peers = 3;
  std::uint32_t telling_multiplier = 4;
  Duration sync_period = std::chrono::seconds(30);        // with more than 32 members: longer
  Duration gone_probe_period = std::chrono::seconds(10);  // likewise
  Duration data_path_period = std::chrono::seconds(5);
  Duration pause_limit = std::chrono::seconds(3);
  bool lifeguard = true;  // false: plain SWIM, to measure against
};

struct SwimCounters {
  std::uint64_t packets_sent = 0;
  std::uint64_t bytes_sent = 0;  // before they are sealed
  std::uint64_t packets_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t from_strangers = 0;  // ignored: no member
  std::uint64_t misaddressed = 0;    // ignored: meant for another node
  std::uint64_t from_old_lives = 0;  // ignored: the node has been started again since
  std::uint64_t distrusted = 0;      // rumors ignored: told by a node believed dead
  std::uint64_t probes = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t probes_saved_by_rpc = 0;  // UDP failed, gRPC did not
  std::uint64_t suspicions = 0;           // of others, own and heard
  std::uint64_t deaths = 0;               // beliefs that became kDead
  std::uint64_t refutations = 0;          // of what was said about this node
  std::uint64_t pauses = 0;
  std::uint64_t conflicts = 0;
};

// Who of the members lives: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips,
// Currey 2017). Reorders whom to ask; never changes who owns what.
//
//   alive --no answer: direct, by 3 helpers, by gRPC--> suspect --time is up--> dead
//     ^------- says so itself, with a higher incarnation -------/-------------/
//
// A member probes one other a period, in shuffled rounds, so that every one is probed within two
// rounds. How long a suspect has depends on how many others suspect it on their own. A node that
// has reason to think that itself is slow (failed probes, missing nacks, being suspected) waits
// longer for everything: its awareness.
//
// One whom this node believes dead is asked again now and then and told so, so that two sides of a
// healed partition find each other; what it says ill of others is not believed until it has
// refuted, so that a node that hears nobody disturbs nobody.
//
// Every input first notices whether this process was paused: then what was due in the meantime is
// not held against anybody.
//
// Late, repeated, reordered packets: beliefs only grow stronger (member_table.h), answers to
// nothing change nothing. Pure. One owner at a time. Memory: O(members).
class Swim {
 public:
  // `boot` is this life of `self`, its counter from 1. `random` outlives it.
  Swim(const NodeId& self, const BootId& boot, const SwimOptions& options, Random* random);

  // All members of the cluster state, joining ones too. Packets of others are ignored.
  void SetMembers(Instant now, std::vector<SwimMember> members);
  // The cluster state this node has: told with every packet.
  void SetState(const StateStamp& state) { state_ = state; }
  // Call once, after the first SetMembers: tells that this life has begun, and arms the timers.
  void Start(Instant now, SwimEffects* effects);
  // This life counts from now on as number `counter` at least: a copy was believed in before it.
  // Call between Start and Leave.
  void RaiseLife(Instant now, std::uint64_t counter);
  // Tells that this node stops; it is probed no more. Go on with Tick for a second.
  void Leave(Instant now, SwimEffects* effects);

  void HandlePacket(Instant now, const GossipMessage& message, SwimEffects* effects);
  // The answer to ProbeByRpc. After that probe's end it changes nothing.
  void HandleRpcProbe(Instant now, const NodeId& node, std::uint32_t sequence, bool ok,
                      SwimEffects* effects);
  // The outcome of ProbeDataPath, or of a real request: both measure the same path.
  void HandleDataPath(Instant now, const NodeId& node, bool ok, Duration latency,
                      SwimEffects* effects);

  // Acts on whatever is due at `now`.
  void Tick(Instant now, SwimEffects* effects);
  // When Tick must run next; nullopt: not until there are members.
  std::optional<Instant> Deadline() const;

  const MemberTable& table() const { return table_; }
  const BootId& boot() const { return boot_; }
  std::uint32_t incarnation() const { return incarnation_; }
  std::uint32_t awareness() const { return awareness_; }  // 0: healthy
  const SwimCounters& counters() const { return counters_; }

 private:
  struct Probe {
    NodeId node;
    std::uint32_t sequence = 0;
    Instant indirect_at;
    Instant deadline;
    bool is_indirect = false;
    std::vector<NodeId> helpers;
    std::vector<NodeId> nacks;  // of helpers, each once
  };
  struct Relay {  // a probe made for another
    NodeId asker;
    std::uint32_t asker_sequence = 0;
    NodeId target;
    std::uint32_t sequence = 0;
    Instant nack_at;
  };

  // swim.cc: what is believed.
  void NoticePause(Instant now, SwimEffects* effects);
  void ArmTimers(Instant now);
  bool Greet(Instant now, const GossipMessage& message, SwimEffects* effects);
  void NoteState(Instant now, const GossipMessage& message, SwimEffects* effects);
  MemberTable::Change Apply(Instant now, const Rumor& rumor, SwimEffects* effects);
  void Believe(Instant now, const Rumor& rumor, bool teller_is_up, SwimEffects* effects);
  void BelieveNews(Instant now, const Rumor& rumor, Liveness before, SwimEffects* effects);
  void HearOfSelf(Instant now, const Rumor& rumor, SwimEffects* effects);
  void ReportConflict(Instant now, const IdentityConflict& conflict, SwimEffects* effects);
  void BuryOverdue(Instant now, SwimEffects* effects);
  void Worsen(std::uint32_t by);
  void Improve();
  // swim_probe.cc: who answers.
  void TickProbe(Instant now, SwimEffects* effects);
  void StartProbe(Instant now, SwimEffects* effects);
  void AskHelpers(SwimEffects* effects);
  void FailProbe(Instant now, SwimEffects* effects);
  void PassProbe();
  void HandlePing(const GossipMessage& message, SwimEffects* effects);
  void HandleAck(const GossipMessage& message, SwimEffects* effects);
  void HandleNack(const GossipMessage& message);
  void HandlePingRequest(Instant now, const GossipMessage& message, SwimEffects* effects);
  void TickRelays(Instant now, SwimEffects* effects);
  void ProbeOneGone(SwimEffects* effects);
  void ProbeOneDataPath(SwimEffects* effects);
  const Peer* NextToProbe();
  // swim_gossip.cc: what is told.
  void Tell(Instant now, const Rumor& rumor);
  void Gossip(SwimEffects* effects);
  void SendTable(const Peer& peer, GossipKind kind, SwimEffects* effects);
  void HandleSync(Instant now, const GossipMessage& message, SwimEffects* effects);
  void Remind(Instant now, const Peer& peer, SwimEffects* effects);
  GossipMessage MessageTo(const Peer& peer, GossipKind kind, std::uint32_t sequence) const;
  void SendWithRumors(const Peer& peer, GossipMessage message, SwimEffects* effects);
  void Send(const Peer& peer, GossipMessage message, SwimEffects* effects);
  template <typename Predicate>
  std::vector<const Peer*> RandomPeers(std::size_t count, Predicate wanted);
  Rumor RumorOfSelf(Liveness liveness) const;
  Duration Scaled(Duration period) const;
  bool TakeFromBudget(Instant now);

  const NodeId self_;
  BootId boot_;
  const SwimOptions options_;
  Random* const random_;
  MemberTable table_;
  Rumors rumors_;
  StateStamp state_;
  std::uint32_t incarnation_ = 0;
  std::uint32_t awareness_ = 0;
  std::uint32_t sequence_ = 0;
  bool is_started_ = false;
  bool is_leaving_ = false;

  std::optional<Probe> probe_;
  std::vector<NodeId> round_;  // whom this round probes
  std::size_t round_next_ = 0;
  std::vector<Relay> relays_;
  std::map<NodeId, Suspicion> suspicions_;

  Instant next_probe_;
  Instant next_gossip_;  // matters while there are rumors
  Instant next_sync_;
  Instant next_gone_probe_;
  Instant next_data_path_;
  std::size_t data_path_turn_ = 0;
  Instant budget_began_;
  std::uint32_t budget_used_ = 0;  // unasked answers since then
  StateStamp seen_;                // last reported
  Instant seen_at_;
  Instant conflict_at_[2];  // none is reported soon after: of others, of this node
  SwimCounters counters_;
};

template <typename Predicate>
std::vector<const Peer*> Swim::RandomPeers(std::size_t count, Predicate wanted) {
  const std::vector<Peer>& peers = table_.peers();
  std::vector<const Peer*> chosen;
  const std::size_t tries = peers.empty() ? 0 : 3 * peers.size() + 32;
  for (std::size_t i = 0; i < tries && chosen.size() < count; ++i) {
    const Peer& peer = peers[random_->Below(peers.size())];
    if (!peer.is_member || peer.address.empty() || !wanted(peer)) continue;
    bool is_new = true;
    for (const Peer* other : chosen) is_new = is_new && other != &peer;
    if (is_new) chosen.push_back(&peer);
  }
  return chosen;
}

}  // namespace carillon
