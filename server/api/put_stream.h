#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include <grpcpp/support/server_callback.h>

#include "carillon/v1/events.pb.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// PutChunks: batches of small chunks in, an answer a batch out, in whatever order they are stored.
// A few batches are under way at a time; then nothing is read, and gRPC's flow control holds the
// sender back. A stream that breaks leaves its batches to end: what they store stays stored.
//
// Keeps itself alive until gRPC and its batches are done with it.
// Threads: answers from any, gRPC's reactions from gRPC's.
class PutStream final : public grpc::ServerBidiReactor<v1::PutChunksRequest, v1::PutChunksResponse>,
                        public std::enable_shared_from_this<PutStream> {
 public:
  static constexpr std::size_t kMaxBatches = 8;  // under way

  // node and metrics outlive the stream.
  static PutStream* Start(NodeLoop* node, Metrics* metrics);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  PutStream(NodeLoop* node, Metrics* metrics) : node_(node), metrics_(metrics) {}
  void Send(v1::PutChunksResponse response);
  void GoOn();

  NodeLoop* const node_;
  Metrics* const metrics_;
  std::shared_ptr<PutStream> self_;  // until OnDone
  v1::PutChunksRequest incoming_;    // of the read under way

  std::mutex mutex_;
  std::deque<v1::PutChunksResponse> waiting_;  // the first is being written, if writing_
  std::size_t batches_ = 0;
  bool reading_ = true;
  bool read_all_ = false;
  bool writing_ = false;
  bool broken_ = false;
  bool finished_ = false;
};

}  // namespace carillon
