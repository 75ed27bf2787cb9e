#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "ring/replica_rules.h"
#include "server/node/outbox.h"
#include "server/node/sync_target.h"

namespace carillon {

struct SyncScheduleOptions {
  std::size_t max_running = 4;                               // pulls at once
  std::uint64_t bytes_per_second = std::uint64_t{64} << 20;  // of all pulls together; 0: no limit
  Duration anti_entropy_period = std::chrono::seconds(60);   // every home asks every other
  Duration retry_after = std::chrono::seconds(2);            // a pull that failed
};

// Why a pull is made, the most urgent first.
enum class SyncReason : std::uint8_t { kMove, kSettle, kHandoff, kAntiEntropy };
std::string_view ToString(SyncReason reason);

struct PullKey {
  PartitionId partition;
  NodeId source;
  friend auto operator<=>(const PullKey&, const PullKey&) = default;
};

// Which partitions this node pulls from whom, and when: for a change of homes (mover), because the
// rule of a bucket has changed and it may lack what counts by the new one (settle), because
// somebody who holds foreign data asks for it (handoff), and to stay equal with the other homes
// (anti-entropy). Says which partitions are ready for their next phase.
//
// The owner runs the pulls (SyncTarget): Next() says which, Ended() how it went.
//
// Pure. One owner at a time. Memory: a word a partition and peer.
class SyncSchedule {
 public:
  // `random` outlives it.
  SyncSchedule(const SyncScheduleOptions& options, Random* random)
      : options_(options), random_(random) {}

  struct Pull {
    PullKey key;
    SyncReason reason = SyncReason::kAntiEntropy;
    std::uint64_t bytes_per_second = 0;
  };
  // The pull to begin now, if one is wanted and there is room. Counts as running until Ended.
  std::optional<Pull> Next(const Scene& scene);
  void Ended(const PullKey& key, const Status& status, const DigestLine& total, const Scene& scene);

  // The cluster state is another one. To be called before anything else.
  void HandleNewState(const Scene& scene);
  // Partitions have other numbers: forgets all that is running, wanted, or offered. The owner ends
  // the pulls and says nothing of them; a HandleNewState follows.
  void HandleNewNumbers();
  // `source` holds data of a partition that is not its own. Says how far the pull has come.
  OfferReply HandleOffer(PartitionId partition, const NodeId& source, const Scene& scene);
  // Compares with every other home of this node's partitions, now.
  void WantAntiEntropyNow(const Scene& scene);
  void Tick(const Scene& scene);
  // When Tick or Next must be called again.
  Instant Deadline() const { return wake_at_; }

  // Partitions of which this node must get data and has pulled from enough of the homes, for every
  // bucket, by the phase they are in: to be told to the register until the state says so.
  std::vector<PartitionId> ReadyIn(Phase phase, const Scene& scene) const;

  // Whether rules of buckets settle, this node is waited for, and it has pulled what it must: to be
  // told to the register until the state says so.
  bool HasSettled(const Scene& scene) const;

  const SyncScheduleOptions& options() const { return options_; }
  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return wanted_.size(); }

 private:
  struct Move {  // of a partition that this node becomes a home of, for some bucket at least
    StateVersion changed;
    std::set<NodeId> pulled;  // sources
  };
  struct Offered {
    bool done = false;
    DigestLine total;
    Instant asked_at;
  };
  struct Running {
    SyncReason reason = SyncReason::kAntiEntropy;
    StateVersion began;  // the source is fenced from this version on
  };
  struct Wanted {
    SyncReason reason = SyncReason::kAntiEntropy;
    Instant not_before;
  };

  void Want(const PullKey& key, SyncReason reason, Instant not_before);
  bool IsSensible(const PullKey& key, SyncReason reason, const Scene& scene) const;
  bool IsPulling(PartitionId partition) const;
  void WantMoves(const Scene& scene);
  void WantSettling(const Scene& scene);
  void WantAntiEntropy(const Scene& scene);
  bool HasEnough(const PartitionHomes& partition, const Move& move, const Scene& scene) const;
  bool HasEnoughToSettle(const PartitionHomes& partition, const Move& settle,
                         const Scene& scene) const;

  const SyncScheduleOptions options_;
  Random* const random_;
  std::map<PullKey, Wanted> wanted_;
  std::map<PullKey, Running> running_;
  std::map<PartitionId, Move> moves_;
  std::map<PartitionId, Move> settles_;  // of all partitions of this node, while rules settle
  std::set<PartitionId> settled_;        // of them: enough was pulled
  StateVersion settling_since_;
  std::map<PullKey, Offered> offered_;
  ReplicaRules rules_;  // of the state in force
  Instant anti_entropy_at_{};
  Instant wake_at_{};
};

}  // namespace carillon
