#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "ring/swim.h"
#include "tests/sim/gossip/gossip_sim.h"

namespace carillon {

// The members of one cluster, each a Swim, on a simulated network: one thread, events by time.
class GossipWorld {
 public:
  GossipWorld(const GossipOptions& options, std::uint64_t seed);

  // Runs all that happens before `end`.
  void RunUntil(Instant end);
  Instant now() const { return now_; }
  // From now on `member` is silent and deaf for ever.
  void Kill(std::size_t member);

  // What has been seen so far, and how it stands now.
  GossipReport Report() const;

 private:
  struct Notice {
    std::size_t by;
    Duration after;
  };
  struct Node {
    NodeId id;
    std::unique_ptr<Swim> swim;
    Instant wakes;  // when its Tick is planned
    bool is_slow = false;
    Duration phase{0};  // of a slow one: where in its cycle it begins
    std::optional<Instant> killed;
    std::vector<Notice> noticed;  // its death, by the others
    bool is_false_victim = false;
  };
  enum class EventKind : std::uint8_t { kTick, kPacket, kRpcAnswer };
  struct Event {
    Instant at;
    std::uint64_t order = 0;  // of events of one time
    EventKind kind = EventKind::kTick;
    std::size_t node = 0;   // who handles it
    std::size_t about = 0;  // of kRpcAnswer: who was asked
    std::uint32_t sequence = 0;
    std::unique_ptr<GossipMessage> packet;
    bool operator<(const Event& other) const {  // the earliest is the greatest
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  // When what reaches `node` at `at` is looked at: slow ones are now and then away.
  Instant AwakeAt(const Node& node, Instant at) const;
  bool IsCut(std::size_t from, std::size_t to) const;
  bool HappensTo(std::uint32_t per_million) { return random_.Below(1'000'000) < per_million; }
  Duration Delay();
  void AddNode(std::size_t index);
  void Push(Event event);
  void Handle(Event event);
  void Perform(std::size_t from, SwimEffects effects);
  void Transmit(std::size_t from, const SendPacket& packet);
  void AnswerRpc(std::size_t from, const ProbeByRpc& probe);
  void NoteStatus(std::size_t by, const StatusChanged& change);
  void PlanTick(std::size_t node);
  void Trace(std::uint64_t a, std::uint64_t b, std::uint64_t c);
  void SumDeaths(GossipReport* report) const;
  void SumMembers(GossipReport* report) const;

  const GossipOptions options_;
  Random random_;
  Instant now_;
  std::uint64_t next_order_ = 0;
  std::vector<Node> nodes_;
  std::vector<Event> events_;  // a heap
  GossipReport report_;
};

}  // namespace carillon
