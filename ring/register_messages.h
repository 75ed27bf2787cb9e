#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "base/ids.h"
#include "ring/cluster_state.h"

// What nodes say to each other to agree on the next cluster state. Plain data; the bytes are in
// register_codec.h, the protocol in ring_register.h.
namespace carillon {

// A cluster state that changes no more, and its hash, taken once. Copying costs a pointer.
struct SharedState {
  std::shared_ptr<const ClusterState> state;  // null: none
  Hash128Value hash;

  explicit operator bool() const { return state != nullptr; }
  const ClusterState* operator->() const { return state.get(); }
  const ClusterState& operator*() const { return *state; }
};
// Cost: encodes the state, for its hash.
inline SharedState Share(ClusterState state) {
  const Hash128Value hash = HashOf(state);
  return {.state = std::make_shared<const ClusterState>(std::move(state)), .hash = hash};
}

// Of one attempt of one proposer: no two attempts have the same. The default is below all.
struct Ballot {
  std::uint64_t counter = 0;
  NodeId node;
  friend auto operator<=>(const Ballot&, const Ballot&) = default;
};

// What is being decided: version `slot`, which follows the version with the hash `previous`.
// Answers repeat that of the request; every other message says where its sender stands.
struct RegisterHeader {
  Uuid cluster;
  std::uint64_t generation = 0;
  StateVersion slot;
  Hash128Value previous;
  friend bool operator==(const RegisterHeader&, const RegisterHeader&) = default;
};

struct PrepareRequest {  // -> PrepareReply
  RegisterHeader header;
  Ballot ballot;
};
struct AcceptRequest {  // -> AcceptReply
  RegisterHeader header;
  Ballot ballot;
  SharedState value;
};

enum class Verdict : std::uint8_t {
  kYes,            // promised, or accepted: it is on disk
  kRefused,        // `promised`, a higher ballot, was promised
  kBehind,         // the slot is decided: `newer` is a newer state
  kNeedState,      // who answers is behind: send the state of version slot - 1, and ask again
  kInvalid,        // the value must not follow the state
  kOldGeneration,  // the asker is no survivor of a force-recover, for ever
  kFork,           // who answers has another state of version slot - 1
};

// What both answers have in common.
struct VoteReply {
  RegisterHeader header;
  Ballot ballot;  // of the request
  Verdict verdict = Verdict::kYes;
  Ballot promised;                        // kRefused
  SharedState newer;                      // kBehind
  std::optional<Hash128Value> slot_hash;  // kBehind: of version `slot`, where still known
};
struct PrepareReply {
  VoteReply vote;
  Ballot accepted_ballot;  // kYes: of `accepted`
  SharedState accepted;    // kYes: what this slot's acceptor accepted last; null: nothing
};
struct AcceptReply {
  VoteReply vote;
};

// Asks for a state newer than the asker's. -> FetchStateReply
struct FetchStateRequest {
  RegisterHeader header;
};
struct FetchStateReply {
  RegisterHeader header;
  SharedState state;  // null: there is none
};
// A decided state, to whom it may concern. Not answered.
struct StateNotice {
  RegisterHeader header;
  SharedState state;
};

using RegisterMessage = std::variant<PrepareRequest, PrepareReply, AcceptRequest, AcceptReply,
                                     FetchStateRequest, FetchStateReply, StateNotice>;

struct SendRegister {
  NodeId to;
  RegisterMessage message;
};

// What gossip carries of the cluster state.
struct StateSummary {
  Uuid cluster;
  std::uint64_t generation = 0;
  StateVersion version;
  Hash128Value hash;
};
inline StateSummary SummaryOf(const SharedState& state) {
  return {.cluster = state->cluster,
          .generation = state->generation,
          .version = state->version,
          .hash = state.hash};
}

// The header of what is said by one who stands at `state`.
inline RegisterHeader HeaderAfter(const SharedState& state) {
  return {.cluster = state->cluster,
          .generation = state->generation,
          .slot = StateVersion(state->version.value() + 1),
          .previous = state.hash};
}

}  // namespace carillon
