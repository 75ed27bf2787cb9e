#include "collector/dialects/event_batch.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

TEST(EventBatchTest, KeepsEventsInTheirOrder) {
  EventBatch batch;
  batch.Add({.stream = "web", .id = "1", .time_us = 5, .json = R"({"a":1})"});
  batch.Add({.stream = "web", .id = "", .time_us = {}, .json = "{}"});
  batch.Add({.stream = "app", .id = "3", .time_us = -1, .json = R"({"b":2})"});
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch.event(0).json, R"({"a":1})");
  EXPECT_EQ(batch.event(0).time_us, 5);
  EXPECT_EQ(batch.event(1).stream, "web");
  EXPECT_EQ(batch.event(1).time_us, std::nullopt);
  EXPECT_EQ(batch.event(2).stream, "app");
  EXPECT_EQ(batch.event(2).id, "3");
  EXPECT_EQ(batch.json_bytes(), 16u);
}

TEST(EventBatchTest, RejectedEventKeepsItsPlace) {
  EventBatch batch;
  batch.Add({.stream = "s", .json = "{}"});
  batch.AddRejected({.text = "no type"});
  batch.Add({.stream = "s", .json = R"({"c":3})"});
  batch.Reject(0, {.code = StatusCode::kOutOfRange, .text = "too old"});
  EXPECT_EQ(batch.rejected(), 2u);
  ASSERT_NE(batch.rejection(0), nullptr);
  EXPECT_EQ(batch.rejection(0)->text, "too old");
  EXPECT_EQ(batch.rejection(1)->text, "no type");
  EXPECT_EQ(batch.rejection(2), nullptr);
  EXPECT_EQ(batch.event(2).stream, "s");
  EXPECT_EQ(batch.json_bytes(), 7u);
}

}  // namespace
}  // namespace carillon
