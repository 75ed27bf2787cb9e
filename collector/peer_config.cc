#include "collector/peer_config.h"

#include <algorithm>
#include <fstream>

#include "base/chunk_key.h"
#include "collector/toml_table.h"

namespace carillon {
namespace {

constexpr std::string_view kReplica = "replica";
constexpr std::string_view kSend = "send";
constexpr std::size_t kMostKeyBytes = 1024;

}  // namespace

bool IsPeerKey(std::string_view key) {
  return key == kReplica || key == kSend;
}

Status ReadPeerKey(std::string_view key, const toml::node& value, PeerConfig* peers) {
  if (key == kSend) {
    SendConfig* send = &peers->send;
    return ReadTable(kSend, value,
                     {{"to", TextsOf(&send->to, kMaxPeers)},
                      {"key_file", TextOf(&send->key_file)},
                      {"ca_file", TextOf(&send->ca_file)}});
  }
  ReplicaConfig* replica = &peers->replica;
  return ReadTable(kReplica, value,
                   {{"name", TextOf(&replica->name)},
                    {"to", TextsOf(&replica->to, kMaxPeers)},
                    {"listen", TextOf(&replica->listen)},
                    {"key_file", TextOf(&replica->key_file)},
                    {"ca_file", TextOf(&replica->ca_file)},
                    {"max_mib", WholeOf(&replica->max_mib, 64, std::int64_t{1} << 24)},
                    {"alone_after_ms", WholeOf(&replica->alone_after_ms, 100, 600'000)}});
}

Status CheckPeers(const PeerConfig& peers) {
  const SendConfig& send = peers.send;
  if (!send.to.empty() && send.key_file.empty()) {
    return InvalidArgument("send: say by key_file which write key is shown to the collectors");
  }
  if (send.to.empty() && !(send.key_file + send.ca_file).empty()) {
    return InvalidArgument("send: say by to which collectors are meant");
  }
  const ReplicaConfig& replica = peers.replica;
  if (replica.to.empty() && replica.listen.empty()) return OkStatus();
  if (replica.key_file.empty()) {
    return InvalidArgument("replica: say by key_file what these collectors share");
  }
  if (replica.to.empty()) return OkStatus();
  if (const Status name = CheckName("replica: name", replica.name); !name.ok()) {
    return InvalidArgument("{}: every collector has one of its own", Message(name));
  }
  return replica.name.front() == '.' ? InvalidArgument("replica: name begins with a dot")
                                     : OkStatus();
}

StatusOr<std::string> ReadKeyFile(const std::string& path, std::size_t least_bytes) {
  std::ifstream file(path);
  std::string key;
  if (!file || !std::getline(file, key)) return InvalidArgument("cannot read {}", path);
  while (!key.empty() && (key.back() == ' ' || key.back() == '\r')) key.pop_back();
  const bool plain =
      std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!plain || key.size() < least_bytes || key.size() > kMostKeyBytes) {
    return InvalidArgument("{}: want {}..{} characters without spaces in its first line", path,
                           least_bytes, kMostKeyBytes);
  }
  return key;
}

}  // namespace carillon
