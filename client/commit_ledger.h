#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/chunk_info.h"
#include "base/ids.h"

namespace carillon {

// One closing of one second: what of it goes into the same commit.
using RoundId = Id<struct RoundTag, std::uint64_t>;

struct CommitOrder {
  RoundId round;
  Commit commit;
};

// Knows which chunks of which seconds are on their way, and says when a second's commit may go:
// after its last chunk is stored.
//
//   open --Close--> closing --last part stored--> committing --HandleCommitted--> (gone)
//
// A commit of more than kMaxChunksPerCommit chunks goes in several calls. One with a seal waits
// until no commit of its epoch or before is left: nobody may see the seal before the data.
//
// Pure. One caller at a time. Memory: a ChunkInfo for each chunk not committed.
class CommitLedger {
 public:
  struct Names {
    std::string bucket;
    std::string dc;
    std::string cell;
  };
  // Requires: writer <= kMaxWriter.
  CommitLedger(Names names, std::uint64_t writer);

  static constexpr std::uint64_t kMaxWriter = (std::uint64_t{1} << 31) - 1;

  // A part (a batch of events) of the open round of `epoch` is on its way.
  RoundId StartPart(Epoch epoch);
  // That part became `chunks` parts, each to be told to HandleStored. Requires: chunks > 0.
  void SplitPart(RoundId round, std::size_t chunks);

  // A key no other chunk of this writer has: writer * 2^32 + sequence.
  ChunkKey NextKey(Epoch epoch, const std::string& type, const std::string& subtype);
  // `refused` names a chunk of somebody else's: the writer's number is not ours alone. From now on
  // `writer` is used, unless the number has changed since `refused` was given out.
  void ChangeWriter(const ChunkKey& refused, std::uint64_t writer);

  void HandleStored(RoundId round, ChunkInfo chunk, std::vector<CommitOrder>* orders);
  void Close(Epoch epoch, bool seal, std::vector<CommitOrder>* orders);
  void HandleCommitted(RoundId round, std::vector<CommitOrder>* orders);

  std::size_t rounds() const { return rounds_.size(); }

 private:
  struct Round {
    Epoch epoch;
    std::vector<ChunkInfo> stored;  // and not in a commit yet
    std::size_t parts_out = 0;
    std::size_t commits_out = 0;
    bool closed = false;
    bool seal = false;
    bool whole_sent = false;  // the last commit of the round is on its way
  };
  using Rounds = std::map<RoundId, Round>;

  Rounds::iterator OpenRound(Epoch epoch);
  bool MaySeal(RoundId id, const Round& round) const;
  Commit TakeCommit(Round* round);
  void SendWhatMayGo(Rounds::iterator round, std::vector<CommitOrder>* orders);
  void SendSeals(std::vector<CommitOrder>* orders);

  const Names names_;
  std::uint64_t writer_;
  std::uint64_t sequence_ = 0;
  std::uint64_t last_round_ = 0;
  Rounds rounds_;
  std::map<Epoch, RoundId> open_;
};

}  // namespace carillon
