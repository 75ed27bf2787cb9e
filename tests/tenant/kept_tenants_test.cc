#include "collector/tenant/kept_tenants.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

RingTenants SomeTenants() {
  RingTenants tenants;
  tenants.cluster.bytes[3] = 7;
  tenants.generation = 2;
  tenants.section.changed = StateVersion(9);
  tenants.section.tenants["acme"] = {.text = "type = 'a'", .changed = StateVersion(8)};
  tenants.section.keys[{1}] = {.tenant = "acme", .label = "web", .revoked = true};
  return tenants;
}

const DayUses kUses = {{"acme", {.day = 20'000, .use = {.requests = 1, .events = 2, .bytes = 3}}},
                       {"globex", {.day = 19'999}}};

bool Same(const DayUses& a, const DayUses& b) {
  return EncodeKeptQuotas(a) == EncodeKeptQuotas(b);
}

TEST(KeptTenantsTest, ComeBackFromTheirBytes) {
  EXPECT_EQ(*DecodeKeptTenants(EncodeKeptTenants(SomeTenants())), SomeTenants());
  const auto uses = DecodeKeptQuotas(EncodeKeptQuotas(kUses));
  ASSERT_TRUE(uses.ok());
  EXPECT_TRUE(Same(*uses, kUses));
  EXPECT_EQ(uses->at("acme").use.bytes, 3);
}

// The examples of docs/FORMATS.md.
TEST(KeptTenantsTest, HaveTheBytesThatFormatsShows) {
  const Bytes tenants = EncodeKeptTenants({});
  EXPECT_EQ(tenants.substr(0, tenants.size() - 4),
            "CRLNTEN1" + Bytes(16, '\0') + Bytes(8, '\0') + Bytes("\3\0\0\0", 4));
  const Bytes quotas = EncodeKeptQuotas({{"acme", {.day = 1, .use = {.requests = 300}}}});
  EXPECT_EQ(quotas.substr(0, quotas.size() - 4), "CRLNQUO1" + Bytes("\1\4acme\1\xac\2\0\0", 11));
}

TEST(KeptTenantsTest, AreRefusedWhenABitIsFlippedOrAByteIsMissing) {
  for (const Bytes& good : {EncodeKeptTenants(SomeTenants()), EncodeKeptQuotas(kUses)}) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 4);
      EXPECT_FALSE(DecodeKeptTenants(bad).ok());
      EXPECT_FALSE(DecodeKeptQuotas(bad).ok());
      EXPECT_FALSE(DecodeKeptTenants(good.substr(0, i)).ok());
      EXPECT_FALSE(DecodeKeptQuotas(good.substr(0, i)).ok());
    }
  }
}

}  // namespace
}  // namespace carillon
