#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/copies/copy_message.h"

namespace carillon {

struct CopyPlanLimits {
  // What is on this disk for so long and not in a copy is not waited for any more.
  Duration alone_after = std::chrono::seconds(5);
  // A peer that fails for so long is given up: the next one gets a copy.
  Duration give_up_after = std::chrono::seconds(2);
  Duration ping_every = std::chrono::seconds(1);  // when there is nothing to ship
  // Before a peer that failed is asked again: doubles from the first on, until it has a whole copy.
  Duration first_rest = std::chrono::milliseconds(50);
  Duration max_rest = std::chrono::seconds(1);  // of one that is away
  // Of one that will not have the copy: each time it may have been shipped most of it in vain.
  Duration max_refused_rest = std::chrono::seconds(15);
  std::size_t batch_bytes = kMaxCopyBytes;
  std::size_t batch_steps = 1000;
  std::size_t max_steps = 200'000;  // that wait; beyond it a new copy costs less
};

enum class CopyState : std::uint8_t {
  kCopying,  // no copy is whole yet, but soon may be: what needs one waits
  kInStep,   // a copy has all but the last moments
  kAlone,    // none has been for alone_after: nothing waits
};
std::string_view ToString(CopyState state);

struct CopyStep {
  CopyStepKind kind = CopyStepKind::kAppend;
  CopyFile file;
  std::uint64_t from = 0;  // of an append: bytes of the file
  std::uint64_t to = 0;
  friend bool operator==(const CopyStep&, const CopyStep&) = default;
};

// What to ask of a peer.
struct CopyCall {
  CopyAskKind kind = CopyAskKind::kBegin;  // or kShip
  std::size_t peer = 0;
  std::uint64_t generation = 0;
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
  std::vector<CopyStep> steps;
};

// Decides how the changes of a spool, in the order in which they came to its disk, come to the disk
// of one of several peers, and what may go on meanwhile.
//
//   begin --> all files as they are --> complete --> changes, as they come
//     ^                                                 |
//     \-- the peer fails for give_up_after (next peer), or has forgotten the session (the same)
//
// Each peer rests on its own: who may be asked first is the next.
//
// Each begin has a greater generation than all before. A change has a *position*; `copied` says up
// to which one a whole copy has them, `released` up to which one nobody need wait: the same, or
// all when it is alone.
//
// Pure. One owner at a time. Memory: O(files + steps that wait).
class CopyPlan {
 public:
  static constexpr std::uint64_t kAll = ~std::uint64_t{0};

  // `generation`: greater than that of any copy that is known. Requires: peers > 0.
  CopyPlan(CopyPlanLimits limits, std::size_t peers, std::uint64_t generation, Instant now);

  // The file has so many bytes now, all of them on the disk. Fewer than before changes nothing.
  void HandleGrown(CopyFile file, std::uint64_t bytes, Instant now);
  // It is gone for good. Unknown: changes nothing.
  void HandleRemoved(CopyFile file, Instant now);
  // Of all that was told so far. Never 0.
  std::uint64_t position() const { return position_; }
  bool Has(CopyFile file) const { return files_.contains(file); }

  // The next call, if one is due and none is under way: answer with HandleBegun or HandleShipped.
  std::optional<CopyCall> Next(Instant now);
  // `newest`: with ALREADY_EXISTS, the generation that is there.
  void HandleBegun(const Status& status, std::uint64_t session, std::uint64_t newest, Instant now);
  void HandleShipped(const Status& status, Instant now);
  // Decides whether it is alone.
  void Tick(Instant now);
  // When Next or Tick may have something to do; nullopt: not until told of something.
  std::optional<Instant> Deadline() const;

  std::uint64_t copied() const { return copied_; }
  std::uint64_t released() const { return alone_ ? kAll : copied_; }
  CopyState state() const;
  std::size_t peer() const { return peer_; }  // who has the copy, or is to get one
  bool has_session() const { return session_ != 0; }
  std::uint64_t generation() const { return generation_; }
  std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  // Since what is not copied has been there; 0: all is copied.
  Duration Behind(Instant now) const;

  // A peer that may have copies that are older than the whole one; then HandleForgot.
  std::optional<std::size_t> ToForget() const;
  void HandleForgot(std::size_t peer, std::uint64_t generation);

 private:
  struct Waiting {
    CopyStep step;
    std::uint64_t position = 0;
    Instant since;
  };
  struct Patience {  // with a peer
    Duration rest;   // the next one
    Instant not_before{};
  };

  void Enqueue(CopyStep step, Instant now);
  void GiveUp(bool next_peer, Instant now);
  void Rest(const Status& status, Instant now);
  std::size_t NextPeer(Instant now) const;
  void Shipped(const CopyStep& step);
  std::vector<CopyStep> NextBatch() const;
  std::optional<Instant> BehindSince() const;

  const CopyPlanLimits limits_;
  const std::size_t peers_;
  std::map<CopyFile, std::uint64_t> files_;  // as they are on this disk
  std::uint64_t position_ = 1;
  std::uint64_t copied_ = 0;

  std::size_t peer_ = 0;
  std::uint64_t generation_;
  std::uint64_t session_ = 0;
  std::uint64_t sequence_ = 0;
  bool complete_ = false;
  std::deque<Waiting> queue_;
  std::uint64_t waiting_bytes_ = 0;  // of appends in the queue
  std::vector<CopyStep> batch_;      // the first steps of the queue: shipped, not answered
  bool batch_made_ = false;
  bool under_way_ = false;
  Instant asked_at_{};
  std::vector<Patience> patience_;  // by peer
  std::optional<Instant> failing_since_;

  bool alone_ = false;
  Instant incomplete_since_;
  std::vector<std::uint64_t> forgotten_;  // by peer: below which generation it has nothing
};

}  // namespace carillon
