#include "collector/tenant/tenant_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using testing::HasSubstr;

std::string Key(const std::string& key, const std::string& more = "") {
  return "[[tenants.acme.keys]]\nsha256 = \"" + ToHex(HashOf(key)) + "\"\n" + more + "\n";
}

std::shared_ptr<const TenantTable> Table(const std::string& toml) {
  auto table = TenantTable::Parse(toml, "t.toml");
  EXPECT_TRUE(table.ok()) << ToString(table.status());
  return table.ok() ? *table : nullptr;
}

std::string ErrorOf(const std::string& toml) {
  const auto table = TenantTable::Parse(toml, "t.toml");
  return table.ok() ? "" : std::string(Message(table.status()));
}

TEST(WriteKeyTest, IsMadeOfRandomBytesAndKnownByItsHash) {
  const std::string key = WriteKeyText(std::string(kWriteKeyBytes, '\xff'));
  EXPECT_EQ(key, "wk_" + std::string(42, '_') + "8");
  // sha256("abc"), FIPS 180-2.
  EXPECT_EQ(ToHex(HashOf("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(*ParseKeyHash(ToHex(HashOf("abc"))), HashOf("abc"));
  EXPECT_FALSE(ParseKeyHash("abc").ok());
  EXPECT_FALSE(ParseKeyHash(std::string(64, 'x')).ok());
}

TEST(TenantTableTest, KnowsWhoseAKeyIs) {
  const auto table = Table(Key("one") + "[tenants.globex]\n[[tenants.globex.keys]]\nsha256 = \"" +
                           ToHex(HashOf("two")) + "\"\n");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->tenant(table->Authenticate("one", "", 0)->tenant).name, "acme");
  EXPECT_EQ(table->tenant(table->Authenticate("two", "", 0)->tenant).name, "globex");
  EXPECT_EQ(table->Authenticate("three", "", 0).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(table->Authenticate("", "", 0).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(table->Authenticate(std::string(10'000, 'x'), "", 0).status().code(),
            StatusCode::kNotFound);
}

TEST(TenantTableTest, RefusesRevokedAndExpiredKeys) {
  const auto table = Table(Key("old", "expires = 1970-01-02") + Key("bad", "revoked = true") +
                           Key("later", "expires = 1970-01-01T00:00:10+00:00"));
  ASSERT_NE(table, nullptr);
  EXPECT_TRUE(table->Authenticate("old", "", 86'399).ok());
  EXPECT_EQ(table->Authenticate("old", "", 86'400).status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(table->Authenticate("bad", "", 0).status().code(), StatusCode::kUnauthenticated);
  EXPECT_TRUE(table->Authenticate("later", "", 9).ok());
  EXPECT_FALSE(table->Authenticate("later", "", 10).ok());
}

TEST(TenantTableTest, SaysForHowLongIdsAreRemembered) {
  const auto seconds = [](const std::string& line) {
    const auto table = Table("[tenants.acme]\n" + line + "\n");
    return table == nullptr ? 1 : table->tenant(0).deduplicate_seconds;
  };
  EXPECT_EQ(seconds(""), 3600u);
  EXPECT_EQ(seconds("deduplicate = '36h'"), 36u * 3600);
  EXPECT_EQ(seconds("deduplicate = 90"), 90u);
  EXPECT_EQ(seconds("deduplicate = 'off'"), 0u);
  EXPECT_EQ(seconds("deduplicate = 0"), 0u);
  EXPECT_EQ(seconds("deduplicate = '31d'"), kMaxDeduplicateSeconds);
  for (const char* bad : {"'32d'", "'forever'", "'x'", "-1", "true", "1.5", "2678401"}) {
    EXPECT_THAT(ErrorOf(std::string("[tenants.acme]\ndeduplicate = ") + bad),
                HasSubstr("line 2: deduplicate: want"))
        << bad;
  }
}

TEST(TenantTableTest, ReadsWhenEventsAreAcknowledged) {
  const auto ack = [](const std::string& line) {
    const auto table = TenantTable::Parse("[tenants.acme]\n" + line, "test");
    return table.ok() ? (*table)->tenant(0).ack : std::nullopt;
  };
  EXPECT_EQ(ack(""), std::nullopt);
  EXPECT_EQ(ack("ack = 'stored'"), AckLevel::kStored);
  EXPECT_EQ(ack("ack = 'local'"), AckLevel::kLocal);
  EXPECT_EQ(ack("ack = 'replicated'"), AckLevel::kReplicated);
  EXPECT_THAT(ErrorOf("[tenants.acme]\nack = 'soon'"), HasSubstr("line 2: ack: want"));
}

TEST(TenantTableTest, MatchesOriginsWhole) {
  const auto table = Table(Key("web", "origins = ['https://shop.example']") + Key("any"));
  ASSERT_NE(table, nullptr);
  EXPECT_TRUE(table->Authenticate("web", "https://shop.example", 0).ok());
  EXPECT_TRUE(table->Authenticate("web", "", 0).ok());
  for (const char* origin :
       {"https://shop.example.evil.test", "http://shop.example", "null", "https://shop.exampl"}) {
    EXPECT_EQ(table->Authenticate("web", origin, 0).status().code(), StatusCode::kPermissionDenied);
  }
  EXPECT_TRUE(table->Authenticate("any", "https://anywhere.test", 0).ok());
}

TEST(TenantTableTest, LeavesWhatIsBesideTheTenantsToOthers) {
  EXPECT_EQ(Table("spool = '/x'\n[limits]\na = 1\n")->size(), 0u);
}

TEST(TenantTableTest, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(ErrorOf("x = "), HasSubstr("t.toml: line 1"));
  EXPECT_THAT(ErrorOf("[tenants.acme]\nbukket = 'x'\n"), HasSubstr("line 2: unknown key 'bukket'"));
  EXPECT_THAT(ErrorOf("[tenants.'a b']\n"), HasSubstr("only letters"));
  EXPECT_THAT(ErrorOf("[tenants.acme]\nbucket = 'a:b'\n"), HasSubstr("bucket"));
  EXPECT_THAT(ErrorOf("[tenants.acme]\nbucket = 7\n"), HasSubstr("line 2: bucket: want a string"));
  EXPECT_THAT(ErrorOf(Key("one") + Key("one")), HasSubstr("the same key"));
  EXPECT_THAT(ErrorOf("[[tenants.acme.keys]]\nname = 'x'\n"), HasSubstr("without sha256"));
  EXPECT_THAT(ErrorOf("[[tenants.acme.keys]]\nsha256 = 'zz'\n"), HasSubstr("64 hexadecimal"));
  EXPECT_THAT(ErrorOf("[tenants.acme.quota]\nevents_per_second = -1\n"), HasSubstr("0.."));
  EXPECT_THAT(ErrorOf("[[tenants.acme.rules]]\ndo = 'explode'\n"), HasSubstr("explode"));
  EXPECT_THAT(ErrorOf("[[tenants.acme.rules]]\ndo = 'redact'\n"), HasSubstr("want fields"));
  EXPECT_THAT(ErrorOf("[[tenants.acme.rules]]\ndo = 'drop'\nwhen = { field = 'a' }\n"),
              HasSubstr("one of equals, prefix, exists"));
  EXPECT_THAT(ErrorOf("[[tenants.acme.rules]]\ndo = 'sample'\nrate = 2\n"), HasSubstr("0..1"));
  EXPECT_THAT(ErrorOf("[tenants.acme]\nenrich = ['shoe_size']\n"), HasSubstr("shoe_size"));
  EXPECT_THAT(ErrorOf("tenants = 3\n"), HasSubstr("want a table"));
}

}  // namespace
}  // namespace carillon
