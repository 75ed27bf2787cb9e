#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "ring/preference_list.h"
#include "server/node/outbox.h"

namespace carillon {

// Carries one write to the homes of its partition, replaces homes that are away by fallbacks, and
// says when it is durable: w acknowledgements among `homes`, and w among `next` while the partition
// moves; and all that by the bucket's rule before as well, while that settles. A fallback's
// acknowledgement counts for the home it stands in for, once.
//
//   Start --> waiting --w in each set--> met --the rest answered--> settled
//                 \--can no longer be met, a refusal, or the time is up--> lost
//
// After it is met the rest goes on, so that every home, or a fallback for it, gets the write.
// Pure. One owner at a time. Memory: O(homes).
class ReplicaWrites {
 public:
  static constexpr Duration kFallbackAfter = std::chrono::milliseconds(300);
  static constexpr Duration kGiveUpAfter = std::chrono::seconds(10);
  static constexpr std::uint32_t kMaxFallbacks = 3;  // for one home

  enum class Verdict : std::uint8_t {
    kWaiting,
    kMet,
    kLost,   // error() says why
    kStale,  // a replica knows a newer ring: begin again when this node has it
  };

  // Asks every home. `message`'s place and bucket decide which they are. Call once, first; again
  // only to begin anew under a newer cluster state.
  // Requires: the bucket exists.
  void Start(ReplicaWrite message, const std::string& bucket, Outbox* out);

  // A replica's word; one of an unknown operation changes nothing.
  void Handle(const WriteDone& done, Outbox* out);
  // Asks fallbacks for those that are slow; gives up when the time is up. Call when woken.
  void HandleTime(Outbox* out);

  // Members have other places in a newer cluster state: no more fallbacks are asked.
  void AskNobodyElse() { fallbacks_.clear(); }

  Verdict verdict() const { return verdict_; }
  // Nothing is under way any more.
  bool settled() const { return asked_.empty(); }
  const Status& error() const { return error_; }
  std::uint32_t acks() const { return acks_; }
  bool already_stored() const { return already_stored_; }
  std::uint32_t sent_to_others() const { return sent_to_others_; }
  StateVersion version() const { return version_; }

 private:
  struct Slot {  // of one home
    MemberIndex home = 0;
    bool acked = false;
    std::uint32_t fallbacks = 0;  // asked in its place so far
    std::uint32_t waiting = 0;    // operations under way
  };
  struct Asked {
    OperationId operation;
    std::size_t slot = 0;
  };

  void Ask(std::size_t slot, MemberIndex member, Outbox* out);
  // False: there is nobody left.
  bool AskFallback(std::size_t slot, Outbox* out);
  void Judge();
  bool IsMet(const Quorum& quorum) const;
  bool CanBeMet(const Quorum& quorum) const;

  ReplicaWrite message_;
  std::vector<Quorum> quorums_;
  std::vector<MemberIndex> fallbacks_;  // alive, not asked yet, best first
  std::vector<Slot> slots_;
  std::vector<Asked> asked_;
  Instant fallback_at_;
  Instant give_up_at_;
  StateVersion version_;
  Verdict verdict_ = Verdict::kWaiting;
  Status error_;
  std::uint32_t acks_ = 0;
  std::uint32_t sent_to_others_ = 0;
  bool already_stored_ = false;
};

}  // namespace carillon
