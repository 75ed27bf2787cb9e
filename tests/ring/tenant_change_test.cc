#include "ring/tenant_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ring/change_plan.h"
#include "ring/force_recover.h"
#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

using testing::HasSubstr;

WriteKeyHash HashOfKey(std::uint8_t first, std::uint8_t last = 0) {
  WriteKeyHash hash{};
  hash[0] = first;
  hash[31] = last;
  return hash;
}

class TenantChangeTest : public testing::Test {
 protected:
  // Makes the change; it has to be a legal step, and to come back from its bytes.
  Status Apply(StatusOr<ClusterState> next) {
    if (!next.ok()) return next.status();
    RETURN_IF_ERROR(ValidateStep(state_, *next));
    ASSIGN_OR_RETURN(const ClusterState decoded, DecodeClusterState(EncodeClusterState(*next)));
    EXPECT_EQ(decoded, *next);
    state_ = *std::move(next);
    return OkStatus();
  }
  Status Set(const std::string& name, const std::string& document,
             std::optional<std::uint64_t> expected = std::nullopt) {
    std::optional<StateVersion> version;
    if (expected) version = StateVersion(*expected);
    return Apply(WithTenantSet(state_, name, document, version));
  }
  Status AddKey(const WriteKeyHash& hash, const std::string& tenant) {
    return Apply(WithKeyAdded(state_, hash, {.tenant = tenant, .label = "web"}));
  }

  ClusterState state_ = RingOf(3);
};

TEST_F(TenantChangeTest, AStateThatNeverHadATenantHasTheBytesOfBefore) {
  Bytes bytes = EncodeClusterState(state_);
  EXPECT_EQ(bytes.substr(0, 2), Bytes("\3\0", 2));
  EXPECT_EQ(bytes.substr(bytes.size() - 2), Bytes("\0\0", 2));  // nothing staged, no plan
  ASSERT_TRUE(Set("acme", "").ok());
  const Bytes with = EncodeClusterState(state_);
  EXPECT_EQ(with.substr(0, 2), Bytes("\4\0", 2));
  // The example of docs/FORMATS.md.
  EXPECT_EQ(with.substr(with.size() - 11), Bytes("\x0a\2\1\4acme\2\0\0", 11));
}

TEST_F(TenantChangeTest, SetsChangesAndRemovesTenants) {
  ASSERT_TRUE(Set("acme", "type = 'a'").ok());
  EXPECT_EQ(state_.tenants.tenants.at("acme").changed, state_.version);
  EXPECT_EQ(state_.note, "tenant acme created");
  ASSERT_TRUE(Set("globex", "").ok());
  ASSERT_TRUE(Set("acme", "type = 'b'").ok());
  EXPECT_EQ(state_.tenants.tenants.at("acme").text, "type = 'b'");
  EXPECT_EQ(state_.tenants.tenants.at("globex").changed.value(), state_.version.value() - 1);
  ASSERT_TRUE(Apply(WithTenantRemoved(state_, "acme", std::nullopt)).ok());
  EXPECT_EQ(state_.tenants.tenants.size(), 1);
  EXPECT_EQ(WithTenantRemoved(state_, "acme", std::nullopt).status().code(), StatusCode::kNotFound);
}

TEST_F(TenantChangeTest, TellsTheLastWriterThatItWasChangedMeanwhile) {
  ASSERT_TRUE(Set("acme", "type = 'a'", 0).ok());
  EXPECT_EQ(Set("acme", "", 0).code(), StatusCode::kAlreadyExists);
  const std::uint64_t seen = state_.version.value();
  ASSERT_TRUE(Set("globex", "").ok());
  ASSERT_TRUE(Set("acme", "type = 'b'", seen).ok());  // what others do does not count
  EXPECT_EQ(Set("acme", "type = 'c'", seen).code(), StatusCode::kAborted);
  EXPECT_EQ(state_.tenants.tenants.at("acme").text, "type = 'b'");
  EXPECT_EQ(WithTenantRemoved(state_, "acme", StateVersion(seen)).status().code(),
            StatusCode::kAborted);
  EXPECT_EQ(Set("nobody", "", seen).code(), StatusCode::kNotFound);
}

