#include "collector/edge/collector_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::HasSubstr;

TEST(CollectorMetricsTest, ShowsFamiliesWithTheirLabels) {
  CollectorMetrics metrics({});
  metrics.AddFamily("dropped_total", "Dropped.", [] {
    return std::vector<MetricSample>{{{{"tenant", "acme"}, {"reason", "late"}}, 3},
                                     {{{"tenant", "acme"}, {"reason", "full"}}, 4}};
  });
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("# TYPE carillon_collector_dropped_total counter\n"));
  EXPECT_THAT(text,
              HasSubstr("carillon_collector_dropped_total{tenant=\"acme\",reason=\"late\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("carillon_collector_dropped_total{tenant=\"acme\",reason=\"full\"} 4\n"));
}

TEST(CollectorMetricsTest, ShowsHistograms) {
  CollectorMetrics metrics({});
  metrics.AddHistogram("wait_seconds", "Waited.", [] {
    return MetricHistogram{.bounds = {0.5, 1}, .within = {2, 3}, .count = 4, .sum = 7.5};
  });
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("# TYPE carillon_collector_wait_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("carillon_collector_wait_seconds_count 4\n"));
  EXPECT_THAT(text, HasSubstr("carillon_collector_wait_seconds_sum 7.5\n"));
  EXPECT_THAT(text, HasSubstr("carillon_collector_wait_seconds_bucket{le=\"0.5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("carillon_collector_wait_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("carillon_collector_wait_seconds_bucket{le=\"+Inf\"} 4\n"));
}

}  // namespace
}  // namespace carillon
