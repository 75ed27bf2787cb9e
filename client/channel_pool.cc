#include "client/channel_pool.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "base/check.h"

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
  return arguments;
}

}  // namespace

ChannelPool::ChannelPool(const std::vector<std::string>& endpoints) {
  CHECK(!endpoints.empty());
  for (const std::string& endpoint : endpoints) {
    entries_.push_back({endpoint, grpc::CreateCustomChannel(
                                      endpoint, grpc::InsecureChannelCredentials(), Arguments())});
  }
}

ChannelPool::Pick ChannelPool::Current() const {
  const std::size_t index = current_.load(std::memory_order_relaxed);
  return {index, entries_[index].endpoint, entries_[index].channel};
}

void ChannelPool::MoveOn(std::size_t index) {
  current_.compare_exchange_strong(index, (index + 1) % entries_.size(), std::memory_order_relaxed);
}

}  // namespace carillon
