#include "collector/edge/collector_metrics.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/process_usage.h"

namespace carillon {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr int kFirstRefusal = 400;
constexpr std::size_t kRefusals = 200;

ClientMetric Sample(MetricType type, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return metric;
}

MetricFamily Family(const std::string& name, const std::string& help) {
  const bool counter = name.ends_with("_total");
  return {
      "carillon_collector_" + name, help, counter ? MetricType::Counter : MetricType::Gauge, {}};
}

void Add(MetricFamily* family, Labels labels, std::uint64_t value) {
  family->metric.push_back(Sample(family->type, std::move(labels), static_cast<double>(value)));
}

std::uint64_t Read(const std::atomic<std::uint64_t>& number) {
  return number.load(std::memory_order_relaxed);
}

void Count(std::atomic<std::uint64_t>* number) {
  number->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

CollectorMetrics::CollectorMetrics(std::vector<std::string_view> dialects)
    : dialects_(std::move(dialects)),
      requests_((dialects_.size() + 1) * kCodes),
      refusals_(kRefusals) {}
CollectorMetrics::~CollectorMetrics() = default;

TenantCounters* CollectorMetrics::OfTenant(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto named = [this](const std::string& name) {
    return std::find_if(tenants_.begin(), tenants_.end(),
                        [&](const auto& one) { return one.first == name; });
  };
  auto found = named(tenant);
  if (found == tenants_.end() && tenants_.size() >= kMaxTenants) found = named(kOtherTenantsLabel);
  if (found != tenants_.end()) return found->second.get();
  const bool full = tenants_.size() >= kMaxTenants;
  tenants_.emplace_back(full ? kOtherTenantsLabel : tenant, std::make_unique<TenantCounters>());
  return tenants_.back().second.get();
}

void CollectorMetrics::CountRequest(std::string_view dialect, StatusCode code) {
  const auto row = static_cast<std::size_t>(std::find(dialects_.begin(), dialects_.end(), dialect) -
                                            dialects_.begin());
  const auto column = std::min(static_cast<std::size_t>(code), kCodes - 1);
  Count(&requests_[row * kCodes + column]);
}

void CollectorMetrics::CountRefusal(int status) {
  const auto place = static_cast<std::size_t>(std::max(status - kFirstRefusal, 0));
  if (place < refusals_.size()) Count(&refusals_[place]);
}

void CollectorMetrics::CountConnection(bool accepted) {
  Count(accepted ? &accepted_ : &shed_);
  if (accepted) Count(&open_);
}

void CollectorMetrics::AddNumber(const std::string& name, const std::string& help,
                                 std::function<double()> read) {
  const std::lock_guard lock(mutex_);
  numbers_.push_back({name, help, std::move(read)});
}

void CollectorMetrics::AddFamily(const std::string& name, const std::string& help,
                                 std::function<std::vector<MetricSample>()> read) {
  const std::lock_guard lock(mutex_);
  families_.push_back({name, help, std::move(read)});
}

void CollectorMetrics::AddHistogram(const std::string& name, const std::string& help,
                                    std::function<MetricHistogram()> read) {
  const std::lock_guard lock(mutex_);
  histograms_.push_back({name, help, std::move(read)});
}

// With mutex_ held.
void CollectorMetrics::AskAll(std::vector<prometheus::MetricFamily>* out) const {
  for (const auto& number : numbers_) {
    out->push_back(Family(number.name, number.help));
    out->back().metric.push_back(Sample(out->back().type, {}, number.read()));
  }
  for (const auto& asked : families_) {
    MetricFamily family = Family(asked.name, asked.help);
    for (const MetricSample& sample : asked.read()) {
      Labels labels;
      for (const auto& [name, value] : sample.labels) labels.push_back({name, value});
      family.metric.push_back(Sample(family.type, std::move(labels), sample.value));
    }
    out->push_back(std::move(family));
  }
  for (const auto& asked : histograms_) {
    const MetricHistogram histogram = asked.read();
    ClientMetric metric;
    metric.histogram.sample_count = histogram.count;
    metric.histogram.sample_sum = histogram.sum;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
      metric.histogram.bucket.push_back({histogram.within[i], histogram.bounds[i]});
    }
    out->push_back(
        {"carillon_collector_" + asked.name, asked.help, MetricType::Histogram, {metric}});
  }
}

std::string CollectorMetrics::Render() const {
  std::vector<MetricFamily> families;
  MetricFamily requests = Family("requests_total", "Requests answered, by dialect and outcome.");
  for (std::size_t row = 0; row <= dialects_.size(); ++row) {
    const std::string dialect(row < dialects_.size() ? dialects_[row] : kNoDialect);
    for (std::size_t code = 0; code < kCodes; ++code) {
      const std::uint64_t count = Read(requests_[row * kCodes + code]);
      if (count == 0) continue;
      const std::string name(CodeName(static_cast<StatusCode>(code)));
      Add(&requests, {{"dialect", dialect}, {"code", name}}, count);
    }
  }
  families.push_back(std::move(requests));
  MetricFamily refusals = Family("refusals_total", "Requests not read to their end, by status.");
  for (std::size_t i = 0; i < refusals_.size(); ++i) {
    if (Read(refusals_[i]) == 0) continue;
    const int status = static_cast<int>(i) + kFirstRefusal;
    Add(&refusals, {{"status", std::to_string(status)}}, Read(refusals_[i]));
  }
  families.push_back(std::move(refusals));
  const auto single = [&families](const char* name, const char* help, std::uint64_t value) {
    families.push_back(Family(name, help));
    Add(&families.back(), {}, value);
  };
  single("connections", "Open now.", Read(open_));
  single("connections_accepted_total", "Connections taken.", Read(accepted_));
  single("connections_shed_total", "Closed at once: too many.", Read(shed_));
  single("wrong_keys_total", "Keys shown that nobody has.", Read(wrong_keys_));
  single("timeouts_total", "Connections closed for being slow.", Read(timeouts_));
  single("resident_bytes", "Memory of this process.", OwnUsage().resident_bytes);

  const std::lock_guard lock(mutex_);
  MetricFamily tenant_requests = Family("tenant_requests_total", "Requests, by tenant.");
  MetricFamily events = Family("events_total", "Events, by tenant and what became of them.");
  MetricFamily bytes = Family("tenant_bytes_total", "Of bodies, unpacked, by tenant.");
  MetricFamily over = Family("over_quota_total", "Requests refused for a quota, by tenant.");
  for (const auto& [name, counters] : tenants_) {
    Add(&tenant_requests, {{"tenant", name}}, Read(counters->requests));
    Add(&events, {{"tenant", name}, {"result", "accepted"}}, Read(counters->events_accepted));
    Add(&events, {{"tenant", name}, {"result", "rejected"}}, Read(counters->events_rejected));
    Add(&events, {{"tenant", name}, {"result", "dropped"}}, Read(counters->events_dropped));
    Add(&bytes, {{"tenant", name}}, Read(counters->bytes));
    Add(&over, {{"tenant", name}}, Read(counters->over_quota));
  }
  for (MetricFamily* family : {&tenant_requests, &events, &bytes, &over}) {
    families.push_back(std::move(*family));
  }
  AskAll(&families);
  return prometheus::TextSerializer().Serialize(families);
}

CollectorTotals CollectorMetrics::Totals() const {
  CollectorTotals totals{.connections = Read(open_)};
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const std::uint64_t count = Read(requests_[i]);
    totals.requests += count;
    const auto code = static_cast<StatusCode>(i % kCodes);
    if (count > 0 && code != StatusCode::kOk) totals.refused[std::string(CodeName(code))] += count;
  }
  for (std::size_t i = 0; i < refusals_.size(); ++i) {
    const std::uint64_t count = Read(refusals_[i]);
    totals.requests += count;
    if (count > 0) totals.refused[std::to_string(static_cast<int>(i) + kFirstRefusal)] += count;
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [name, counters] : tenants_) {
    totals.bytes += Read(counters->bytes);
    totals.events_accepted += Read(counters->events_accepted);
    totals.events_rejected += Read(counters->events_rejected);
    totals.events_dropped += Read(counters->events_dropped);
  }
  return totals;
}

double ListenOverflows() {
  std::ifstream file("/proc/net/netstat");
  std::string names;
  std::string values;
  while (std::getline(file, names) && std::getline(file, values)) {
    if (!names.starts_with("TcpExt:")) continue;
    std::istringstream name_words(names);
    std::istringstream value_words(values);
    std::string name;
    std::string value;
    while (name_words >> name && value_words >> value) {
      if (name == "ListenOverflows") return std::strtod(value.c_str(), nullptr);
    }
  }
  return 0;
}

}  // namespace carillon
