#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/status.h"
#include "client/chunk_answers.h"
#include "client/client.h"
#include "client/ring_view.h"
#include "client/stream_retry.h"
#include "proto/wire.h"

namespace carillon {

inline constexpr std::size_t kMaxKeysPerGet = 10'000;

struct ChunkAnswer {
  ChunkKey key;
  StatusOr<Bytes> value;  // its CRC, as the node said it, has been checked
};

// Chunks fetched from the nodes that have them, handed out in the order of the keys: each node is
// asked once, all at once, for its keys in order (ChunkAnswers). So the next chunk is always the
// next answer of one node, and what comes early waits in the others.
//
// When a node's answers break off, or is silent while another home might answer, its keys are
// grouped anew among those that are well. A key that is missed or damaged where it was asked for is
// asked for once at each other home, for the first kMaxSecondLooks such keys: a node that misses a
// chunk has looked for it elsewhere itself, unless its ring is stale.
//
// Threads: one caller at a time; Next waits. `view` must outlive the batch.
class ChunkBatch {
 public:
  static constexpr std::size_t kMaxSecondLooks = 64;
  // How long a stream may be silent before another home is asked; twice as long after each time.
  static constexpr Duration kFirstPatience = std::chrono::seconds(2);

  // Begins the streams. Requires: valid keys, at most kMaxKeysPerGet.
  ChunkBatch(RingView* view, const ClientOptions& options, std::string bucket,
             std::vector<ChunkKey> keys);

  bool done() const { return next_ == keys_.size(); }
  // Requires: !done(). An error is of the call itself; the batch is over then.
  StatusOr<ChunkAnswer> Next();

 private:
  struct Stream {
    std::string endpoint;
    std::deque<std::size_t> keys;  // not answered yet, in order; places in keys_
    std::unique_ptr<ChunkAnswers> call;
    bool answered = false;
  };

  Aim AimOf(std::size_t place) const;
  void Ask(const std::string& endpoint, std::deque<std::size_t> places);
  void AskByGroups(const std::deque<std::size_t>& places);
  Duration PatienceFor(const Stream& stream) const;
  Status HandleBreak(const Status& status);
  StatusOr<StatusOr<Bytes>> TakeAnswer(const wire::GetChunksResponse& answer) const;
  bool LookElsewhere(const Status& miss);

  RingView* const view_;
  const ClientOptions options_;
  const std::string bucket_;
  std::vector<ChunkKey> keys_;
  std::vector<std::string> texts_;  // of keys_
  std::vector<std::shared_ptr<Stream>> stream_of_;
  std::size_t next_ = 0;
  std::vector<std::string> looked_;  // homes at which keys_[next_] was looked for
  Status miss_;                      // what they said of it
  std::size_t second_looks_ = 0;
  int silences_ = 0;  // in a row
  StreamRetry retry_;
};

}  // namespace carillon
