#include "client/tenant_conversion.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

constexpr char kCluster[] = "00000000-0000-0000-0000-00000000000c";

const WriteKeyHash kHash = {1, 2, 3};
const WriteKeyRecord kKey = {.tenant = "acme",
                             .label = "web",
                             .origins = {"https://a.example", "https://b.example"},
                             .requests_per_second = 7,
                             .created = 10,
                             .expires = 20,
                             .revoked = true};

TEST(TenantConversionTest, ReadsWhatANodeSays) {
  v1::ListTenantsResponse message;
  message.set_cluster_uuid(kCluster);
  message.set_generation(3);
  message.set_version(9);
  v1::Tenant* tenant = message.add_tenants();
  tenant->set_name("acme");
  tenant->set_document("type = 'a'");
  tenant->set_changed(8);
  *message.add_keys() = ToMessage(kHash, kKey);
  const auto tenants = FromMessage(message);
  ASSERT_TRUE(tenants.ok()) << ToString(tenants.status());
  EXPECT_EQ(ToString(tenants->cluster), kCluster);
  EXPECT_EQ(tenants->generation, 3);
  EXPECT_EQ(tenants->section.changed, StateVersion(9));
  EXPECT_EQ(tenants->section.tenants.at("acme"),
            (TenantDocument{.text = "type = 'a'", .changed = StateVersion(8)}));
  EXPECT_EQ(tenants->section.keys.at(kHash), kKey);
}

TEST(TenantConversionTest, RefusesWhatNoNodeSays) {
  v1::ListTenantsResponse message;
  EXPECT_EQ(FromMessage(message).status().code(), StatusCode::kInternal);
  message.set_cluster_uuid(kCluster);
  EXPECT_TRUE(FromMessage(message).ok());
  message.add_keys()->set_sha256("short");
  EXPECT_EQ(FromMessage(message).status().code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace carillon
