#include "collector/tenant/wrong_keys.h"

#include <gtest/gtest.h>

#include "base/status.h"

namespace carillon {
namespace {

using namespace std::chrono_literals;

class WrongKeysTest : public testing::Test {
 protected:
  // How many of `count` are no more than mistakes.
  std::uint32_t Mistakes(std::string_view address, std::uint32_t count) {
    std::uint32_t mistakes = 0;
    for (std::uint32_t i = 0; i < count; ++i) mistakes += keys_.Count(address, now_) ? 0 : 1;
    return mistakes;
  }
  WrongKeys keys_;
  Instant now_{1000s};
};

TEST_F(WrongKeysTest, LetsMistakesPassAndThenSaysWhenToComeBack) {
  EXPECT_EQ(Mistakes("10.0.0.1", 100), WrongKeys::kBurst);
  EXPECT_EQ(keys_.Count("10.0.0.1", now_), WrongKeys::kEvery);
  now_ += WrongKeys::kEvery - 1ns;
  EXPECT_EQ(keys_.Count("10.0.0.1", now_), 1ns);
  now_ += 1ns;
  EXPECT_EQ(Mistakes("10.0.0.1", 100), 1);
  now_ += 1h;
  EXPECT_EQ(Mistakes("10.0.0.1", 100), WrongKeys::kBurst);
}

TEST_F(WrongKeysTest, TellsAddressesApart) {
  EXPECT_EQ(Mistakes("10.0.0.1", 100), WrongKeys::kBurst);
  EXPECT_EQ(Mistakes("10.0.0.2", 100), WrongKeys::kBurst);
  EXPECT_EQ(Mistakes("::ffff:10.0.0.2", 100), 0);
}

TEST_F(WrongKeysTest, TakesANetworkOfIpv6ForOne) {
  EXPECT_EQ(Mistakes("2001:db8::1", 100), WrongKeys::kBurst);
  EXPECT_EQ(Mistakes("2001:db8::ffff:2", 100), 0);
  EXPECT_EQ(Mistakes("2001:db8:0:1::1", 100), WrongKeys::kBurst);
}

TEST_F(WrongKeysTest, RemembersABoundedNumberAndNeverForgetsWhoComesAgain) {
  Mistakes("10.0.0.1", 100);
  for (int i = 0; i < 100'000; ++i) {
    keys_.Count(fmt::format("172.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255), now_);
    EXPECT_LE(keys_.addresses(), WrongKeys::kMaxAddresses);
    if (i % 1000 == 0) {
      EXPECT_EQ(Mistakes("10.0.0.1", 1), 0);
    }
  }
}

}  // namespace
}  // namespace carillon
