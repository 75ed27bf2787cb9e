#pragma once

#include "carillon/v1/events.grpc.pb.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// carillon.v1.EventsService: translates, asks the node, translates back. The methods that carry
// chunk bytes are raw: the bytes go from the wire's slices to the disk, and back, without a copy.
// Threads: gRPC's.
using EventsServiceBase = v1::EventsService::WithRawCallbackMethod_PutChunk<
    v1::EventsService::WithCallbackMethod_PutChunks<
        v1::EventsService::WithCallbackMethod_CommitSecond<
            v1::EventsService::WithCallbackMethod_ListSeconds<
                v1::EventsService::WithRawCallbackMethod_GetChunk<
                    v1::EventsService::WithRawCallbackMethod_GetChunks<
                        v1::EventsService::WithRawCallbackMethod_ReadRange<
                            v1::EventsService::WithCallbackMethod_Claim<
                                v1::EventsService::Service>>>>>>>>;

class EventsService final : public EventsServiceBase {
 public:
  // Both outlive the service.
  EventsService(NodeLoop* node, Metrics* metrics) : node_(node), metrics_(metrics) {}

  grpc::ServerUnaryReactor* PutChunk(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<v1::PutChunksRequest, v1::PutChunksResponse>* PutChunks(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* CommitSecond(grpc::CallbackServerContext* context,
                                         const v1::CommitSecondRequest* request,
                                         v1::CommitSecondResponse* response) override;
  grpc::ServerUnaryReactor* ListSeconds(grpc::CallbackServerContext* context,
                                        const v1::ListSecondsRequest* request,
                                        v1::ListSecondsResponse* response) override;
  grpc::ServerUnaryReactor* GetChunk(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* GetChunks(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ReadRange(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* Claim(grpc::CallbackServerContext* context,
                                  const v1::ClaimRequest* request,
                                  v1::ClaimResponse* response) override;

 private:
  NodeLoop* node_;
  Metrics* metrics_;
};

}  // namespace carillon
