#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/node/candidates.h"
#include "server/node/outbox.h"

namespace carillon {

// Reads one page of the manifests of all partitions: of each partition, n - w + 1 of its homes, one
// request a node; their union is what is committed, with what the nodes that are asked have taken
// as fallbacks (foreign_partitions.h). While the bucket's rule settles, so many by each of the two
// rules. A node that fails is replaced by the next candidate of its partitions; beside one that is
// slow, the next home that serves reads is asked too (a hedge), and whoever answers first counts.
// When homes are away those who stand in for them answer, and what they know may not be all: the
// page is partial.
//
// Of a partition that is in READNEW, as many of its former homes are asked too, if they are up: a
// new home may have been too late for a write and have it only after its second pull. They are
// waited for as long as for a hedge, and missed by nobody.
//
//   Start --> asking --every partition has enough answers--> done (page, or error)
//
// A home that lacks a line is mended by anti-entropy. Pure. One owner at a time. Memory: the pages.
class ManifestReads {
 public:
  // Requires: the bucket exists. Call once, first.
  void Start(const std::string& bucket, EpochRange range, const std::string& dc,
             std::size_t max_chunks, Outbox* out);
  void Handle(ScanDone done, Outbox* out);
  void HandleTime(Outbox* out);

  bool done() const { return done_; }
  const Status& status() const { return status_; }  // of a scan that is done
  // Fewer homes of some partition answered than were to: acknowledged commits may be missing.
  bool partial() const { return partial_; }
  // For whom it must be whole: UNAVAILABLE if it is partial.
  Status StatusUnlessPartial(bool allowed) const;
  bool stale_ring() const { return stale_ring_; }
  StateVersion version() const { return version_; }
  // By epoch, then dc, then cell, type, subtype, number; no more seconds than max_chunks need.
  std::vector<Second> TakeSeconds();
  // Where the next page begins; nullopt: there is none. After TakeSeconds.
  std::optional<Epoch> next_from() const { return next_from_; }
  const std::vector<HeardSealLine>& seals() const { return seals_; }

 private:
  struct OfPartition {
    std::vector<MemberIndex> candidates;  // not asked yet, best first
    std::vector<Quorum> quorums;          // homes that serve reads
    std::vector<MemberIndex> waiting;     // requests under way
    std::vector<MemberIndex> answered;
    std::vector<MemberIndex> former;  // homes before READNEW that are asked beside them
  };
  struct Asked {
    MemberIndex member;
    std::vector<PartitionId> partitions;
  };
  using OfMember = std::map<MemberIndex, std::vector<PartitionId>>;
  using SecondKey = std::pair<Epoch, std::string>;

  OfMember TakeAsks();
  void AddFormer(const Scene& scene, const BucketRules& rules, OfMember* asks);
  void Hedge(Outbox* out);
  static std::optional<MemberIndex> Choose(const OfPartition& partition);
  static std::optional<MemberIndex> ChooseHedge(const OfPartition& partition);
  static bool IsAnswered(const OfPartition& partition);
  std::size_t ShareOf(std::size_t partitions) const;
  void Send(OfMember asks, Outbox* out);
  void Conclude();
  void Merge(ScanDone done);

  std::string bucket_;
  EpochRange range_;
  std::string dc_;
  std::size_t max_chunks_ = 0;
  std::vector<OfPartition> partitions_;
  std::map<OperationId, Asked> asked_;
  std::map<SecondKey, std::map<ChunkKey, ChunkInfo>> found_;
  std::optional<Epoch> next_from_;
  std::vector<HeardSealLine> seals_;
  std::optional<Instant> hedge_at_;
  std::optional<Instant> former_until_;  // until when former homes are waited for
  StateVersion version_;
  Status status_;
  Status last_error_;
  bool stale_ring_ = false;
  bool partial_ = false;
  bool done_ = false;
};

}  // namespace carillon
