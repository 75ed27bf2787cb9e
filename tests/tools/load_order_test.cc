#include "tools/carillon/bench/load_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::HasSubstr;

TEST(LoadOrderTest, ComesBackFromItsText) {
  LoadOrder order{.at_once = 7, .seconds = 2.5, .per_second = 100, .patience_seconds = 0.5};
  order.spec = {.workload = Workload::kGet, .bucket = "b", .keys = 9, .now = Epoch(1'700'000'000)};
  order.endpoint = "127.0.0.1:1,127.0.0.1:2";
  order.journal = "/tmp/j";
  const auto again = DecodeLoadOrder(EncodeLoadOrder(order));
  ASSERT_TRUE(again.ok()) << ToString(again.status());
  EXPECT_EQ(again->at_once, 7u);
  EXPECT_EQ(again->seconds, 2.5);
  EXPECT_EQ(again->patience_seconds, 0.5);
  EXPECT_EQ(again->spec.workload, Workload::kGet);
  EXPECT_EQ(again->spec.bucket, "b");
  EXPECT_EQ(again->spec.now, Epoch(1'700'000'000));
  EXPECT_EQ(again->endpoint, order.endpoint);
  EXPECT_EQ(again->journal, "/tmp/j");
  EXPECT_EQ(EncodeLoadOrder(*again), EncodeLoadOrder(order));
}

TEST(LoadOrderTest, WhatIsNotNamedIsAsUsual) {
  const auto order = DecodeLoadOrder("bucket=b rate=10");
  ASSERT_TRUE(order.ok()) << ToString(order.status());
  EXPECT_EQ(order->per_second, 10);
  EXPECT_EQ(order->seconds, LoadOrder().seconds);
  EXPECT_TRUE(order->journal.empty());
}

TEST(LoadOrderTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(Message(DecodeLoadOrder("rate=fast").status()), HasSubstr("rate"));
  EXPECT_THAT(Message(DecodeLoadOrder("speed=1").status()), HasSubstr("speed"));
  EXPECT_THAT(Message(DecodeLoadOrder("workload=99").status()), HasSubstr("workload"));
  EXPECT_FALSE(DecodeLoadOrder("put").ok());
}

}  // namespace
}  // namespace carillon
