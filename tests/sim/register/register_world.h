#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <variant>
#include <vector>

#include "base/random.h"
#include "ring/ring_register.h"
#include "tests/sim/register/register_checker.h"
#include "tests/sim/register/register_network.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {

// Up to eight nodes, each a RingRegister with a disk of its own. Admins propose at several of them
// at once; members come, go, and come back; nodes crash in the middle of a save; the network does
// what it may. At the end all faults stop, and then a change must succeed and everybody hear of it.
class RegisterWorld {
 public:
  RegisterWorld(std::uint64_t seed, RegisterMutations mutations, bool verbose);
  RegisterWorld(const RegisterWorld&) = delete;
  RegisterWorld& operator=(const RegisterWorld&) = delete;

  // Once.
  SimResult Run();

 private:
  using Parcel = std::variant<RegisterMessage, StateSummary>;
  enum class Kind : std::uint8_t {
    kParcel,
    kSaved,
    kTick,
    kGossip,
    kCrash,
    kRestart,
    kPropose,
    kFault
  };
  struct Event {
    std::uint64_t time = 0;   // microseconds
    std::uint64_t order = 0;  // among events of one time
    Kind kind = Kind::kParcel;
    std::uint8_t node = 0;
    std::uint8_t from = 0;
    std::uint32_t parcel = 0;       // kParcel: where it lies
    std::uint64_t incarnation = 0;  // kSaved, kTick, kCrash: void after a crash
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.order > b.order;
    }
  };
  struct Node {
    NodeId id;
    SharedState saved;                  // on its disk; null: never heard of the cluster
    AcceptorState saved_acceptor;       // on its disk
    std::unique_ptr<RingRegister> reg;  // null: down
    std::uint64_t incarnation = 0;
    std::optional<SaveRegister> saving;
    std::uint64_t tick_at = 0;  // 0: none is due
    Ballot seen_ballot;         // of what it accepted last, as the checker knows it
    StateVersion seen_slot;
  };

  SharedState FirstMembers();
  Instant Now() const { return Instant(std::chrono::microseconds(now_)); }
  void Schedule(std::uint64_t delay, Event event);
  void Carry(const Event& event);
  void RunUntil(std::uint64_t time);

  void Deliver(std::size_t node, std::size_t from, Parcel parcel);
  void Post(std::size_t from, std::size_t to, const Parcel& parcel);
  std::uint32_t Store(Parcel parcel);
  void Gossip(std::size_t node);
  void EndSave(std::size_t node);
  void Start(std::size_t node);
  void Crash(std::size_t node);
  void DoFault();
  void ProposeSomething();
  void Propose(std::size_t node, std::optional<StateVersion> expected, StateMaker maker);
  StateMaker RandomMaker();
  // Calls `input(register, effects)` and does what it wants done.
  template <typename Input>
  void Step(std::size_t node, Input input);
  void Perform(std::size_t node, SendRegister effect);
  void Perform(std::size_t node, SaveRegister effect);
  void Perform(std::size_t node, StateInForce effect);
  void Perform(std::size_t node, ProposalAnswer effect);
  void Perform(std::size_t node, RegisterAlarm effect);
  void ObserveVote(std::size_t node);
  void CheckProgress();
  std::string WhoIsBehind() const;
  std::optional<std::size_t> IndexOf(const NodeId& id) const;
  void Trace(const Event& event);

  Random random_;
  const RegisterMutations mutations_;
  const bool verbose_;
  RegisterNetwork network_;
  std::vector<Node> nodes_;
  std::optional<RegisterChecker> checker_;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  std::vector<Parcel> parcels_;
  std::vector<std::uint32_t> free_parcels_;
  std::uint64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t proposals_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_ = 0;
  std::uint64_t fault_interval_ = 0;
  std::uint64_t crash_one_in_ = 0;  // answers; 0: none
  bool calm_ = false;               // faults are over
};

}  // namespace carillon
