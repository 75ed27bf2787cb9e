#include "tools/carillon/bench/latency_histogram.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(LatencyHistogramTest, PercentilesAreAtMostThreePercentAboveTheTruth) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 10'000; ++i) histogram.Add(microseconds(i));
  for (const double fraction : {0.001, 0.5, 0.9, 0.99, 0.999}) {
    const double truth = fraction * 10;  // milliseconds
    EXPECT_GE(histogram.PercentileMs(fraction), truth);
    EXPECT_LE(histogram.PercentileMs(fraction), truth * 1.033);
  }
  EXPECT_DOUBLE_EQ(histogram.PercentileMs(1), 10);
  EXPECT_DOUBLE_EQ(histogram.max_ms(), 10);
}

TEST(LatencyHistogramTest, TwoAddUpToWhatOneWouldHaveCounted) {
  LatencyHistogram one, other, both;
  for (int i = 0; i < 1000; ++i) {
    one.Add(microseconds(i));
    other.Add(milliseconds(i));
    both.Add(microseconds(i));
    both.Add(milliseconds(i));
  }
  one.Merge(other);
  EXPECT_EQ(one.count(), 2000u);
  EXPECT_EQ(one.Encode(), both.Encode());
}

TEST(LatencyHistogramTest, ComesBackFromItsText) {
  LatencyHistogram histogram;
  for (int i = 0; i < 100; ++i) histogram.Add(microseconds(i * i));
  const auto back = LatencyHistogram::Decode(histogram.Encode());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->Encode(), histogram.Encode());
  EXPECT_EQ(back->count(), 100u);
  for (const char* bad : {"", "1:2", "1:2,", "x;5", "1:2,;", "99999:1,;5", "1:2,;5x"}) {
    EXPECT_FALSE(LatencyHistogram::Decode(bad).ok()) << bad;
  }
}

TEST(LatencyHistogramTest, OfNothingIsNothing) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.PercentileMs(0.99), 0);
  EXPECT_TRUE(histogram.Curve().empty());
}

TEST(LatencyHistogramTest, ItsCurveRisesToTheWhole) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.Add(microseconds(i));
  const auto curve = histogram.Curve();
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GT(curve[i].first, curve[i - 1].first);
    EXPECT_GT(curve[i].second, curve[i - 1].second);
  }
  EXPECT_DOUBLE_EQ(curve.back().first, 1);
  EXPECT_DOUBLE_EQ(curve.back().second, 1);
}

}  // namespace
}  // namespace carillon
