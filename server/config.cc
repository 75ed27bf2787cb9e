#include "server/config.h"

#include <bit>

#include "base/loopback.h"
#include "base/toml_config.h"

namespace carillon {
namespace {

using Keys = TomlConfig<ServerConfig>;
using Number = Keys::Number;
using Key = Keys::Key;

const Key kKeys[] = {
    {"data",
     "Data directories, one per disk. The first of a new node also holds the cluster state.",
     &ServerConfig::data},
    {"listen", "HOST:PORT of gRPC; port 0 picks one and prints it.", &ServerConfig::listen},
    {"http", "HOST:PORT of HTTP (REST, metrics); port 0 picks one; empty: none.",
     &ServerConfig::http},
    {"name",
     "Name of this node, for people; letters, digits, '_', '.', '-'. Read when a cluster is\n"
     "# founded or joined.",
     &ServerConfig::name},
    {"join",
     "HOST:PORT of any member of a cluster: a new node asks it to be let in. Read when the data\n"
     "# directory is new; empty: it founds a cluster of its own.",
     &ServerConfig::join},
    {"advertise",
     "HOST:PORT at which other nodes and clients reach this node (TCP, and UDP for gossip); "
     "empty:\n"
     "# as it listens.",
     &ServerConfig::advertise},
    {"rack", "Failure domain of this node. Read when a cluster is founded or joined.",
     &ServerConfig::rack},
    {"gossip_key",
     "Key of the gossip between nodes: 64 hexadecimal digits, or the path of a file with them, "
     "the\n"
     "# same on all nodes; empty: derived from the cluster, good against accidents only.",
     &ServerConfig::gossip_key},
    {"insecure_listen_anywhere",
     "Allow listening on other than loopback although there is neither TLS nor authentication.",
     &ServerConfig::insecure_listen_anywhere},
    {"log_level", "debug, info, warning, or error.", &ServerConfig::log_level},
    {"log_json", "Log lines as JSON objects.", &ServerConfig::log_json},
    {"max_connections", "Connections at once, of gRPC and of HTTP each; more are closed.",
     Number{&ServerConfig::max_connections, 1, 15'000}},
    {"max_requests", "Requests under way at once; more are RESOURCE_EXHAUSTED.",
     Number{&ServerConfig::max_requests, 1, 1'000'000}},
    {"max_future_seconds", "How far ahead of this node's clock an epoch may be written (seconds).",
     Number{&ServerConfig::max_future_seconds, 0, 86'400}},
    {"partitions", "Partitions of the ring (Q), a power of two; read when a cluster is founded.",
     Number{&ServerConfig::partitions, 8, 4096}},
    {"segment_mib", "A segment closes at this size (MiB).",
     Number{&ServerConfig::segment_mib, 1, 16'384}},
    {"allocate_mib", "Disk space of a segment is reserved ahead in steps of this size (MiB).",
     Number{&ServerConfig::allocate_mib, 1, 1024}},
    {"ballast_mib",
     "A file that is let go when the disk is full, so that upkeep can go on (MiB);\n"
     "# at most 1 % of the disk.",
     Number{&ServerConfig::ballast_mib, 0, 65'536}},
    {"min_free_percent", "New data is refused while less of a disk is free (percent).",
     Number{&ServerConfig::min_free_percent, 0, 90}},
    {"watermark_free_percent",
     "The oldest segments are removed before their ttl while less of a disk is free (percent);\n"
     "# 0: never.",
     Number{&ServerConfig::watermark_free_percent, 0, 90}},
    {"index_cache_mib", "Memory for blocks, filters, and indexes of the index (MiB).",
     Number{&ServerConfig::index_cache_mib, 8, 65'536}},
    {"index_buffer_mib", "Memory for changes of the index that are not on disk yet (MiB).",
     Number{&ServerConfig::index_buffer_mib, 4, 4096}},
    {"sync_mib_per_second",
     "How fast this node pulls what it lacks from others, in all (MiB/s); 0: as fast as it can.",
     Number{&ServerConfig::sync_mib_per_second, 0, 100'000}},
    {"max_moving", "Partitions that move between homes at once, when this node drives the moves.",
     Number{&ServerConfig::max_moving, 1, 4096}},
    {"anti_entropy_seconds", "How often a home compares itself with the others (seconds).",
     Number{&ServerConfig::anti_entropy_seconds, 1, 86'400}},
    {"read_threads", "Threads that read from the disks.",
     Number{&ServerConfig::read_threads, 1, 256}},
    {"scrub_mib_per_second", "How fast old data is read and verified, per disk (MiB/s); 0: never.",
     Number{&ServerConfig::scrub_mib_per_second, 0, 10'000}},
};

}  // namespace

Status LoadConfig(const std::string& path, ServerConfig* config) {
  return Keys(kKeys).Load(path, config);
}

Status Validate(const ServerConfig& config) {
  if (config.data.empty()) return InvalidArgument("no data directory: give --data DIR");
  if (!std::has_single_bit(config.partitions)) {
    return InvalidArgument("partitions = {}: want a power of two", config.partitions);
  }
  RETURN_IF_ERROR(ParseLogLevel(config.log_level).status());
  for (const std::string& address : {config.listen, config.http}) {
    if (address.empty() || IsLoopback(address) || config.insecure_listen_anywhere) continue;
    return InvalidArgument(
        "{} is not a loopback address, and there is neither TLS nor authentication: anybody could "
        "read and write. Say --insecure-listen-anywhere if that is meant",
        address);
  }
  return OkStatus();
}

std::string DocumentConfig(const ServerConfig& config) {
  return Keys(kKeys).Document(config);
}

}  // namespace carillon
