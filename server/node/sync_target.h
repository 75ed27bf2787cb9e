#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/node/input.h"
#include "server/node/outbox.h"

namespace carillon {

// How far a pull has come.
struct SyncProgress {
  std::uint64_t hours = 0;  // (bucket, hour)s that differ
  std::uint64_t hours_done = 0;
  std::uint64_t chunks = 0;  // stored here by it
  std::uint64_t lines = 0;   // of manifests, likewise
  std::uint64_t claims = 0;  // likewise
  std::uint64_t bytes = 0;   // of values, received
};

// Pulls everything of one partition that one other node has and this one lacks.
//
//   Start --> digests --differ--> an hour: entries --> chunks, lines --next hour--+
//                \--agree                  ^------------------------------------ -+
//                 \--> done                                    \--none left--> done
//
// An hour with damage here is looked through though the digests agree: what is damaged counts as
// missing. The newest hour first. Chunks are stored like any write, before the lines of manifests
// of that hour; what is expired is passed over; what is stored here with other bytes stays. After a
// failure the rest is not tried: a later pull asks only for what is still missing.
//
// A slot of claims is looked through in the same way. Claims are stored as pulled by a home that
// votes on them, as copied by one that does not yet. `settled_only` leaves out slots that are not
// over yet, or whose claims have all expired: of those homes differ all the time.
//
// Throttled, and behind live traffic: after each batch it rests as PauseAfterBatch says.
// Pure. One owner at a time. Memory: the entries of one hour or slot, one batch of values.
class SyncTarget {
 public:
  static constexpr std::size_t kBatchKeys = 64;
  static constexpr std::size_t kBatchBytes = std::size_t{1} << 20;

  static constexpr std::size_t kBatchClaims = 2'000;
  static constexpr std::uint64_t kSettledAfterSeconds = 10;  // a slot, after its end

  SyncTarget(PartitionId partition, const NodeId& source, std::uint64_t bytes_per_second,
             bool settled_only);

  void Start(Outbox* out);
  void Handle(PeerReplied replied, Outbox* out);
  void Handle(DigestsDone done, Outbox* out);
  void Handle(EntriesDone done, Outbox* out);
  void Handle(const WriteDone& done, Outbox* out);
  void Handle(ClaimsListed done, Outbox* out);
  void Handle(const ClaimsDone& done, Outbox* out);
  void HandleTime(Outbox* out);

  bool done() const { return done_; }
  // Of a pull that is done. OK: this node holds all that the source held, as of `total`.
  const Status& status() const { return status_; }
  const DigestLine& total() const { return total_; }  // the sum of the source's digests
  const SyncProgress& progress() const { return progress_; }
  PartitionId partition() const { return partition_; }
  const NodeId& source() const { return source_; }

 private:
  using EntryName = std::pair<bool, ChunkKey>;  // manifest or chunk

  void Compare(Outbox* out);
  void NextHour(Outbox* out);
  void AskTheirs(Bytes after, Outbox* out);
  void AskOurs(Bytes after, Outbox* out);
  void FindMissing(Outbox* out);
  void GoOn(Outbox* out);
  void FetchBatch(Outbox* out);
  void StoreBatch(ReadReply reply, Outbox* out);
  void StoreLines(Outbox* out);
  // sync_claims.cc
  bool LeavesOut(const DigestLine& line, const Scene& scene) const;
  void FindMissingClaims(Outbox* out);
  void StoreClaimBatch(Outbox* out);
  void Rest(std::uint64_t bytes, Outbox* out);
  void HandleStored(OperationId operation, const Status& status, Outbox* out);
  void End(Status status);
  StorePlace PlaceOfKey(const std::string& key, const Outbox& out) const;

  const PartitionId partition_;
  const NodeId source_;
  const std::uint64_t bytes_per_second_;
  const bool settled_only_;

  std::optional<std::vector<DigestLine>> theirs_;
  std::optional<std::vector<DigestLine>> ours_;
  DigestLine total_;
  std::set<HourName> damaged_;  // here: to be pulled though digests agree
  std::deque<HourName> hours_;  // left, the first is under way

  std::vector<EntryLine> their_entries_;
  std::set<EntryName> our_entries_;
  bool theirs_whole_ = false;
  bool ours_whole_ = false;
  std::deque<EntryLine> missing_chunks_;
  std::vector<EntryLine> missing_lines_;
  std::vector<StoredClaim> their_claims_;
  std::map<ClaimId, StoredClaim> our_claims_;
  std::vector<StoredClaim> missing_claims_;  // the last ones first
  std::vector<EntryLine> batch_;
  std::set<OperationId> writes_;
  std::optional<OperationId> asked_;
  Instant asked_at_;  // when the batch under way was asked for
  std::optional<Instant> pause_until_;
  Status shortfall_;  // something could not be had, the rest was
  SyncProgress progress_;
  Status status_;
  bool done_ = false;
};

}  // namespace carillon
