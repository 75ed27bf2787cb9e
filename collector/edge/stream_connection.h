#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "collector/edge/edge_loop.h"
#include "collector/edge/peer_socket.h"
#include "collector/edge/stream_server.h"

namespace carillon {

// One connection of a StreamSession.
//
//   open --an error, the client's end, a drain--> last --all acknowledged and written--> closed
//
// Threads: its loop's.
class StreamConnection final : public LoopMember,
                               public std::enable_shared_from_this<StreamConnection> {
 public:
  // Takes the descriptor over. Requires: a slot of host()'s connections, which it gives back.
  StreamConnection(int descriptor, EdgeLoop* loop, const StreamServerOptions* options);
  ~StreamConnection() override;

  void Start();

  void OnReady(bool readable, bool writable) override;
  void Tick(Instant now) override;
  void Drain() override;
  void Close() override;

 private:
  // Events on their way to the disk, with what their client hears then.
  struct Batch {
    StoreEvents store;
    bool done = false;
    Status status;
  };

  void Read();
  void CarryOut(std::vector<StreamEffect> effects);
  void Keep(StoreEvents store);
  void HandleDone(Batch* batch, const EdgeOutcome& outcome);
  void Continue();
  void Flush();
  void Watch();
  bool HasRoom() const;

  EdgeLoop* const loop_;
  EdgeHost* const host_;
  const StreamServerOptions* const options_;
  PeerSocket socket_;
  const std::unique_ptr<StreamSession> session_;
  std::deque<std::shared_ptr<Batch>> batches_;  // in order, not acknowledged yet
  std::size_t under_way_bytes_ = 0;
  std::string out_;
  std::size_t written_ = 0;  // of out_
  Instant stuck_since_;      // writing; zero: it is not
  bool reading_ = false;     // what is watched for
  bool writing_ = false;
  bool last_ = false;  // nothing more is read
  bool closed_ = false;
};

}  // namespace carillon
