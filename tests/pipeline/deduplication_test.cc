// What becomes of events whose ids are claimed, between Keep and the store.
#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class DeduplicationTest : public PipelineTest {
 protected:
  static auto Once(const std::string& id) { return Pair(EventOfId(id), 1); }
  ClaimCounts counts() const { return pipeline->stats().deduplicated.all; }
  std::uint64_t unchecked(Unchecked reason) const {
    return counts().unchecked[static_cast<std::size_t>(reason)];
  }
  // Until all are through; time passes when it is needed.
  void Drain() {
    for (int i = 0; i < 2000; ++i) {
      if (pipeline->Drain(5ms).ok()) return;
      clock.Advance(1);
    }
    FAIL() << "never";
  }
  // Until so many events have theirs.
  void WaitForVerdicts(std::uint64_t events) {
    while (counts().checked < events) std::this_thread::yield();
  }
};

TEST_F(DeduplicationTest, StoresAnEventThatComesTwiceOnce) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a", "b"}).ok());
  WaitForVerdicts(2);
  EXPECT_TRUE(KeepIds({"b", "c"}).ok());
  Drain();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Once("a"), Once("b"), Once("c")));
  EXPECT_EQ(counts(), (ClaimCounts{.checked = 4, .duplicates = 1}));
  EXPECT_EQ(pipeline->stats().deduplicated.tenants.at("acme").duplicates, 1u);
}

TEST_F(DeduplicationTest, StoresAnEventThatComesTwiceInOneRequestOnce) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a", "a", "b", "a"}).ok());
  Drain();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Once("a"), Once("b")));
}

TEST_F(DeduplicationTest, StoresAnEventThatComesToTwoCollectorsOnce) {
  ASSERT_TRUE(Open().ok());
  SimulatedFileSystem other_files;
  PipelineOptions other = options();
  other.files = &other_files;
  auto second = Pipeline::Open(other);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(KeepIds({"a", "b"}).ok());
  WaitForVerdicts(2);
  std::swap(pipeline, *second);
  EXPECT_TRUE(KeepIds({"b", "c"}).ok());
  Drain();
  std::swap(pipeline, *second);
  Drain();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Once("a"), Once("b"), Once("c")));
}

TEST_F(DeduplicationTest, TenantsHaveIdsOfTheirOwn) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a"}, "acme").ok());
  WaitForVerdicts(1);
  EXPECT_TRUE(KeepIds({"a"}, "other").ok());
  Drain();
  EXPECT_THAT(client.Events(), ElementsAre(Pair(EventOfId("a"), 2)));
}

TEST_F(DeduplicationTest, WithoutALifetimeAllIsStoredAndNothingIsClaimed) {
  client.BeforeClaim([](const ClaimOrder&) -> Status {
    ADD_FAILURE();
    return OkStatus();
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a", "a"}, "acme", kNow, 0).ok());
  Drain();
  EXPECT_THAT(client.Events(), ElementsAre(Pair(EventOfId("a"), 2)));
  EXPECT_EQ(counts(), ClaimCounts());
}

TEST_F(DeduplicationTest, TheClaimsOfACrashedProcessAreItsOwnAfterTheRestart) {
  client.BeforePut([](const std::string&, const ChunkKey&) { return Unavailable("away"); });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a", "b"}).ok());
  WaitForVerdicts(2);
  pipeline.reset();
  client.BeforePut(nullptr);
  ASSERT_TRUE(Open().ok());
  Drain();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Once("a"), Once("b")));
  EXPECT_EQ(counts(), (ClaimCounts{.checked = 2}));
}

TEST_F(DeduplicationTest, WhatIsDroppedStaysDroppedAfterARestartAlsoWithoutClaims) {
  client.BeforePut([](const std::string&, const ChunkKey&) { return Unavailable("away"); });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a"}).ok());
  WaitForVerdicts(1);
  EXPECT_TRUE(KeepIds({"a"}).ok());
  EXPECT_THAT(pipeline->Drain(20ms), HasCode(StatusCode::kDeadlineExceeded));
  pipeline.reset();
  client.BeforePut(nullptr);
  client.ForgetClaims();
  ASSERT_TRUE(Open().ok());
  Drain();
  EXPECT_THAT(client.Events(), ElementsAre(Once("a")));
}

