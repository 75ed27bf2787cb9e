#include "base/claim.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace carillon {
namespace {

TEST(ClaimTest, KeepsIdsThroughTheirBytes) {
  const std::vector<ClaimId> ids = {ClaimId(Uuid{{1, 2, 3}}), ClaimId(), ClaimId(Uuid{{255}})};
  const Bytes bytes = EncodeClaimIds(ids);
  EXPECT_EQ(bytes.size(), 3 * kClaimIdBytes);
  EXPECT_EQ(bytes.substr(0, 4), std::string("\1\2\3\0", 4));
  EXPECT_EQ(*DecodeClaimIds(bytes), ids);
  EXPECT_EQ(DecodeClaimIds("")->size(), 0u);
}

TEST(ClaimTest, RefusesBytesThatAreNoIds) {
  EXPECT_EQ(DecodeClaimIds(std::string(17, 'x')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(DecodeClaimIds(std::string(kMaxClaims * kClaimIdBytes, 'x')).ok());
  EXPECT_EQ(DecodeClaimIds(std::string((kMaxClaims + 1) * kClaimIdBytes, 'x')).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(ClaimTest, LiesWhereItsBucketAndItsBytesAreHashedTo) {
  const ClaimId id(
      Uuid{{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p'}});
  EXPECT_EQ(ClaimPosition("claims", id), HashOfKey("claims", "abcdefghijklmnop") >> 48);
}

TEST(ClaimTest, ChecksAnOrder) {
  ClaimOrder order{.bucket = "claims", .owner = ClaimOwner(Uuid{{1}}), .ids = {ClaimId()}};
  EXPECT_TRUE(Validate(order).ok());
  order.bucket = "no/bucket";
  EXPECT_EQ(Validate(order).code(), StatusCode::kInvalidArgument);
  order.bucket = "claims";
  order.owner = ClaimOwner();
  EXPECT_EQ(Validate(order).code(), StatusCode::kInvalidArgument);
  order.owner = ClaimOwner(Uuid{{1}});
  order.ids.clear();
  EXPECT_EQ(Validate(order).code(), StatusCode::kInvalidArgument);
  order.ids.resize(kMaxClaims + 1);
  EXPECT_EQ(Validate(order).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carillon
