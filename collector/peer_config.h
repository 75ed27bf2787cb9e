#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "base/status.h"
#include "collector/dialects/forward_sender.h"

// What the collector has to do with other collectors: [replica] and [send] of its configuration.
namespace carillon {

// Copies of its spool with others, and of theirs here (docs/design/0009-acknowledgements.md).
struct ReplicaConfig {
  std::string name;                // of this collector; no other one's
  std::vector<std::string> to;     // "http://HOST:PORT", where others keep copies; empty: none
  std::string listen;              // IP:PORT, for others' copies here; empty: none
  std::string key_file;            // what they all share
  std::string ca_file;             // PEM, for https; empty: the system's
  std::uint64_t max_mib = 16'384;  // of copies here
  std::uint64_t alone_after_ms = 5'000;  // then nothing waits for a copy any more
};
// Where an agent's chunks go instead of the ring.
struct SendConfig {
  // "http://HOST:PORT" of collectors, or "forward://HOST:PORT" ("forward+tls://...") of servers of
  // the Fluent forward protocol; all of one kind; empty: to the ring
  std::vector<std::string> to;
  std::string key_file;  // the write key of the tenant there; of forward the shared key, or empty
  std::string ca_file;   // PEM, for TLS; empty: the system's
  // Of forward only:
  std::string tag = std::string(kForwardTag);  // see ForwardTag
  std::string compress;                        // kGzip, or empty
};
inline constexpr std::string_view kGzip = "gzip";
inline constexpr std::size_t kMaxPeers = 16;

// What stands behind the scheme: HOST:PORT. Empty: there is none.
std::string_view AddressOf(std::string_view url);
// Is it one of forward, good or not?
bool IsForwardUrl(std::string_view url);
struct ForwardUrl {
  std::string host;  // a name, or an IP without brackets
  std::string port;
  bool tls = false;
};
// INVALID_ARGUMENT: it is none.
StatusOr<ForwardUrl> ParseForwardUrl(std::string_view url);

struct PeerConfig {
  ReplicaConfig replica;
  SendConfig send;
};

// Is it one of these tables?
bool IsPeerKey(std::string_view key);
// Reads the value of it. INVALID_ARGUMENT names line and key.
Status ReadPeerKey(std::string_view key, const toml::node& value, PeerConfig* peers);
// Between keys. INVALID_ARGUMENT.
Status CheckPeers(const PeerConfig& peers);

// The first line of a file that holds a key. INVALID_ARGUMENT: it cannot be read, or is shorter
// than kMinSharedKeyBytes or no plain text.
StatusOr<std::string> ReadKeyFile(const std::string& path, std::size_t least_bytes);
inline constexpr std::size_t kMinSharedKeyBytes = 16;

}  // namespace carillon
