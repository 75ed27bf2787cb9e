#include "server/api/peer_channels.h"

#include <algorithm>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "base/check.h"
#include "server/node/peer_codec.h"

namespace carillon {
namespace {

constexpr int kFirstReconnectMs = 100;
constexpr int kMaxReconnectMs = 2000;
constexpr int kConnectTimeoutMs = 2000;  // one repeated SYN
// A peer that is gone without a word is noticed so soon while something is asked of it.
constexpr int kKeepaliveMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 3000;
constexpr Duration kSweepEvery = std::chrono::seconds(30);

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxPeerReplyBytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(kMaxPeerRequestBytes));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // the node decides what is asked again
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

StatusOr<std::shared_ptr<grpc::Channel>> PeerChannels::Take(const std::string& address,
                                                            Instant now) {
  DropIdle(now);
  auto found = entries_.find(address);
  if (found == entries_.end()) {
    if (entries_.size() >= limits_.most && !MakeRoom()) {
      return ResourceExhausted("{} channels to other nodes are in use", entries_.size());
    }
    found =
        entries_
            .emplace(address, Entry{.channel = grpc::CreateCustomChannel(
                                        address, grpc::InsecureChannelCredentials(), Arguments())})
            .first;
  }
  ++found->second.leases;
  found->second.used = now;
  return found->second.channel;
}

void PeerChannels::Return(const std::string& address, Instant now) {
  Entry& entry = entries_.at(address);
  CHECK(entry.leases > 0);
  --entry.leases;
  entry.used = now;
}

void PeerChannels::DropIdle(Instant now) {
  if (now - swept_ < std::min(kSweepEvery, limits_.idle_after)) return;
  swept_ = now;
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.leases == 0 && now - entry.second.used >= limits_.idle_after;
  });
}

// Drops the one that has been unused for longest. False: all are in use.
bool PeerChannels::MakeRoom() {
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->second.leases > 0) continue;
    if (oldest == entries_.end() || entry->second.used < oldest->second.used) oldest = entry;
  }
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

}  // namespace carillon
