#include "collector/peer_config.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

#include "base/chunk_key.h"
#include "collector/toml_table.h"

namespace carillon {
namespace {

constexpr std::string_view kReplica = "replica";
constexpr std::string_view kSend = "send";
constexpr std::size_t kMostKeyBytes = 1024;
constexpr std::string_view kForwardScheme = "forward://";
constexpr std::string_view kForwardTlsScheme = "forward+tls://";

Status CheckForward(const SendConfig& send) {
  for (const std::string& url : send.to) {
    RETURN_IF_ERROR(Annotate(ParseForwardUrl(url).status(), "send: to"));
  }
  if (!send.compress.empty() && send.compress != kGzip) {
    return InvalidArgument("send: compress = '{}': want '{}'", send.compress, kGzip);
  }
  return Annotate(CheckForwardTag(send.tag), "send: tag");
}

Status CheckSend(const SendConfig& send) {
  if (send.to.empty()) {
    if (send.key_file.empty() && send.ca_file.empty()) return OkStatus();
    return InvalidArgument("send: say by to which collectors are meant");
  }
  const auto forward = std::count_if(send.to.begin(), send.to.end(), IsForwardUrl);
  if (forward == static_cast<std::ptrdiff_t>(send.to.size())) return CheckForward(send);
  if (forward > 0) return InvalidArgument("send: to: want all by http, or all by forward");
  if (send.tag != kForwardTag || !send.compress.empty()) {
    return InvalidArgument("send: tag and compress are for forward://HOST:PORT");
  }
  if (send.key_file.empty()) {
    return InvalidArgument("send: say by key_file which write key is shown to the collectors");
  }
  return OkStatus();
}

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
                      {"ca_file", TextOf(&send->ca_file)},
                      {"tag", TextOf(&send->tag)},
                      {"compress", TextOf(&send->compress)}});
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

std::string_view AddressOf(std::string_view url) {
  const std::size_t slashes = url.find("//");
  return slashes == std::string_view::npos ? std::string_view() : url.substr(slashes + 2);
}

bool IsForwardUrl(std::string_view url) {
  return url.starts_with(kForwardScheme) || url.starts_with(kForwardTlsScheme);
}

StatusOr<ForwardUrl> ParseForwardUrl(std::string_view url) {
  ForwardUrl parsed{.tls = url.starts_with(kForwardTlsScheme)};
  const Status wrong = InvalidArgument("'{}': want forward://HOST:PORT", url);
  if (!IsForwardUrl(url)) return wrong;
  url.remove_prefix(parsed.tls ? kForwardTlsScheme.size() : kForwardScheme.size());
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  std::string_view host = url.substr(0, colon);
  parsed.port = url.substr(colon + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
  });
  if (host.empty() || !plain || (!brackets && host.find(':') != std::string_view::npos)) {
    return wrong;
  }
  std::uint16_t port = 0;
  const char* const end = parsed.port.data() + parsed.port.size();
  const auto [last, error] = std::from_chars(parsed.port.data(), end, port);
  if (error != std::errc() || last != end || port == 0) return wrong;
  parsed.host = host;
  return parsed;
}

Status CheckPeers(const PeerConfig& peers) {
  RETURN_IF_ERROR(CheckSend(peers.send));
  const ReplicaConfig& replica = peers.replica;
  if (replica.to.empty() && replica.listen.empty()) return OkStatus();
  if (replica.key_file.empty()) {
    return InvalidArgument("replica: say by key_file what these collectors share");
  }
  if (replica.to.empty()) return OkStatus();
  for (const std::string& url : replica.to) {
    if (!replica.listen.empty() && AddressOf(url) == replica.listen) {
      return InvalidArgument("replica: to: {} is this collector itself", url);
    }
  }
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