TEST_F(TenantChangeTest, RefusesNamesAndSizesThatCannotBe) {
  EXPECT_EQ(Set("a/b", "").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Set("", "").code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Set("acme", std::string(kMaxTenantDocumentBytes, '#')).ok());
  EXPECT_EQ(Set("acme", std::string(kMaxTenantDocumentBytes + 1, '#')).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(TenantChangeTest, HasRoomForTenThousandSmallTenantsWithAKeyEach) {
  ClusterState full = state_;
  full.tenants.changed = full.version;
  for (std::size_t i = 0; i < kMaxRingTenants; ++i) {
    const std::string name = fmt::format("tenant-{:05}", i);
    full.tenants.tenants[name] = {.text = "quota = {events_per_second = 100}",
                                  .changed = full.version};
    WriteKeyHash hash{};
    hash[0] = static_cast<std::uint8_t>(i);
    hash[1] = static_cast<std::uint8_t>(i >> 8);
    full.tenants.keys[hash] = {.tenant = name, .created = 1'800'000'000};
  }
  EXPECT_TRUE(Validate(full).ok()) << ToString(Validate(full));
  EXPECT_LE(EncodeTenantSection(full.tenants).size(), SectionBytes(full.tenants));
  state_ = full;
  EXPECT_EQ(Set("one-more", "").code(), StatusCode::kResourceExhausted);
}

TEST_F(TenantChangeTest, RefusesWhatWouldMakeTheStateTooLarge) {
  const std::string document(kMaxTenantDocumentBytes - 100, '#');
  const std::size_t fit = kMaxTenantSectionBytes / kMaxTenantDocumentBytes;
  for (std::size_t i = 0; i < fit; ++i) {
    ASSERT_TRUE(Set(fmt::format("t{}", i), document).ok());
  }
  EXPECT_EQ(Set("last", document).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(Set("last", "").ok());
}

TEST_F(TenantChangeTest, AddsAndRevokesKeys) {
  ASSERT_TRUE(Set("acme", "").ok());
  ASSERT_TRUE(AddKey(HashOfKey(0xab), "acme").ok());
  EXPECT_EQ(AddKey(HashOfKey(0xab), "acme").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(AddKey(HashOfKey(0xcd), "globex").code(), StatusCode::kNotFound);
  ASSERT_TRUE(Apply(WithKeyRevoked(state_, KeyIdOf(HashOfKey(0xab)), false)).ok());
  EXPECT_TRUE(state_.tenants.keys.at(HashOfKey(0xab)).revoked);
  EXPECT_EQ(state_.note, "key ab0000000000 of acme revoked");
  ASSERT_TRUE(Apply(WithKeyRevoked(state_, "ab00", true)).ok());
  EXPECT_TRUE(state_.tenants.keys.empty());
}

TEST_F(TenantChangeTest, RevokesOnlyAKeyThatIsNamedWithoutDoubt) {
  ASSERT_TRUE(Set("acme", "").ok());
  ASSERT_TRUE(AddKey(HashOfKey(0xab, 1), "acme").ok());
  ASSERT_TRUE(AddKey(HashOfKey(0xab, 2), "acme").ok());
  const auto code = [&](std::string_view id) {
    return WithKeyRevoked(state_, id, false).status().code();
  };
  EXPECT_EQ(code("ab000000"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("ab"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(""), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("AB000000"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("cd000000"), StatusCode::kNotFound);
  EXPECT_EQ(code(HexOf(HashOfKey(0xab, 2))), StatusCode::kOk);
  EXPECT_EQ(code(HexOf(HashOfKey(0xab, 2)) + "0"), StatusCode::kNotFound);
}

TEST_F(TenantChangeTest, ATenantTakesItsKeysAlong) {
  ASSERT_TRUE(Set("acme", "").ok());
  ASSERT_TRUE(Set("globex", "").ok());
  ASSERT_TRUE(AddKey(HashOfKey(1), "acme").ok());
  ASSERT_TRUE(AddKey(HashOfKey(2), "globex").ok());
  ASSERT_TRUE(Apply(WithTenantRemoved(state_, "acme", std::nullopt)).ok());
  EXPECT_EQ(state_.tenants.keys.size(), 1);
  EXPECT_TRUE(state_.tenants.keys.contains(HashOfKey(2)));
}

TEST_F(TenantChangeTest, RefusesKeysThatCannotBe) {
  ASSERT_TRUE(Set("acme", "").ok());
  const auto message = [&](const WriteKeyRecord& key) {
    return std::string(Message(WithKeyAdded(state_, HashOfKey(1), key).status()));
  };
  EXPECT_THAT(message({.tenant = "acme", .label = std::string(65, 'x')}), HasSubstr("label"));
  EXPECT_THAT(message({.tenant = "acme", .label = "a\nb"}), HasSubstr("label"));
  EXPECT_THAT(message({.tenant = "acme", .origins = {"shop.example"}}), HasSubstr("origin"));
  EXPECT_THAT(message({.tenant = "acme", .origins = {"https://shop.example/"}}),
              HasSubstr("origin"));
  EXPECT_THAT(message({.tenant = "acme", .requests_per_second = kMaxKeyRate + 1}),
              HasSubstr("requests"));
}

TEST_F(TenantChangeTest, AStateWithAKeyOfNobodyIsNotValid) {
  ASSERT_TRUE(Set("acme", "").ok());
  ClusterState bad = state_;
  bad.tenants.keys[HashOfKey(1)] = {.tenant = "globex"};
  EXPECT_THAT(std::string(Message(Validate(bad))), HasSubstr("no tenant"));
  bad = state_;
  bad.tenants.tenants["acme"].changed = StateVersion(99);
  EXPECT_FALSE(Validate(bad).ok());
  bad = state_;
  bad.tenants.changed = StateVersion(99);
  EXPECT_FALSE(Validate(bad).ok());
}

TEST_F(TenantChangeTest, AStepThatHidesItsChangeOfTenantsIsRefused) {
  ASSERT_TRUE(Set("acme", "").ok());
  ClusterState next = NextVersionOf(state_, "sly");
  next.tenants.tenants["acme"].text = "type = 'x'";
  EXPECT_THAT(std::string(Message(ValidateStep(state_, next))), HasSubstr("tenants"));
}

TEST_F(TenantChangeTest, OtherChangesLeaveTenantsAsTheyAre) {
  ASSERT_TRUE(Set("acme", "type = 'a'").ok());
  ASSERT_TRUE(AddKey(HashOfKey(1), "acme").ok());
  const TenantSection before = state_.tenants;
  ASSERT_TRUE(Apply(WithPaused(state_, true)).ok());
  EXPECT_EQ(state_.tenants, before);
  const auto recovered = ForceRecover(state_, {TestNode(10)}, TestUuid(5));
  ASSERT_TRUE(recovered.ok());
  EXPECT_EQ(recovered->state.tenants, before);
}

TEST(TenantSectionTest, RefusesBytesThatAreNotOfOne) {
  TenantSection section;
  section.changed = StateVersion(3);
  section.tenants["acme"] = {.text = "type = 'a'", .changed = StateVersion(2)};
  section.keys[HashOfKey(1)] = {.tenant = "acme",
                                .label = "web",
                                .origins = {"https://a.example", "https://b.example"},
                                .requests_per_second = 7,
                                .created = 1,
                                .expires = 2,
                                .revoked = true};
  const Bytes bytes = EncodeTenantSection(section);
  ASSERT_EQ(*DecodeTenantSection(bytes), section);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeTenantSection(ByteSpan(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeTenantSection(bytes + Bytes(1, '\0')).ok());
  // Twice the same tenant; more than there can be.
  EXPECT_FALSE(DecodeTenantSection(Bytes("\2\2\1a\1\0\1a\1\0\0", 11)).ok());
  EXPECT_FALSE(DecodeTenantSection(Bytes("\2\xff\xff\xff\x7f", 5)).ok());
}

}  // namespace
}  // namespace carillon
