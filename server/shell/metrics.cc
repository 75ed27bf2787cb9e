#include "server/shell/metrics.h"

#include <map>
#include <mutex>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/process_usage.h"

namespace carillon {
namespace {

const prometheus::Histogram::BucketBoundaries kLatencySeconds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

// Asks a function at each scrape.
class AskedNumbers final : public prometheus::Collectable {
 public:
  void Add(const std::string& name, const std::string& help, prometheus::MetricType type,
           std::function<double()> read) {
    const std::lock_guard lock(mutex_);
    numbers_.push_back({name, help, type, std::move(read)});
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    const std::lock_guard lock(mutex_);
    std::vector<prometheus::MetricFamily> families;
    for (const Number& number : numbers_) {
      prometheus::ClientMetric metric;
      if (number.type == prometheus::MetricType::Counter) {
        metric.counter.value = number.read();
      } else {
        metric.gauge.value = number.read();
      }
      families.push_back({number.name, number.help, number.type, {metric}});
    }
    return families;
  }

 private:
  struct Number {
    std::string name;
    std::string help;
    prometheus::MetricType type;
    std::function<double()> read;
  };
  mutable std::mutex mutex_;
  std::vector<Number> numbers_;
};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  AskedNumbers asked;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("carillon_requests_total")
          .Help("Requests answered, by API, method, and code.")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& latency =
      prometheus::BuildHistogram()
          .Name("carillon_request_duration_seconds")
          .Help("Time from a request's arrival to its answer.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& value_bytes =
      prometheus::BuildCounter()
          .Name("carillon_value_bytes_total")
          .Help("Bytes of chunk values taken from (in) and given to (out) clients.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& connections =
      prometheus::BuildCounter()
          .Name("carillon_connections_total")
          .Help("Connections accepted, and refused because there were too many.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& open_connections = prometheus::BuildGauge()
                                                                .Name("carillon_connections")
                                                                .Help("Connections open now.")
                                                                .Register(registry);
  prometheus::Counter& bytes_in = value_bytes.Add({{"direction", "in"}});
  prometheus::Counter& bytes_out = value_bytes.Add({{"direction", "out"}});

  // A request's metrics are looked up once and kept: Family::Add locks and hashes labels.
  struct OfMethod {
    prometheus::Histogram* latency = nullptr;
    std::map<StatusCode, prometheus::Counter*> codes;
  };
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, OfMethod, std::less<>> methods;
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  // The names that Prometheus' own client libraries give them.
  AskedNumbers& asked = families_->asked;
  using enum prometheus::MetricType;
  asked.Add("process_cpu_seconds_total", "CPU time of all threads, user and system.", Counter,
            OwnCpuSeconds);
  asked.Add("process_resident_memory_bytes", "Memory that is resident.", Gauge,
            [] { return static_cast<double>(OwnUsage().resident_bytes); });
  asked.Add("process_disk_written_bytes_total", "Bytes that had to go to a disk.", Counter,
            [] { return static_cast<double>(OwnUsage().disk_bytes_written); });
  asked.Add("process_disk_read_bytes_total", "Bytes that came from a disk.", Counter,
            [] { return static_cast<double>(OwnUsage().disk_bytes_read); });
}
Metrics::~Metrics() = default;

void Metrics::ObserveRequest(std::string_view api, std::string_view method, StatusCode code,
                             Duration took) {
  const std::pair<std::string, std::string> key(api, method);
  const std::lock_guard lock(families_->mutex);
  Families::OfMethod& of_method = families_->methods[key];
  if (of_method.latency == nullptr) {
    of_method.latency =
        &families_->latency.Add({{"api", key.first}, {"method", key.second}}, kLatencySeconds);
  }
  prometheus::Counter*& counter = of_method.codes[code];
  if (counter == nullptr) {
    counter = &families_->requests.Add(
        {{"api", key.first}, {"method", key.second}, {"code", std::string(CodeName(code))}});
  }
  counter->Increment();
  of_method.latency->Observe(std::chrono::duration<double>(took).count());
}

void Metrics::CountValueBytesIn(std::uint64_t bytes) {
  families_->bytes_in.Increment(static_cast<double>(bytes));
}

void Metrics::CountValueBytesOut(std::uint64_t bytes) {
  families_->bytes_out.Increment(static_cast<double>(bytes));
}

void Metrics::CountConnection(std::string_view api, bool accepted) {
  families_->connections
      .Add({{"api", std::string(api)}, {"result", accepted ? "accepted" : "refused"}})
      .Increment();
}

void Metrics::SetConnections(std::string_view api, std::size_t open) {
  families_->open_connections.Add({{"api", std::string(api)}}).Set(static_cast<double>(open));
}

void Metrics::AddGauge(const std::string& name, const std::string& help,
                       std::function<double()> read) {
  families_->asked.Add("carillon_" + name, help, prometheus::MetricType::Gauge, std::move(read));
}

void Metrics::AddCounter(const std::string& name, const std::string& help,
                         std::function<double()> read) {
  families_->asked.Add("carillon_" + name, help, prometheus::MetricType::Counter, std::move(read));
}

std::string Metrics::Render() const {
  std::vector<prometheus::MetricFamily> all = families_->registry.Collect();
  std::vector<prometheus::MetricFamily> asked = families_->asked.Collect();
  all.insert(all.end(), std::make_move_iterator(asked.begin()),
             std::make_move_iterator(asked.end()));
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace carillon
