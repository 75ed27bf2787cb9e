#include "collector/tenant/trusted_proxies.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

TrustedProxies Trusting(const std::vector<std::string>& networks) {
  auto proxies = TrustedProxies::Parse(networks);
  EXPECT_TRUE(proxies.ok());
  return *proxies;
}

TEST(TrustedProxiesTest, BelievesNobodyUnlessTold) {
  EXPECT_EQ(Trusting({}).ClientAddress("192.0.2.1", "198.51.100.1"), "192.0.2.1");
  EXPECT_EQ(Trusting({"10.0.0.0/8"}).ClientAddress("192.0.2.1", "198.51.100.1"), "192.0.2.1");
}

TEST(TrustedProxiesTest, TakesTheLastAddressThatNoTrustedProxyHas) {
  const TrustedProxies proxies = Trusting({"10.0.0.0/8", "::1"});
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "198.51.100.1"), "198.51.100.1");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9"), "198.51.100.1");
  EXPECT_EQ(proxies.ClientAddress("::1", "2001:db8::7"), "2001:db8::7");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "198.51.100.1:4711"), "198.51.100.1");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "[2001:db8::7]:80"), "2001:db8::7");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "10.4.4.4"), "10.4.4.4");
}

TEST(TrustedProxiesTest, StopsAtWhatIsNoAddress) {
  const TrustedProxies proxies = Trusting({"10.0.0.0/8"});
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "unknown"), "10.1.2.3");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", ", ,"), "10.1.2.3");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "\"}<script>"), "10.1.2.3");
  EXPECT_EQ(proxies.ClientAddress("10.1.2.3", "["), "10.1.2.3");
}

TEST(TrustedProxiesTest, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "example.com", "::1/129", "10.0.0/8"}) {
    EXPECT_FALSE(TrustedProxies::Parse({text}).ok()) << text;
  }
  EXPECT_EQ(Trusting({"10.1.2.128/25"}).ClientAddress("10.1.2.127", "1.1.1.1"), "10.1.2.127");
  EXPECT_EQ(Trusting({"10.1.2.128/25"}).ClientAddress("10.1.2.129", "1.1.1.1"), "1.1.1.1");
}

}  // namespace
}  // namespace carillon
