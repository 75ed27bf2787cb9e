#include "server/api/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "proto/transport.h"
#include "proto/wire.h"
#include "server/api/acceptor.h"
#include "server/api/cluster_service.h"
#include "server/api/events_service.h"

namespace carillon {
namespace {

// A client may ping as often as this while nothing is under way, and is no nuisance.
constexpr int kMinPingIntervalMs = 5000;

class AcceptingServer final : public GrpcServer {
 public:
  AcceptingServer(std::unique_ptr<Acceptor> acceptor, ServerCore* core, PeerServer* peers)
      : acceptor_(std::move(acceptor)),
        events_(core->node(), core->metrics()),
        cluster_(core->node(), core->metrics()),
        peers_(peers) {}
  ~AcceptingServer() override { Stop(Duration::zero()); }

  const std::string& address() const override { return acceptor_->address(); }

  Status Begin() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(static_cast<int>(wire::kMaxMessageBytes));
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kMinPingIntervalMs);
    for (const TransportArgument& argument : kTransportArguments) {
      builder.AddChannelArgument(argument.name, argument.value);
    }
    builder.RegisterService(&events_);
    builder.RegisterService(&cluster_);
    connections_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Internal("gRPC does not start");
    Acceptor::Takers takers;
    takers.grpc = [this](int listener, int connection) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
      parameters.listener_fd = listener;
      parameters.fd = connection;
      connections_->HandleNewConnection(&parameters);
    };
    if (peers_ != nullptr) takers.frames = [this](int connection) { peers_->Take(connection); };
    acceptor_->Start(std::move(takers));
    return OkStatus();
  }

  void Stop(Duration grace) override {
    acceptor_->Stop();
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::duration_cast<std::chrono::system_clock::duration>(grace));
    server_->Wait();
    server_.reset();
  }

 private:
  const std::unique_ptr<Acceptor> acceptor_;
  EventsService events_;
  ClusterService cluster_;
  PeerServer* const peers_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(std::unique_ptr<Acceptor> acceptor,
                                                        ServerCore* core, PeerServer* peers) {
  auto server = std::make_unique<AcceptingServer>(std::move(acceptor), core, peers);
  RETURN_IF_ERROR(server->Begin());
  return server;
}

}  // namespace carillon
