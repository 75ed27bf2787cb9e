#include "base/flush_scope.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

class Counted final : public Flushable {
 public:
  void Flush() override { ++flushes; }
  int flushes = 0;
};

TEST(FlushScopeTest, WithoutAScopeNothingIsDeferred) {
  EXPECT_FALSE(FlushScope::Defer(std::make_shared<Counted>()));
}

TEST(FlushScopeTest, WhatIsDeferredIsFlushedWhenTheOutermostEnds) {
  const auto one = std::make_shared<Counted>();
  {
    const FlushScope outer;
    {
      const FlushScope inner;
      EXPECT_TRUE(FlushScope::Defer(one));
    }
    EXPECT_EQ(one->flushes, 0);
  }
  EXPECT_EQ(one->flushes, 1);
  EXPECT_FALSE(FlushScope::Defer(one));
}

}  // namespace
}  // namespace carillon
