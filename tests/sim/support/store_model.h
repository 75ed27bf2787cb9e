#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace carillon {

// Where a record key ("bucket 0x00 key") lies on a ring of 2^partition_bits partitions.
WritePlacement PlaceOnRing(std::string_view bucket, std::string_view key,
                           std::uint32_t partition_bits);

// What a writer was told by a store, and so what the store owes.
//
// A chunk or commit is *owed* when it was acknowledged, *possible* when it was tried and the answer
// was lost, *gone* when its partition was dropped. Each value and each ChunkInfo belongs to one
// write, so that a half-visible commit can be told.
//
// Threads: one caller at a time.
class StoreModel {
 public:
  explicit StoreModel(std::uint32_t partition_bits) : partition_bits_(partition_bits) {}

  struct Chunk {
    Bytes value;
    bool owed = false;
    bool gone = false;
    bool weak = false;       // not asked to be synced: may be lost, even be damaged
    bool committed = false;  // in some commit that was tried
  };
  using ChunkId = std::pair<std::string, ChunkKey>;  // bucket, key

  // The store has other partitions from here on.
  void SetPartitionBits(std::uint32_t bits);
  ChunkRef RefOf(const ChunkId& id) const;
  ChunkInfo InfoOf(const ChunkId& id) const;
  const std::map<ChunkId, Chunk>& chunks() const { return chunks_; }
  // Those whose partition was dropped, and that were not tried again since.
  std::vector<CommitWrite> GoneCommits() const;

  void TryChunk(const ChunkWrite& write);
  void AcknowledgeChunk(const ChunkWrite& write);
  void TryCommit(const CommitWrite& write);
  void AcknowledgeCommit(const CommitWrite& write);
  void TryDrop(PartitionId partition);
  void AcknowledgeDrop(PartitionId partition);

  // Every way in which `store` breaks its promises, in words; empty: none. What is possible and was
  // found to be there is owed from now on: a store never takes back what it has shown.
  std::vector<std::string> Check(const Store& store);

 private:
  struct TriedCommit {
    CommitWrite write;
    bool owed = false;
    bool gone = false;
  };
  using Listed = std::set<std::pair<std::string, std::string>>;  // bucket, chunk key

  void CheckChunks(const Store& store, std::vector<std::string>* violations);
  void CheckManifests(const Store& store, std::vector<std::string>* violations);
  void CheckSeals(const Store& store, std::vector<std::string>* violations) const;
  void CheckDigests(const Store& store, std::vector<std::string>* violations) const;
  void CheckEntries(const Store& store, std::vector<std::string>* violations) const;
  void ListSeconds(const Store& store, const std::string& bucket,
                   std::vector<std::string>* violations);
  bool IsKnownInfo(const std::string& bucket, const ChunkInfo& info) const;

  std::uint32_t partition_bits_;
  std::map<ChunkId, Chunk> chunks_;
  std::vector<TriedCommit> commits_;
  // Of the last Check: what the store has, for the recount of digests.
  std::vector<ChunkId> indexed_;
  std::set<ChunkId> served_;
  Listed listed_;
};

}  // namespace carillon
