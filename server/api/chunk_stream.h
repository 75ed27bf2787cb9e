#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "base/clock.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// A streaming answer: items from the node go out as messages, in order; the node gets credit for as
// many as have been written, so that a slow reader holds back the node and not memory.
//
// Keeps itself alive from Start until gRPC is done with it.
// Threads: items from any, gRPC's reactions from gRPC's.
class ChunkStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public StreamReceiver,
                          public std::enable_shared_from_this<ChunkStream> {
 public:
  static constexpr std::uint32_t kWindow = 16;  // messages under way

  using Encode = Rope (*)(StreamItem item);

  // `method` is a literal; node and metrics outlive the stream.
  ChunkStream(std::string_view method, Encode encode, NodeLoop* node, Metrics* metrics);

  // Opens the request at the node. Returns this, for gRPC.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(RequestId request, Input input);
  // Ends a call that never came to the node.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Refuse(const Status& status);

  void OnItem(StreamItem item) override;
  void OnEnd(Status status) override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void WriteNext();
  void FinishWith(const Status& status);

  const std::string_view method_;
  const Encode encode_;
  NodeLoop* node_;
  Metrics* metrics_;
  const Instant began_;
  RequestId request_;
  std::shared_ptr<ChunkStream> self_;  // until OnDone

  std::mutex mutex_;
  std::deque<grpc::ByteBuffer> waiting_;  // the first is being written, if writing_
  bool writing_ = false;
  bool cancelled_ = false;  // by the caller
  bool finished_ = false;
  std::optional<Status> end_;
  std::uint32_t owed_credit_ = 0;
};

}  // namespace carillon