TEST_F(DeduplicationTest, DroppedEventsDoNotKeepTheSpool) {
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(KeepIds({std::string(4000, 'x')}).ok());
  Drain();
  EXPECT_EQ(pipeline->stats().intake_bytes, 0u);
  EXPECT_EQ(pipeline->stats().outbox_bytes, 0u);
  EXPECT_EQ(pipeline->stats().waiting_bytes, 0u);
  EXPECT_EQ(counts().duplicates, 49u);
}

TEST_F(DeduplicationTest, WithoutTheRingEventsGoOnUncheckedAfterTheDeadline) {
  client.BeforeClaim([](const ClaimOrder&) { return Unavailable("away"); });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a", "b"}).ok());
  Drain();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Once("a"), Once("b")));
  EXPECT_EQ(unchecked(Unchecked::kLate), 2u);
}

TEST_F(DeduplicationTest, WhatTheRingCannotDecideGoesOnUnchecked) {
  ASSERT_TRUE(Open().ok());
  client.UndecidedClaims(true);
  EXPECT_TRUE(KeepIds({"a", "b"}).ok());
  Drain();
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Once("a"), Once("b")));
  EXPECT_EQ(counts().AllUnchecked(), 2u);
}

TEST_F(DeduplicationTest, ARequestIsAnsweredBeforeItsIdsAreClaimed) {
  std::promise<void> answered;
  std::shared_future<void> is_answered = answered.get_future().share();
  client.BeforeClaim([is_answered](const ClaimOrder&) {
    is_answered.wait();
    return OkStatus();
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a"}).ok());
  answered.set_value();
  Drain();
  EXPECT_THAT(client.Events(), ElementsAre(Once("a")));
}

TEST_F(DeduplicationTest, ClaimsThatAreStuckDoNotHoldUpThoseWithoutIds) {
  client.BeforeClaim([](const ClaimOrder&) { return Unavailable("away"); });
  PipelineOptions with = options();
  with.claims.deadline = 100'000h;  // the clock races
  ASSERT_TRUE(OpenWith(with).ok());
  EXPECT_TRUE(KeepIds({"a"}).ok());
  EXPECT_TRUE(Keep("other", {Event(1)}).ok());
  while (pipeline->stats().events_committed == 0) {
    clock.Advance(1);
    std::this_thread::yield();
  }
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(1), 1)));
  client.BeforeClaim(nullptr);
  Drain();
}

TEST_F(DeduplicationTest, MakesTheBucketOfALifetimeWhenItIsNotThere) {
  client.BeforeClaim([](const ClaimOrder& order) { return NotFound("{}", order.bucket); });
  PipelineOptions with = options();
  with.claims.deadline = 1h;
  ASSERT_TRUE(OpenWith(with).ok());
  EXPECT_TRUE(KeepIds({"a"}, "acme", kNow, 129'600).ok());
  while (client.made().empty()) std::this_thread::yield();
  EXPECT_EQ(client.made().at("claims-129600s").ttl_seconds, 129'600u);
  client.BeforeClaim(nullptr);
  Drain();
  EXPECT_EQ(counts(), (ClaimCounts{.checked = 1}));
}

TEST_F(DeduplicationTest, AClaimIsForTheBucketOfItsLifetime) {
  std::mutex mutex;
  std::vector<std::string> buckets;
  client.BeforeClaim([&](const ClaimOrder& order) {
    const std::lock_guard lock(mutex);
    buckets.push_back(order.bucket);
    return OkStatus();
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a"}, "acme", kNow, 60).ok());
  WaitForVerdicts(1);
  EXPECT_TRUE(KeepIds({"a"}, "acme", kNow, 7200).ok());
  Drain();
  EXPECT_THAT(buckets, ElementsAre("claims-60s", "claims-7200s"));
}

// A change of the configuration between the two lives must not let two copies each drop the other.
TEST_F(DeduplicationTest, ARequestKeepsItsLifetimeOverARestart) {
  std::mutex mutex;
  std::vector<ClaimOrder> orders;
  client.BeforeClaim([&](const ClaimOrder& order) {
    const std::lock_guard lock(mutex);
    orders.push_back(order);
    return OkStatus();
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(KeepIds({"a"}, "acme", kNow, 60).ok());
  WaitForVerdicts(1);
  pipeline.reset();
  ASSERT_TRUE(Open().ok());
  Drain();
  ASSERT_EQ(orders.size(), 2u);
  EXPECT_EQ(orders[0].bucket, orders[1].bucket);
  EXPECT_EQ(orders[0].owner, orders[1].owner);
  EXPECT_EQ(orders[0].ids, orders[1].ids);
}

}  // namespace
}  // namespace carillon
