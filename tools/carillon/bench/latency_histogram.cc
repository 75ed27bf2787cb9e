#include "tools/carillon/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace carillon {
namespace {

constexpr int kSubBits = 5;  // 32 buckets to each doubling
constexpr std::size_t kMaxBuckets = std::size_t{64} << kSubBits;

std::size_t BucketOf(std::uint64_t ns) {
  if (ns < (1u << kSubBits)) return ns;
  const int doubling = std::bit_width(ns) - 1 - kSubBits;
  return (static_cast<std::size_t>(doubling) << kSubBits) + (ns >> doubling);
}

// The greatest value of a bucket.
std::uint64_t LimitOf(std::size_t bucket) {
  if (bucket < (2u << kSubBits)) return bucket;
  const std::size_t doubling = (bucket >> kSubBits) - 1;
  const std::uint64_t sub = bucket - (doubling << kSubBits);
  return ((sub + 1) << doubling) - 1;
}

bool TakeNumber(std::string_view* text, char end, std::uint64_t* number) {
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<std::size_t>(stop - text->data()));
  if (end == '\0') return text->empty();
  if (text->empty() || text->front() != end) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

void LatencyHistogram::Add(Duration took) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
  const std::size_t bucket = BucketOf(ns);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

double LatencyHistogram::PercentileMs(double fraction) const {
  const double wanted = fraction * static_cast<double>(count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (buckets_[i] != 0 && static_cast<double>(seen) >= wanted) {
      return static_cast<double>(std::min(LimitOf(i), max_ns_)) / 1e6;
    }
  }
  return max_ms();
}

std::string LatencyHistogram::Encode() const {
  std::string text;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] != 0) text += fmt::format("{}:{},", i, buckets_[i]);
  }
  return text + fmt::format(";{}", max_ns_);
}

StatusOr<LatencyHistogram> LatencyHistogram::Decode(std::string_view text) {
  LatencyHistogram result;
  const Status bad = InvalidArgument("no histogram: '{}'", text.substr(0, 40));
  while (!text.empty() && text.front() != ';') {
    std::uint64_t bucket = 0, count = 0;
    if (!TakeNumber(&text, ':', &bucket) || !TakeNumber(&text, ',', &count)) return bad;
    if (bucket >= kMaxBuckets) return bad;
    if (bucket >= result.buckets_.size()) result.buckets_.resize(bucket + 1);
    result.buckets_[bucket] += count;
    result.count_ += count;
  }
  if (text.empty()) return bad;
  text.remove_prefix(1);
  if (!TakeNumber(&text, '\0', &result.max_ns_)) return bad;
  return result;
}

std::vector<std::pair<double, double>> LatencyHistogram::Curve() const {
  std::vector<std::pair<double, double>> curve;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == 0) continue;
    seen += buckets_[i];
    curve.emplace_back(static_cast<double>(std::min(LimitOf(i), max_ns_)) / 1e6,
                       static_cast<double>(seen) / static_cast<double>(count_));
  }
  return curve;
}

}  // namespace carillon
