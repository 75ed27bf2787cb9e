#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "collector/edge/collector_metrics.h"
#include "collector/pipeline/pipeline.h"

namespace carillon {

// The pipeline's numbers, asked for once for all that a scrape wants of them. Threads: any.
class PipelineNumbers {
 public:
  // Both outlive this.
  PipelineNumbers(const Pipeline* pipeline, CollectorMetrics* metrics);

 private:
  // What `samples` makes of each tenant that has events with ids.
  template <typename Samples>
  std::vector<MetricSample> OfTenants(Samples samples);
  void AddDeduplication(CollectorMetrics* metrics);
  void AddCopies(CollectorMetrics* metrics);
  void AddDictionaries(CollectorMetrics* metrics);
  PipelineStats Stats();

  const Pipeline* const pipeline_;
  std::mutex mutex_;
  Instant asked_;
  PipelineStats stats_;
};

}  // namespace carillon
