#include "server/cluster_network.h"

#include <filesystem>

#include "base/log.h"
#include "base/random.h"
#include "ring/gossip_codec.h"
#include "storage/file_system.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxKeyFileBytes = 4096;
constexpr std::size_t kKeyDigits = 2 * kGossipKeyBytes;

}  // namespace

StatusOr<GossipKey> ClusterNetwork::KeyOf(const Uuid& cluster) const {
  if (gossip_key_.empty()) return LoopbackGossipKey(cluster);
  if (gossip_key_.size() == kKeyDigits && gossip_key_.find('/') == std::string::npos) {
    return ParseGossipKey(gossip_key_);
  }
  const std::string path = std::filesystem::absolute(gossip_key_);
  ASSIGN_OR_RETURN(Bytes text, ReadWholeFile(MachineFileSystem(), path, kMaxKeyFileBytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  auto key = ParseGossipKey(text);
  return key.ok() ? key : StatusOr<GossipKey>(Annotate(key.status(), path));
}

StatusOr<PeerTransport*> ClusterNetwork::Open(const Uuid& cluster) {
  cluster_ = cluster;
  ASSIGN_OR_RETURN(const GossipKey key, KeyOf(cluster));
  seal_ = std::make_unique<GossipSeal>(cluster, std::vector<GossipKey>{key});
  const auto receive = [this](const std::string& from, const Bytes& bytes) {
    Receive(from, bytes);
  };
  ASSIGN_OR_RETURN(gossip_, GossipSocket::Open(address_, seal_.get(), {}, receive));
  client_ = std::make_unique<PeerClient>(cluster, gossip_.get());
  return client_.get();
}

void ClusterNetwork::Receive(const std::string& from, const Bytes& bytes) {
  auto message = DecodeGossip(cluster_, bytes);
  if (!message.ok()) return;
  if (PeerSink* const sink = sink_; sink != nullptr) {
    return sink->HandleGossip(*std::move(message), from);
  }
  const std::lock_guard lock(probe_mutex_);
  if (!probe_) return;
  probe_->Handle(*message);
  probe_heard_.notify_all();
}

bool ClusterNetwork::IsRunningAt(const std::string& address, const NodeId& self) {
  if (gossip_ == nullptr || !gossip_->Learn(address).ok()) return false;
  std::unique_lock lock(probe_mutex_);
  const auto nonce = static_cast<std::uint32_t>(RandomSeed());
  AddressProbe& probe = probe_.emplace(self, nonce, SystemClock().Now());
  for (Instant now = SystemClock().Now(); !probe.is_over(now); now = SystemClock().Now()) {
    if (const auto question = probe.Tick(now)) {
      gossip_->Send(address, EncodeGossip(cluster_, *question));
    }
    probe_heard_.wait_for(lock, probe.Deadline() - now);
  }
  const bool is_answered = probe.is_answered();
  probe_.reset();
  return is_answered;
}

void ClusterNetwork::LearnAddresses(const ClusterState& state) {
  if (gossip_ == nullptr || state.version == learned_) return;
  learned_ = state.version;
  for (const Member& member : state.members) {
    if (member.address.empty()) continue;
    if (const Status status = gossip_->Learn(member.address); !status.ok()) {
      LogWarning("gossip with {}: {}", member.name, ToString(status));
      learned_ = StateVersion(0);  // looked up again
    }
  }
}

void ClusterNetwork::Register(Metrics* metrics) const {
  const PeerClient* client = client_.get();
  const GossipSocket* gossip = gossip_.get();
  metrics->AddCounter("peer_requests_total", "Requests made to other nodes.",
                      [client] { return static_cast<double>(client->counters().requests); });
  metrics->AddCounter("peer_requests_unanswered_total",
                      "Requests to other nodes that were not answered.",
                      [client] { return static_cast<double>(client->counters().unanswered); });
  metrics->AddCounter("peer_sent_bytes_total", "Bytes of requests sent to other nodes.",
                      [client] { return static_cast<double>(client->counters().bytes_sent); });
  metrics->AddCounter("peer_received_bytes_total", "Bytes of answers received from other nodes.",
                      [client] { return static_cast<double>(client->counters().bytes_received); });
  metrics->AddCounter("gossip_packets_sent_total", "Packets of gossip sent.",
                      [gossip] { return static_cast<double>(gossip->counters().sent); });
  metrics->AddCounter("gossip_packets_received_total", "Packets of gossip received.",
                      [gossip] { return static_cast<double>(gossip->counters().received); });
  metrics->AddCounter("gossip_packets_dropped_total",
                      "Packets of gossip dropped: a wrong key, too large, or too many.", [gossip] {
                        const GossipSocketCounters counters = gossip->counters();
                        return static_cast<double>(counters.dropped_bad_seal +
                                                   counters.dropped_too_large +
                                                   counters.dropped_rate);
                      });
}

void ClusterNetwork::Stop() {
  sink_ = nullptr;
  if (client_ != nullptr) client_->Stop();
}

}  // namespace carillon
