#include "collector/tenant/tenant_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TenantMergeTest : public testing::Test {
 protected:
  void Set(const std::string& name, const std::string& document) {
    ring_.tenants[name] = {.text = document, .changed = StateVersion(2)};
  }
  void AddKey(const std::string& key, const WriteKeyRecord& record) {
    ring_.keys[HashOf(key).bytes] = record;
  }
  const TenantTable& Merge() {
    std::vector<Tenant> of_file;
    const auto file = TenantTable::Parse(file_, "t.toml");
    EXPECT_TRUE(file.ok()) << ToString(file.status());
    for (std::size_t i = 0; i < (*file)->size(); ++i) of_file.push_back((*file)->tenant(i));
    merged_ = merger_.Merge(of_file, ring_, open_);
    return *merged_.table;
  }
  std::string TypeOf(const std::string& tenant) {
    const TenantTable& table = Merge();
    const std::size_t place = table.Find(tenant);
    return place == table.size() ? "" : table.tenant(place).type;
  }

  std::string file_;
  std::string open_;
  TenantSection ring_;
  TenantMerger merger_;
  MergedTenants merged_;
};

TEST_F(TenantMergeTest, PutsTenantsOfFileAndRingTogether) {
  file_ = "[tenants.acme]\ntype = 'of-file'\n";
  Set("globex", "type = 'of-ring'\n[quota]\nevents_per_day = 7\n");
  AddKey("k", {.tenant = "globex",
               .label = "web",
               .origins = {"https://shop.example"},
               .requests_per_second = 5,
               .expires = 100});
  const TenantTable& table = Merge();
  EXPECT_EQ(table.size(), 2);
  EXPECT_EQ(merged_.of_ring, 1);
  EXPECT_THAT(merged_.refused, IsEmpty());
  const Tenant& globex = table.tenant(table.Find("globex"));
  EXPECT_EQ(globex.type, "of-ring");
  EXPECT_EQ(globex.quota.events.per_day, 7);
  ASSERT_EQ(globex.keys.size(), 1);
  EXPECT_EQ(globex.keys[0].name, "web");
  EXPECT_EQ(globex.keys[0].requests_per_second, 5);
  EXPECT_TRUE(table.Authenticate("k", "https://shop.example", 99).ok());
  EXPECT_FALSE(table.Authenticate("k", "https://shop.example", 100).ok());
  EXPECT_FALSE(table.Authenticate("k", "https://evil.test", 99).ok());
}

TEST_F(TenantMergeTest, OfTwoWithOneNameTheFilesCounts) {
  file_ = "[tenants.acme]\ntype = 'of-file'\n";
  Set("acme", "type = 'of-ring'");
  AddKey("k", {.tenant = "acme"});
  EXPECT_EQ(TypeOf("acme"), "of-file");
  EXPECT_EQ(merged_.of_ring, 0);
  EXPECT_THAT(merged_.refused, ElementsAre(HasSubstr("the file has one of that name")));
  EXPECT_FALSE(merged_.table->Authenticate("k", "", 0).ok());
  file_ = "";
  EXPECT_EQ(TypeOf("acme"), "of-ring");
  EXPECT_TRUE(merged_.table->Authenticate("k", "", 0).ok());
}

TEST_F(TenantMergeTest, RefusesATenantThatItCannotReadAlone) {
  Set("new", "type = 'x'\nfrobnicate = true\n");
  Set("acme", "type = 'a'");
  AddKey("k", {.tenant = "new"});
  AddKey("a", {.tenant = "acme"});
  EXPECT_EQ(TypeOf("acme"), "a");
  EXPECT_EQ(merged_.table->size(), 1);
  EXPECT_TRUE(merged_.table->Authenticate("a", "", 0).ok());
  EXPECT_FALSE(merged_.table->Authenticate("k", "", 0).ok());
  EXPECT_THAT(merged_.refused,
              ElementsAre("tenant 'new' of the ring: line 2: unknown key 'frobnicate'"));
}

