#include "server/api/peer_batches.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

PeerBatchItem ItemOf(std::size_t bytes) {
  return {.request = Rope(Bytes(bytes, 'r')), .expires = {}, .done = {}};
}

TEST(PeerBatchesTest, WhatFindsRoomGoesAtOnceAndAlone) {
  PeerBatches batches;
  for (std::size_t i = 0; i < PeerBatches::kMaxUnderWay; ++i) {
    const auto batch = batches.Add("a", ItemOf(10));
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->address, "a");
    EXPECT_EQ(batch->items.size(), 1u);
  }
  EXPECT_FALSE(batches.Add("a", ItemOf(10)));
  EXPECT_TRUE(batches.Add("b", ItemOf(10)));
}

TEST(PeerBatchesTest, WhatWaitedGoesTogetherWhenABatchEnds) {
  PeerBatches batches;
  for (std::size_t i = 0; i < PeerBatches::kMaxUnderWay + 5; ++i) batches.Add("a", ItemOf(10));
  const auto next = batches.End("a");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->items.size(), 5u);
  for (std::size_t i = 0; i < PeerBatches::kMaxUnderWay; ++i) EXPECT_FALSE(batches.End("a"));
  EXPECT_TRUE(batches.Add("a", ItemOf(10)));
}

TEST(PeerBatchesTest, ABatchHasAtMostSoManyItemsAndBytes) {
  PeerBatches batches;
  for (std::size_t i = 0; i < PeerBatches::kMaxUnderWay; ++i) batches.Add("a", ItemOf(1));
  for (std::size_t i = 0; i < PeerBatches::kMaxItems + 1; ++i) batches.Add("a", ItemOf(1));
  EXPECT_EQ(batches.End("a")->items.size(), PeerBatches::kMaxItems);
  EXPECT_EQ(batches.End("a")->items.size(), 1u);
  for (int i = 0; i < 3; ++i) batches.Add("a", ItemOf(PeerBatches::kMaxBytes / 2 + 1));
  EXPECT_EQ(batches.End("a")->items.size(), 1u);
}

}  // namespace
}  // namespace carillon
