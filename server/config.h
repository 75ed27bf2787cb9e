#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"

namespace carillon {

// What carillond can be told, by flags or by a TOML file (docs/OPERATIONS.md). Defaults run a node
// on loopback.
struct ServerConfig {
  std::vector<std::string> data;  // directories; at least one
  std::string listen = "127.0.0.1:7480";
  std::string http = "127.0.0.1:7481";  // empty: no HTTP
  std::string name = "node1";
  std::string join;       // HOST:PORT of any member, for a new node; empty: found a cluster
  std::string advertise;  // HOST:PORT at which others reach this node; empty: as it listens
  std::string rack = "rack1";
  std::string gossip_key;  // 64 hexadecimal digits, or a file with them; empty: loopback only
  bool insecure_listen_anywhere = false;
  std::string log_level = "info";
  bool log_json = false;
  std::uint64_t max_connections = 1024;  // of gRPC, and of HTTP
  std::uint64_t max_requests = 20'000;
  std::uint64_t max_future_seconds = 300;
  std::uint64_t partitions = 64;
  std::uint64_t segment_mib = 1024;
  std::uint64_t allocate_mib = 64;
  std::uint64_t ballast_mib = 64;
  std::uint64_t min_free_percent = 5;
  std::uint64_t watermark_free_percent = 0;
  std::uint64_t index_cache_mib = 128;
  std::uint64_t index_buffer_mib = 64;
  std::uint64_t read_threads = 4;
  std::uint64_t scrub_mib_per_second = 8;
  std::uint64_t sync_mib_per_second = 64;
  std::uint64_t max_moving = 8;
  std::uint64_t anti_entropy_seconds = 60;
};

// Reads `path` into `config`, over what is there.
// INVALID_ARGUMENT: not TOML, an unknown key, a wrong type, a value out of range; names line or
// key.
Status LoadConfig(const std::string& path, ServerConfig* config);

// What holds between keys: a data directory, loopback or the insecure flag, power-of-two
// partitions.
Status Validate(const ServerConfig& config);

// Every key with its meaning, unit, default, and range, as a TOML file with `config`'s values.
std::string DocumentConfig(const ServerConfig& config);

}  // namespace carillon