TEST_F(TenantMergeTest, RefusesAKeyThatTheFileHasToo) {
  file_ = "[[tenants.acme.keys]]\nsha256 = '" + ToHex(HashOf("k")) + "'\n";
  Set("globex", "");
  AddKey("k", {.tenant = "globex"});
  AddKey("mine", {.tenant = "globex"});
  const TenantTable& table = Merge();
  EXPECT_EQ(table.tenant(table.Authenticate("k", "", 0)->tenant).name, "acme");
  EXPECT_EQ(table.tenant(table.Authenticate("mine", "", 0)->tenant).name, "globex");
  EXPECT_THAT(merged_.refused, ElementsAre(HasSubstr("the file has its key")));
}

TEST_F(TenantMergeTest, TheOpenTenantIsThereWhoeverHasIt) {
  open_ = "demo";
  EXPECT_EQ(TypeOf("demo"), "event");
  EXPECT_EQ(merged_.table->size(), 1);
  Set("demo", "type = 'of-ring'");
  EXPECT_EQ(TypeOf("demo"), "of-ring");
  file_ = "[tenants.demo]\ntype = 'of-file'\n";
  EXPECT_EQ(TypeOf("demo"), "of-file");
  EXPECT_EQ(merged_.table->size(), 1);
}

TEST_F(TenantMergeTest, FollowsChangesAndRemovals) {
  Set("acme", "type = 'a'");
  EXPECT_EQ(TypeOf("acme"), "a");
  Set("acme", "type = 'b'");
  EXPECT_EQ(TypeOf("acme"), "b");
  AddKey("k", {.tenant = "acme"});
  EXPECT_TRUE(Merge().Authenticate("k", "", 0).ok());
  ring_.keys.begin()->second.revoked = true;
  EXPECT_EQ(Merge().Authenticate("k", "", 0).status().code(), StatusCode::kUnauthenticated);
  ring_ = {};
  EXPECT_EQ(Merge().size(), 0);
}

TEST_F(TenantMergeTest, KeepsToTheMostTenantsThereCanBe) {
  open_ = "demo";
  file_ = "[tenants.of-file]\n";
  for (std::size_t i = 0; i < kMaxTenants; ++i) Set(fmt::format("t{:05}", i), "");
  EXPECT_EQ(Merge().size(), kMaxTenants);
  EXPECT_EQ(merged_.of_ring, kMaxTenants - 2);
  EXPECT_EQ(merged_.refused.size(), 2);
}

TEST(ParseTenantTest, ReadsWhatWouldStandInTheTable) {
  const auto tenant = ParseTenant("acme",
                                  "bucket = 'b'\n[[rules]]\ndo = 'drop'\n"
                                  "[quota]\nrequests_per_second = 5\n");
  ASSERT_TRUE(tenant.ok()) << ToString(tenant.status());
  EXPECT_EQ(tenant->name, "acme");
  EXPECT_EQ(tenant->bucket, "b");
  EXPECT_EQ(tenant->rules.size(), 1);
  EXPECT_EQ(tenant->quota.requests.per_second, 5);
  EXPECT_TRUE(ParseTenant("acme", "").ok());
}

TEST(ParseTenantTest, SaysWhatIsWrongAndWhere) {
  const auto error = [](std::string_view text) {
    return std::string(Message(ParseTenant("acme", text).status()));
  };
  EXPECT_THAT(error("bucket = "), HasSubstr("line 1"));
  EXPECT_THAT(error("type = 'a'\nbukket = 'x'"), HasSubstr("line 2: unknown key 'bukket'"));
  EXPECT_THAT(error("[[keys]]\nsha256 = ''"), HasSubstr("carillon key create"));
  EXPECT_THAT(error("[tenants.acme]\n"), HasSubstr("alone"));
  EXPECT_THAT(error("bucket = 'a:b'"), HasSubstr("bucket"));
  EXPECT_FALSE(ParseTenant("a b", "").ok());
}

}  // namespace
}  // namespace carillon
