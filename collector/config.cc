#include "collector/config.h"

#include <optional>

#include "base/ack_level.h"
#include "base/chunk_key.h"
#include "base/loopback.h"
#include "base/toml_config.h"
#include "collector/tenant/trusted_proxies.h"

namespace carillon {
namespace {

constexpr std::string_view kTenants = "tenants";  // read by TenantTable::Parse

using Keys = TomlConfig<CollectorConfig>;
using Number = Keys::Number;
using Key = Keys::Key;

const Key kKeys[] = {
    {"endpoint", "HOST:PORT of nodes of the ring; the others are learned from them.",
     &CollectorConfig::endpoint},
    {"http", "IP:PORT that clients send events to; port 0 picks one and prints it.",
     &CollectorConfig::http},
    {"admin",
     "IP:PORT of /metrics, /livez, /readyz alone; empty: they are at `http`, /metrics only if that "
     "is\n# on loopback.",
     &CollectorConfig::admin},
    {"forward", "IP:PORT of the Fluent forward protocol; empty: none.", &CollectorConfig::forward},
    {"forward_shared_key",
     "What forward clients have to know for the handshake; empty: no handshake.",
     &CollectorConfig::forward_shared_key},
    {"syslog", "IP:PORT of syslog over TCP (RFC 6587); empty: none.", &CollectorConfig::syslog},
    {"relp", "IP:PORT of RELP; empty: none.", &CollectorConfig::relp},
    {"stream_tenant",
     "Tenant of what comes by `forward`, `syslog`, and `relp`, and of files and the host when "
     "they\n"
     "# say none; empty: that of `open`.",
     &CollectorConfig::stream_tenant},
    {"spool", "Directory of accepted events that are not in the ring yet. One process each.",
     &CollectorConfig::spool},
    {"tenants_file", "TOML file with [tenants.NAME], read again when it changes; empty: this file.",
     &CollectorConfig::tenants_file},
    {"user_agent_rules",
     "uap-core's expressions, read when a tenant wants user agents parsed (Debian: package "
     "uap-core).",
     &CollectorConfig::user_agent_rules},
    {"open", "Tenant of requests without a key that anybody has; on loopback only; empty: none.",
     &CollectorConfig::open},
    {"trusted_proxies", "Addresses and networks whose X-Forwarded-For is believed.",
     &CollectorConfig::trusted_proxies},
    {"tls_certificate",
     "PEM file of the certificate and its chain, for all ports but `admin`; read again when it\n"
     "# changes. Empty: no TLS.",
     &CollectorConfig::tls_certificate},
    {"tls_key", "PEM file of the certificate's key.", &CollectorConfig::tls_key},
    {"insecure_listen", "Allow listening on other than loopback although there is no TLS.",
     &CollectorConfig::insecure_listen},
    {"log_level", "debug, info, warning, or error.", &CollectorConfig::log_level},
    {"log_json", "Log lines as JSON objects.", &CollectorConfig::log_json},
    {"threads", "Threads that serve connections; 0: as many as there are cores.",
     Number{&CollectorConfig::threads, 0, 256}},
    {"backlog", "Connections that may wait to be accepted, a thread.",
     Number{&CollectorConfig::backlog, 1, 1'000'000}},
    {"max_connections", "Connections at once; more are told 503 and closed.",
     Number{&CollectorConfig::max_connections, 1, 1'000'000}},
    {"max_body_kib", "The largest body, as it is sent (KiB).",
     Number{&CollectorConfig::max_body_kib, 1, 8192}},
    {"max_unpacked_mib", "The largest body, unpacked (MiB).",
     Number{&CollectorConfig::max_unpacked_mib, 1, 32}},
    {"max_unpack_ratio", "How much larger a body of more than 1 MiB may become by unpacking.",
     Number{&CollectorConfig::max_unpack_ratio, 1, 10'000}},
    {"spool_mib", "Disk space of the spool (MiB); requests beyond it are told 503.",
     Number{&CollectorConfig::spool_mib, 16, std::uint64_t{1} << 24}},
    {"max_backlog_hours", "A chunk that the ring does not take goes to the dead letters after it.",
     Number{&CollectorConfig::max_backlog_hours, 1, 24 * 366}},
    {"lateness_ms", "How long after its end a second waits for late events (ms).",
     Number{&CollectorConfig::lateness_ms, 0, 60'000}},
    {"stale_percent", "Share of a backlog in what is sent, while live events come (percent).",
     Number{&CollectorConfig::stale_percent, 1, 99}},
    {"max_in_flight", "Chunks that are sent to the ring at once.",
     Number{&CollectorConfig::max_in_flight, 1, 4096}},
    {"dictionaries",
     "Encode small chunks with a dictionary of their type, kept in the ring's bucket\n"
     "# `dictionaries`; not with [send].",
     &CollectorConfig::dictionaries},
    {"claim_deadline_ms",
     "How long events wait to be told from duplicates; then they go on unchecked (ms).",
     Number{&CollectorConfig::claim_deadline_ms, 1, 60'000}},
    {"ack",
     "When events are acknowledged, unless their tenant says so itself: local (on this disk),\n"
     "# replicated (on another collector's, too: see [replica]), or stored (in the ring).",
     &CollectorConfig::ack},
    {"ack_timeout_ms",
     "How long more than local may take; then 503, and the events are stored all the same (ms).",
     Number{&CollectorConfig::ack_timeout_ms, 100, 600'000}},
    {"drain_seconds", "How long a stop waits for answers, and again for the ring (seconds).",
     Number{&CollectorConfig::drain_seconds, 0, 3600}},
    {"mirror",
     "http://HOST:PORT of another collector that gets copies of accepted requests; empty: none.",
     &CollectorConfig::mirror},
    {"mirror_percent", "Share of them, of tenants without a mirror_rate of their own (percent).",
     Number{&CollectorConfig::mirror_percent, 0, 100}},
    {"dc", "Data centre in the keys of chunks.", &CollectorConfig::dc},
    {"cell", "Failure cell in the keys of chunks.", &CollectorConfig::cell},
};

Status CheckListen(const std::string& address, bool tls, const CollectorConfig& config) {
  if (address.empty() || IsLoopback(address)) return OkStatus();
  if (!config.open.empty()) {
    return InvalidArgument(
        "{} is not a loopback address, and open = '{}' lets anybody in without a key", address,
        config.open);
  }
  if (tls || config.insecure_listen) return OkStatus();
  return InvalidArgument(
      "{} is not a loopback address, and there is no TLS: keys and events could be read on the "
      "way. Say --insecure-listen if that is meant",
      address);
}

// What it sent to itself would go round for ever.
Status CheckSendsToOthers(const CollectorConfig& config) {
  for (const std::string& url : config.peers.send.to) {
    const std::string_view address = AddressOf(url);
    if (!address.empty() && (address == config.http || address == config.forward)) {
      return InvalidArgument("send: to: {} is this collector itself", url);
    }
  }
  return OkStatus();
}

}  // namespace

const std::string& DefaultTenant(const CollectorConfig& config) {
  return config.stream_tenant.empty() ? config.open : config.stream_tenant;
}

AgentConfig AgentOf(const CollectorConfig& config) {
  AgentConfig agent = config.agent;
  for (const std::string& paths : config.tail) agent.tails.push_back(SimpleTail(paths));
  return agent;
}

Status LoadConfig(const std::string& path, CollectorConfig* config) {
  const auto others = [&](std::string_view name, const toml::node& value) -> std::optional<Status> {
    if (name == kTenants) return OkStatus();
    if (IsAgentKey(name)) return ReadAgentKey(name, value, &config->agent);
    if (IsPeerKey(name)) return ReadPeerKey(name, value, &config->peers);
    return std::nullopt;
  };
  return Keys(kKeys).Load(path, config, others);
}

Status Validate(const CollectorConfig& config) {
  if (config.spool.empty()) return InvalidArgument("no spool directory: give --spool DIR");
  if (config.http.empty()) return InvalidArgument("no address to listen at: give --http IP:PORT");
  RETURN_IF_ERROR(ParseLogLevel(config.log_level).status());
  RETURN_IF_ERROR(CheckName("dc", config.dc));
  RETURN_IF_ERROR(CheckName("cell", config.cell));
  if (!config.open.empty()) RETURN_IF_ERROR(CheckName("open", config.open));
  RETURN_IF_ERROR(TrustedProxies::Parse(config.trusted_proxies).status());
  if (!ParseAckLevel(config.ack)) {
    return InvalidArgument("ack = '{}': want local, replicated, or stored", config.ack);
  }
  RETURN_IF_ERROR(CheckPeers(config.peers));
  RETURN_IF_ERROR(CheckSendsToOthers(config));
  if (config.ack == ToString(AckLevel::kReplicated) && config.peers.replica.to.empty()) {
    return InvalidArgument("ack = 'replicated': say by [replica] who keeps copies");
  }
  RETURN_IF_ERROR(
      CheckListen(config.peers.replica.listen, !config.tls_certificate.empty(), config));
  RETURN_IF_ERROR(CheckAgent(AgentOf(config), DefaultTenant(config)));
  const bool streams = !(config.forward + config.syslog + config.relp).empty();
  if (streams && config.stream_tenant.empty() && config.open.empty()) {
    return InvalidArgument(
        "forward, syslog, and relp show no key of a tenant: say whose they are by stream_tenant");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return InvalidArgument("tls_certificate and tls_key come together");
  }
  for (const std::string& address : {config.http, config.forward, config.syslog, config.relp}) {
    RETURN_IF_ERROR(CheckListen(address, !config.tls_certificate.empty(), config));
  }
  return CheckListen(config.admin, false, config);
}

std::string DocumentConfig(const CollectorConfig& config) {
  return Keys(kKeys).Document(config);
}

}  // namespace carillon
