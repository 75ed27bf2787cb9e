#include "client/channel_pool.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "proto/transport.h"

namespace carillon {
namespace {

// gRPC's own defaults (1 s, growing to 120 s) would outlast every retry of ours.
constexpr int kInitialReconnectMs = 50;
constexpr int kMaxReconnectMs = 1000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceivedMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kInitialReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // we retry, and know what may be retried
  // Connections of one process's clients are their own: one that is shut down takes none along.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  for (const TransportArgument& argument : kTransportArguments) {
    arguments.SetInt(argument.name, argument.value);
  }
  return arguments;
}

}  // namespace

// gRPC is held for the life of the process: when the last that uses it goes, its shutdown may wait
// 10 s for a thread of its own that polls (seen with 1.51, after large writes).
ChannelPool::ChannelPool() {
  static const bool held = (grpc_init(), true);
  (void)held;  // never given back
}

std::shared_ptr<grpc::Channel> ChannelPool::To(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<grpc::Channel>& channel = channels_[endpoint];
  if (!channel) {
    channel = grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), Arguments());
  }
  return channel;
}

}  // namespace carillon
