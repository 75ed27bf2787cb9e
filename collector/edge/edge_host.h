#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "collector/edge/collector_metrics.h"
#include "collector/edge/edge_limits.h"
#include "collector/edge/reception.h"
#include "collector/edge/tls_context.h"
#include "collector/tenant/trusted_proxies.h"

namespace carillon {

class CopyDesk;
class Mirror;

struct EdgeHostOptions {
  EdgeLimits limits;
  TrustedProxies proxies;
  const TlsFiles* tls = nullptr;         // nullptr: no TLS
  const Reception* reception = nullptr;  // nullptr: takes no events (an admin port)
  CopyDesk* copies = nullptr;            // nullptr: keeps no copies of other collectors' spools
  bool serve_metrics = true;             // GET /metrics
  Mirror* mirror = nullptr;              // nullptr: nothing is copied
  std::uint32_t mirror_per_million = 0;  // of the requests of tenants that do not say
  CollectorMetrics* metrics = nullptr;
  // Why the collector is not ready to take events; empty: it is. Threads: any.
  std::function<std::string()> not_ready = [] { return std::string(); };
  // What GET /status says: a JSON object. Served where the metrics are; null: nowhere.
  std::function<std::string()> status;
};

// What all connections of a server share. Outlives them. Threads: any.
class EdgeHost {
 public:
  explicit EdgeHost(EdgeHostOptions options) : options_(std::move(options)) {}

  const EdgeHostOptions& options() const { return options_; }
  const EdgeLimits& limits() const { return options_.limits; }
  CollectorMetrics* metrics() const { return options_.metrics; }
  // For a connection that is accepted now; nullptr: no TLS.
  std::shared_ptr<const TlsContext> tls() const {
    return options_.tls == nullptr ? nullptr : options_.tls->Current();
  }

  // Room for one more connection, to be given back. False: there is none.
  bool TakeConnection() { return Take(&connections_, 1, limits().max_connections); }
  void GiveConnection() { connections_.fetch_sub(1); }
  std::size_t connections() const { return connections_; }
  // The same for `bytes` of bodies.
  bool TakeBodyBytes(std::size_t bytes) {
    return Take(&body_bytes_, bytes, limits().max_bodies_bytes);
  }
  void GiveBodyBytes(std::size_t bytes) { body_bytes_.fetch_sub(bytes); }

  // Requests that are with the intake.
  std::atomic<std::size_t>& under_way() { return under_way_; }
  // No more requests on connections that have been answered.
  bool draining() const { return draining_; }
  void Drain() { draining_ = true; }

 private:
  static bool Take(std::atomic<std::size_t>* taken, std::size_t amount, std::size_t most) {
    if (taken->fetch_add(amount) + amount <= most) return true;
    taken->fetch_sub(amount);
    return false;
  }

  const EdgeHostOptions options_;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<std::size_t> under_way_{0};
  std::atomic<bool> draining_{false};
};

}  // namespace carillon
