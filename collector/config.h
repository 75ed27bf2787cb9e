#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "collector/agent_config.h"
#include "collector/peer_config.h"

namespace carillon {

// What carillon-collector can be told, by flags or by a TOML file (docs/OPERATIONS.md).
struct CollectorConfig {
  std::vector<std::string> endpoint = {"127.0.0.1:7480"};  // of the ring: HOST:PORT each
  std::string http = "127.0.0.1:7490";                     // IP:PORT
  std::string admin;    // IP:PORT of /metrics and health alone; empty: they are at `http`
  std::string forward;  // IP:PORT of the Fluent forward protocol; empty: none
  std::string forward_shared_key;
  std::string syslog;         // IP:PORT of syslog over TCP; empty: none
  std::string relp;           // IP:PORT of RELP; empty: none
  std::string stream_tenant;  // whose events come by these three; empty: `open`
  std::string spool;          // directory
  std::string tenants_file;   // empty: the configuration file itself
  std::string user_agent_rules = "/usr/share/uap-core/regexes.yaml";
  std::string open;  // tenant of requests without a key; empty: none
  std::vector<std::string> trusted_proxies;
  std::string tls_certificate;  // PEM files; empty: no TLS
  std::string tls_key;
  bool insecure_listen = false;
  std::string log_level = "info";
  bool log_json = false;
  std::uint64_t threads = 0;  // 0: as many as cores
  std::uint64_t backlog = 8192;
  std::uint64_t max_connections = 10'000;
  std::uint64_t max_body_kib = 1024;
  std::uint64_t max_unpacked_mib = 32;
  std::uint64_t max_unpack_ratio = 16;
  std::uint64_t spool_mib = 8192;
  std::uint64_t max_backlog_hours = 168;
  std::uint64_t lateness_ms = 1000;
  std::uint64_t stale_percent = 20;
  std::uint64_t max_in_flight = 64;
  bool dictionaries = true;
  std::uint64_t claim_deadline_ms = 2000;
  std::string ack = "local";  // of tenants that say none
  std::uint64_t ack_timeout_ms = 10'000;
  std::uint64_t drain_seconds = 30;
  std::string mirror;                  // URL of another collector; empty: none
  std::uint64_t mirror_percent = 100;  // of the requests of tenants that do not say
  std::string dc = "1";
  std::string cell = "cell0";
  std::vector<std::string> tail;  // by flags: see SimpleTail
  AgentConfig agent;              // [[tail]], [host]
  PeerConfig peers;               // [replica], [send]
};

// Of events that come without a key of anybody: stream_tenant, or else open; may be empty.
const std::string& DefaultTenant(const CollectorConfig& config);
// With what the flags add.
AgentConfig AgentOf(const CollectorConfig& config);

// Reads `path` into `config`, over what is there. The table [tenants] is not looked at.
// INVALID_ARGUMENT: not TOML, an unknown key, a wrong type, a value out of range; names line and
// key.
Status LoadConfig(const std::string& path, CollectorConfig* config);

// What holds between keys: a spool, loopback, TLS, or the insecure flag, an open tenant on loopback
// only.
Status Validate(const CollectorConfig& config);

// Every key with its meaning, default, and range, as a TOML file with `config`'s values.
std::string DocumentConfig(const CollectorConfig& config);

}  // namespace carillon
