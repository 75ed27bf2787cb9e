#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ring/ring_register.h"

namespace carillon {

inline Uuid RegisterUuid(std::uint8_t kind, std::uint8_t last) {
  Uuid uuid;
  uuid.bytes[0] = kind;
  uuid.bytes[15] = last;
  return uuid;
}
inline NodeId RegisterNode(std::uint8_t number) {
  return NodeId(RegisterUuid(2, number));
}

// Version 1, with the nodes 1..members; the first has all partitions.
inline ClusterState StateOf(std::uint8_t members) {
  ClusterState state =
      FirstState(RegisterUuid(1, 1), {.node = RegisterNode(1), .name = "n1"}, kMinPartitionBits);
  for (std::uint8_t i = 2; i <= members; ++i) {
    state.members.push_back({.node = RegisterNode(i), .name = fmt::format("n{}", i)});
  }
  return state;
}

inline SharedState NextOf(const SharedState& state, const std::string& note) {
  ClusterState next = NextVersionOf(*state, note);
  next.change = RegisterUuid(3, static_cast<std::uint8_t>(note.size()));
  return Share(std::move(next));
}

inline StateMaker Noting(const std::string& note) {
  return [note](const ClusterState& state) -> StatusOr<ClusterState> {
    return NextVersionOf(state, note);
  };
}

// Registers that hear each other at once and save at once, except for those told otherwise.
class RegisterCluster {
 public:
  explicit RegisterCluster(std::uint8_t members) : random_(1) {
    const SharedState first = Share(StateOf(members));
    for (std::uint8_t i = 1; i <= members; ++i) Start(i, first, {});
  }

  RingRegister& at(std::uint8_t node) { return *registers_.at(RegisterNode(node)); }
  void Start(std::uint8_t node, const SharedState& saved, const AcceptorState& acceptor) {
    registers_[RegisterNode(node)] = std::make_unique<RingRegister>(
        RegisterNode(node), saved, acceptor, WallTime{}, RegisterOptions{}, &random_);
  }
  void Stop(std::uint8_t node) { registers_.erase(RegisterNode(node)); }

  // Nobody hears it, and it hears nobody.
  void Isolate(std::uint8_t node) { isolated_.insert(RegisterNode(node)); }
  void Heal() { isolated_.clear(); }
  // Its saves end only when EndSave is called.
  void HoldSaves(std::uint8_t node) { held_.insert(RegisterNode(node)); }
  void EndSave(std::uint8_t node, const Status& status) {
    held_.erase(RegisterNode(node));
    Saved(RegisterNode(node), status);
    Deliver();
  }
  std::size_t saves(std::uint8_t node) const {
    const auto found = saves_.find(RegisterNode(node));
    return found == saves_.end() ? 0 : found->second;
  }

  // The id of the proposal; its answer is in `answers` when it is there.
  ProposalId Propose(std::uint8_t node, StateMaker maker,
                     std::optional<StateVersion> expected = std::nullopt,
                     std::optional<Duration> within = std::nullopt) {
    const ProposalId id(++proposals_);
    RegisterEffects effects;
    std::optional<Instant> deadline;
    if (within) deadline = now_ + *within;
    at(node).Propose(now_, id, expected, deadline, std::move(maker), &effects);
    Carry(RegisterNode(node), std::move(effects));
    Deliver();
    return id;
  }
  void Say(std::uint8_t from, std::uint8_t to, RegisterMessage message) {
    letters_.push_back({RegisterNode(from), RegisterNode(to), std::move(message)});
    Deliver();
  }
  void Summary(std::uint8_t from, std::uint8_t to, const StateSummary& summary) {
    RegisterEffects effects;
    at(to).HandleSummary(now_, RegisterNode(from), summary, &effects);
    Carry(RegisterNode(to), std::move(effects));
    Deliver();
  }
  ProposalId Recover(std::uint8_t node, ClusterState state) {
    const ProposalId id(++proposals_);
    RegisterEffects effects;
    at(node).Recover(id, std::move(state), &effects);
    Carry(RegisterNode(node), std::move(effects));
    Deliver();
    return id;
  }
  // Until nothing is due for `time`.
  void Wait(Duration time) {
    const Instant end = now_ + time;
    while (now_ < end) {
      now_ += std::chrono::milliseconds(10);
      for (auto& [node, reg] : registers_) {
        RegisterEffects effects;
        reg->Tick(now_, &effects);
        Carry(node, std::move(effects));
      }
      Deliver();
    }
  }

  std::map<ProposalId, ProposalAnswer> answers;
  std::vector<std::string> alarms;
  std::vector<std::pair<NodeId, StateVersion>> in_force;

 private:
  struct Letter {
    NodeId from;
    NodeId to;
    RegisterMessage message;
  };

  void Saved(const NodeId& node, const Status& status) {
    RegisterEffects effects;
    registers_.at(node)->HandleSaved(now_, WallTime{}, status, &effects);
    Carry(node, std::move(effects));
  }
  void Carry(const NodeId& node, RegisterEffects effects) {
    bool saves = false;
    for (RegisterEffect& effect : effects) {
      if (auto* send = std::get_if<SendRegister>(&effect)) {
        letters_.push_back({node, send->to, std::move(send->message)});
      } else if (std::holds_alternative<SaveRegister>(effect)) {
        saves = true;
        ++saves_[node];
      } else if (auto* answer = std::get_if<ProposalAnswer>(&effect)) {
        answers[answer->proposal] = *answer;
      } else if (auto* alarm = std::get_if<RegisterAlarm>(&effect)) {
        alarms.push_back(alarm->text);
      } else {
        in_force.emplace_back(node, std::get<StateInForce>(effect).state->version);
      }
    }
    if (saves && !held_.contains(node)) Saved(node, OkStatus());
  }
  void Deliver() {
    while (!letters_.empty()) {
      Letter letter = std::move(letters_.front());
      letters_.pop_front();
      if (isolated_.contains(letter.from) || isolated_.contains(letter.to)) continue;
      const auto to = registers_.find(letter.to);
      if (to == registers_.end()) continue;
      RegisterEffects effects;
      to->second->Handle(now_, letter.from, std::move(letter.message), &effects);
      Carry(letter.to, std::move(effects));
    }
  }

  Random random_;
  Instant now_{std::chrono::seconds(1)};
  std::uint64_t proposals_ = 0;
  std::map<NodeId, std::unique_ptr<RingRegister>> registers_;
  std::deque<Letter> letters_;
  std::set<NodeId> isolated_;
  std::set<NodeId> held_;
  std::map<NodeId, std::size_t> saves_;
};

}  // namespace carillon
