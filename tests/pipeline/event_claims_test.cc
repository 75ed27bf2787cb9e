#include "collector/pipeline/event_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::ElementsAre;

TEST(EventClaimsTest, AnIdIsOfItsTenant) {
  EXPECT_EQ(HashOfEventId("acme", "id"), HashOfEventId("acme", "id"));
  EXPECT_NE(HashOfEventId("acme", "id"), HashOfEventId("other", "id"));
  EXPECT_NE(HashOfEventId("a", "bc"), HashOfEventId("ab", "c"));
}

// Claims of one version are those of the next: this is what BLAKE2b says.
TEST(EventClaimsTest, TheHashStaysTheSame) {
  EXPECT_EQ(ToString(HashOfEventId("acme", "1").value()), "4547b54f-67af-ebfd-8a22-965e80f754ed");
}

TEST(EventClaimsTest, OneIdAnEventAndNilForThoseWithout) {
  IntakeRequest request{.tenant = "acme", .deduplicate_seconds = 60};
  request.events = {{.id = "x"}, {}, {.id = "y"}};
  const auto claims = ClaimsOf(request);
  ASSERT_NE(claims, nullptr);
  EXPECT_EQ(claims->tenant, "acme");
  EXPECT_EQ(claims->seconds, 60u);
  EXPECT_THAT(claims->ids,
              ElementsAre(HashOfEventId("acme", "x"), ClaimId(), HashOfEventId("acme", "y")));
}

TEST(EventClaimsTest, WithoutIdsOrALifetimeNothingIsClaimed) {
  IntakeRequest request{.tenant = "acme", .deduplicate_seconds = 60};
  request.events = {{}, {}};
  EXPECT_EQ(ClaimsOf(request), nullptr);
  request.events[0].id = "x";
  request.deduplicate_seconds = 0;
  EXPECT_EQ(ClaimsOf(request), nullptr);
}

TEST(EventClaimsTest, ABucketALifetime) {
  EXPECT_EQ(ClaimsBucket(129'600), "claims-129600s");
}

}  // namespace
}  // namespace carillon
