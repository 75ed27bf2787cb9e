#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace prometheus {
struct MetricFamily;
}

namespace carillon {

// What one tenant sent. Threads: any.
struct TenantCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> events_accepted{0};
  std::atomic<std::uint64_t> events_rejected{0};
  std::atomic<std::uint64_t> events_dropped{0};  // by a rule
  std::atomic<std::uint64_t> bytes{0};           // of bodies, unpacked
  std::atomic<std::uint64_t> over_quota{0};      // requests
};

// What all of it comes to, since the start.
struct CollectorTotals {
  std::uint64_t requests = 0;  // answered
  std::uint64_t bytes = 0;     // of bodies, unpacked
  std::uint64_t events_accepted = 0;
  std::uint64_t events_rejected = 0;
  std::uint64_t events_dropped = 0;  // by a rule
  std::uint64_t connections = 0;     // open now
  // Requests that were refused: by the name of their code ("UNAUTHENTICATED"), or, not read to
  // their end, by the status of the answer ("408").
  std::map<std::string, std::uint64_t> refused;
};

// One of a family of numbers.
struct MetricSample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};
// How many of `count` measurements, whose sum is `sum`, were at most bounds[i]: within[i].
struct MetricHistogram {
  std::vector<double> bounds;
  std::vector<std::uint64_t> within;
  std::uint64_t count = 0;
  double sum = 0;
};

// The collector's numbers in Prometheus' words. Counting is a few atomic additions; labels come
// from fixed sets and from the tenants of the configuration, never from clients. Threads: any.
class CollectorMetrics {
 public:
  // Tenants with labels of their own; those that come later share kOtherTenants.
  static constexpr std::size_t kMaxTenants = 1000;
  static constexpr char kOtherTenantsLabel[] = "(others)";
  // For requests that are of no dialect.
  static constexpr char kNoDialect[] = "none";

  explicit CollectorMetrics(std::vector<std::string_view> dialects);
  ~CollectorMetrics();

  // The counters of a tenant, the same for the same name. They live as long as this.
  TenantCounters* OfTenant(const std::string& tenant);

  // A request of a dialect (a name given to the constructor; else kNoDialect) is answered.
  void CountRequest(std::string_view dialect, StatusCode code);
  // A request that was not read to its end, with the HTTP status of its answer.
  void CountRefusal(int status);
  void CountConnection(bool accepted);
  void ConnectionEnds() { open_.fetch_sub(1, std::memory_order_relaxed); }
  void CountWrongKey() { wrong_keys_.fetch_add(1, std::memory_order_relaxed); }
  void CountTimeout() { timeouts_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t open_connections() const { return open_.load(std::memory_order_relaxed); }

  // A number that is asked for at each scrape; `name` without the prefix carillon_collector_.
  // Counters end in _total. Call before the first Render.
  void AddNumber(const std::string& name, const std::string& help, std::function<double()> read);

  // The same, of several numbers; labels must be from bounded sets.
  void AddFamily(const std::string& name, const std::string& help,
                 std::function<std::vector<MetricSample>()> read);
  void AddHistogram(const std::string& name, const std::string& help,
                    std::function<MetricHistogram()> read);

  // The text exposition format.
  std::string Render() const;
  CollectorTotals Totals() const;

 private:
  class Collected;
  void AskAll(std::vector<prometheus::MetricFamily>* out) const;
  static constexpr std::size_t kCodes = 17;

  const std::vector<std::string_view> dialects_;
  std::vector<std::atomic<std::uint64_t>> requests_;  // dialects_.size() + 1 rows of kCodes
  std::vector<std::atomic<std::uint64_t>> refusals_;  // by status - 400
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> shed_{0};
  std::atomic<std::uint64_t> timeouts_{0};
  std::atomic<std::uint64_t> wrong_keys_{0};
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::unique_ptr<TenantCounters>>> tenants_;
  template <typename Value>
  struct Asked {
    std::string name;
    std::string help;
    std::function<Value()> read;
  };
  std::vector<Asked<double>> numbers_;
  std::vector<Asked<std::vector<MetricSample>>> families_;
  std::vector<Asked<MetricHistogram>> histograms_;
};

// How many connections the kernel dropped because a listener's queue was full (TcpExt
// ListenOverflows in /proc/net/netstat, of the whole machine). 0 where it is not told.
double ListenOverflows();

}  // namespace carillon
