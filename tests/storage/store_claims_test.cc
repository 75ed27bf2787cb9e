// Claims in a store: the first owner of an id keeps it, through whatever happens to the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <tuple>

#include "storage/check.h"
#include "storage/index_key.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kTtl = 3600;
constexpr std::uint32_t kMoreBits = kTestPartitionBits + 2;

ClaimOwner Owner(std::uint8_t number) {
  return ClaimOwner(Uuid{{number}});
}
ClaimId Id(std::uint64_t number) {
  Uuid uuid;
  uuid.bytes[0] = 0xee;
  for (std::size_t i = 0; i < 8; ++i) {
    uuid.bytes[8 + i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return ClaimId(uuid);
}
std::vector<ClaimId> Ids(std::uint64_t first, std::uint64_t limit) {
  std::vector<ClaimId> ids;
  for (std::uint64_t n = first; n < limit; ++n) ids.push_back(Id(n));
  return ids;
}

class StoreClaimsTest : public StoreFixture {
 protected:
  StoreClaimsTest() { Open(); }
  static void SetUpTestSuite() { QuietLog(); }

  static ClaimsWrite Of(const ClaimOwner& owner, const std::vector<ClaimId>& ids,
                        ClaimMode mode = ClaimMode::kVote, std::uint64_t claimed_at = kTestNow) {
    ClaimsWrite write{.bucket = "claims", .mode = mode, .set = {.owner = owner}};
    write.set.claimed_at = claimed_at;
    write.set.expire_at = claimed_at + kTtl;
    for (const ClaimId& id : ids) {
      write.set.claims.push_back({.id = id, .ring_position = ClaimPosition("claims", id)});
    }
    return write;
  }
  static ClaimsWrite Decided(const ClaimOwner& owner, const std::vector<ClaimId>& ids,
                             std::uint64_t claimed_at = kTestNow) {
    ClaimsWrite write = Of(owner, ids, ClaimMode::kPull, claimed_at);
    write.set.decided = true;
    return write;
  }
  WriteOutcome Write(const ClaimsWrite& write) {
    std::vector<WriteRequest> requests(1);
    requests[0].claims = write;
    return store_->Write(0, requests).front();
  }
  // The places of the ids that others have.
  std::vector<std::uint32_t> OthersOf(const ClaimsWrite& write) {
    const WriteOutcome outcome = Write(write);
    EXPECT_TRUE(outcome.status.ok()) << ToString(outcome.status);
    std::vector<std::uint32_t> places;
    for (const OtherClaim& other : outcome.others) places.push_back(other.place);
    return places;
  }
  static std::vector<HourDigest> ListDigests(const Store& store, PartitionId partition) {
    auto digests = store.ListDigests(partition);
    EXPECT_TRUE(digests.ok()) << ToString(digests.status());
    return digests.ok() ? *std::move(digests) : std::vector<HourDigest>();
  }
  // What is here of an id now; nil: nobody that counts.
  ClaimOwner OwnerOf(const ClaimId& id) {
    const auto listed = ListAll();
    const auto found = listed.find(id);
    return found == listed.end() ? ClaimOwner() : found->second.owner;
  }
  std::map<ClaimId, StoredClaim> ListAll(std::size_t page_claims = 5) const {
    std::map<ClaimId, StoredClaim> all;
    for (std::uint32_t p = 0; p < 1u << store_->partition_bits(); ++p) {
      const PartitionId partition(static_cast<std::uint16_t>(p));
      for (const HourDigest& slot : ListDigests(*store_, partition)) {
        if (!IsClaimSlot(slot.hour)) continue;
        Bytes after;
        do {
          const auto page =
              store_->ListClaims(partition, slot.bucket, slot.hour, after, page_claims);
          EXPECT_TRUE(page.ok()) << ToString(page.status());
          if (!page.ok()) return all;
          for (const StoredClaim& claim : page->claims) {
            EXPECT_TRUE(all.emplace(claim.id, claim).second) << "listed twice";
            EXPECT_EQ(ClaimSlotOf(claim.claimed_at), slot.hour);
          }
          after = page->next;
        } while (!after.empty());
      }
    }
    return all;
  }
  using Digests = std::map<std::tuple<std::uint32_t, std::string, std::uint64_t>, Digest>;
  static Digests DigestsOf(const Store& store) {
    Digests digests;
    for (std::uint32_t p = 0; p < 1u << store.partition_bits(); ++p) {
      for (const HourDigest& one : ListDigests(store, PartitionId(static_cast<std::uint16_t>(p)))) {
        digests[{p, one.bucket, one.hour}] = one.digest;
      }
    }
    return digests;
  }
  void LoseIndex() {
    if (GetParam() == Ground::kMachine) {
      std::filesystem::remove_all(options_.directories[0] + "/index");
    } else {
      memory_.Lose(options_.directories[0] + "/index");
    }
  }
  // Everything that makes a difference in a log: votes, repeats, what was decided, contested,
  // expired and claimed anew.
  void Fill() {
    ASSERT_THAT(OthersOf(Of(Owner(1), Ids(0, 40))), IsEmpty());
    ASSERT_EQ(OthersOf(Of(Owner(2), Ids(30, 60))).size(), 10u);
    ASSERT_EQ(OthersOf(Of(Owner(3), Ids(55, 70), ClaimMode::kCopy)).size(), 5u);
    ASSERT_THAT(OthersOf(Decided(Owner(4), Ids(35, 45))), IsEmpty());
    ASSERT_THAT(OthersOf(Of(Owner(5), Ids(100, 120), ClaimMode::kVote, kTestNow - kTtl + 10)),
                IsEmpty());
    clock_.Advance(20);
    ASSERT_THAT(OthersOf(Of(Owner(6), Ids(110, 130), ClaimMode::kVote, kTestNow + 20)), IsEmpty());
  }
};
INSTANTIATE_TEST_SUITE_P(, StoreClaimsTest, testing::Values(Ground::kSimulated, Ground::kMachine),
                         GroundName);

TEST_P(StoreClaimsTest, KeepsTheFirstOwnerOfAnId) {
  EXPECT_THAT(OthersOf(Of(Owner(1), {Id(1), Id(2)})), IsEmpty());
  const WriteOutcome second = Write(Of(Owner(2), {Id(3), Id(2), Id(1), Id(4)}));
  ASSERT_TRUE(second.status.ok());
  const OtherClaim taken{
      .place = 1, .owner = Owner(1), .claimed_at = kTestNow, .expire_at = kTestNow + kTtl};
  OtherClaim also = taken;
  also.place = 2;
  EXPECT_THAT(second.others, ElementsAre(taken, also));
  EXPECT_THAT(OthersOf(Of(Owner(1), {Id(2), Id(3)})), ElementsAre(1));
  Reopen();
  EXPECT_THAT(OthersOf(Of(Owner(2), {Id(1), Id(2), Id(3), Id(4)})), ElementsAre(0, 1));
}

TEST_P(StoreClaimsTest, AnswersTheSameOwnerAgainAndWritesNothing) {
  ASSERT_THAT(OthersOf(Of(Owner(1), Ids(0, 10))), IsEmpty());
  const std::uint64_t bytes = store_->stats().appended_bytes;
  const WriteOutcome again = Write(Of(Owner(1), Ids(0, 10), ClaimMode::kVote, kTestNow + 5));
  EXPECT_TRUE(again.status.ok());
  EXPECT_TRUE(again.already_stored);
  EXPECT_THAT(again.others, IsEmpty());
  EXPECT_EQ(store_->stats().appended_bytes, bytes);
}

TEST_P(StoreClaimsTest, LetsOneOwnerWinWithinABatch) {
  std::vector<WriteRequest> requests(3);
  requests[0].claims = Of(Owner(1), Ids(0, 2));
  requests[1].claims = Of(Owner(2), Ids(1, 3));
  requests[2].claims = Of(Owner(1), Ids(0, 3));
  const auto outcomes = store_->Write(0, requests);
  EXPECT_THAT(outcomes[0].others, IsEmpty());
  ASSERT_EQ(outcomes[1].others.size(), 1u);
  EXPECT_EQ(outcomes[1].others[0].place, 0u);
  ASSERT_EQ(outcomes[2].others.size(), 1u);
  EXPECT_EQ(outcomes[2].others[0].owner, Owner(2));
}

TEST_P(StoreClaimsTest, GivesAnIdToTheNextOwnerWhenItHasExpired) {
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)})), IsEmpty());
  clock_.Advance(kTtl - 1);
  EXPECT_THAT(OthersOf(Of(Owner(2), {Id(1)}, ClaimMode::kVote, kTestNow + kTtl - 1)),
              ElementsAre(0));
  clock_.Advance(1);
  EXPECT_THAT(OthersOf(Of(Owner(2), {Id(1)}, ClaimMode::kVote, kTestNow + kTtl)), IsEmpty());
  EXPECT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kVote, kTestNow + kTtl)), ElementsAre(0));
  EXPECT_EQ(OwnerOf(Id(1)), Owner(2));
  EXPECT_EQ(ListAll().size(), 1u);
}

TEST_P(StoreClaimsTest, RefusesAVoteThatHasExpired) {
  EXPECT_EQ(Write(Of(Owner(1), {Id(1)}, ClaimMode::kVote, kTestNow - kTtl)).status.code(),
            StatusCode::kOutOfRange);
  EXPECT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kPull, kTestNow - kTtl)), ElementsAre(0));
  EXPECT_THAT(ListAll(), IsEmpty());
}

TEST_P(StoreClaimsTest, KeepsItsVoteWhenItPullsAnother) {
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)})), IsEmpty());
  EXPECT_THAT(OthersOf(Of(Owner(2), {Id(1), Id(2)}, ClaimMode::kPull)), ElementsAre(0));
  EXPECT_EQ(OwnerOf(Id(1)), Owner(1));
  EXPECT_EQ(OwnerOf(Id(2)), Owner(2));
}

TEST_P(StoreClaimsTest, VotesForNobodyWhenItCopiesTwoOwners) {
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kCopy)), IsEmpty());
  EXPECT_THAT(OthersOf(Of(Owner(2), {Id(1)}, ClaimMode::kCopy)), ElementsAre(0));
  EXPECT_EQ(ListAll().at(Id(1)).owner, ClaimOwner());
  Reopen();
  for (const std::uint8_t owner : {1, 2, 3}) {
    const WriteOutcome vote = Write(Of(Owner(owner), {Id(1)}));
    ASSERT_EQ(vote.others.size(), 1u);
    EXPECT_EQ(vote.others[0].owner, ClaimOwner());
  }
  EXPECT_THAT(OthersOf(Decided(Owner(2), {Id(1)})), IsEmpty());
  EXPECT_EQ(OwnerOf(Id(1)), Owner(2));
}

TEST_P(StoreClaimsTest, TakesWhatIsDecidedForItsVote) {
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)})), IsEmpty());
  EXPECT_THAT(OthersOf(Decided(Owner(2), {Id(1)})), IsEmpty());
  EXPECT_EQ(OwnerOf(Id(1)), Owner(2));
  // It stays, whoever is said to have been decided later, and however it is copied.
  EXPECT_THAT(OthersOf(Decided(Owner(3), {Id(1)})), ElementsAre(0));
  EXPECT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kCopy)), ElementsAre(0));
  EXPECT_EQ(OwnerOf(Id(1)), Owner(2));
  EXPECT_TRUE(ListAll().at(Id(1)).decided);
}

TEST_P(StoreClaimsTest, IsNotMisledByADecisionOfALifetimeThatIsOver) {
  // This node's clock is behind that of who claimed: the older lifetime is not over here.
  const std::uint64_t ahead = kTestNow + 60;
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kVote, ahead)), IsEmpty());
  const ClaimsWrite late = Decided(Owner(2), {Id(1)}, ahead - kTtl);
  EXPECT_THAT(OthersOf(late), ElementsAre(0));
  EXPECT_EQ(OwnerOf(Id(1)), Owner(1));
}

TEST_P(StoreClaimsTest, AgreesWithOthersOnTheEarlierTimeOfOneOwner) {
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kVote, kTestNow)), IsEmpty());
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kPull, kTestNow - 400)), IsEmpty());
  ASSERT_THAT(OthersOf(Of(Owner(1), {Id(1)}, ClaimMode::kPull, kTestNow + 400)), IsEmpty());
  EXPECT_EQ(ListAll().at(Id(1)).claimed_at, kTestNow - 400);
  EXPECT_EQ(ListAll().size(), 1u);
}

TEST_P(StoreClaimsTest, IsTheSameAfterARestartAndWithAnIndexMadeAnew) {
  Fill();
  const auto claims = ListAll();
  const Digests digests = DigestsOf(*store_);
  EXPECT_EQ(claims.at(Id(36)).owner, Owner(4));
  EXPECT_EQ(claims.at(Id(112)).owner, Owner(6));
  EXPECT_EQ(claims.at(Id(57)).owner, ClaimOwner());  // contested
  EXPECT_FALSE(claims.contains(Id(105)));            // expired
  Reopen();
  EXPECT_EQ(ListAll(), claims);
  EXPECT_EQ(DigestsOf(*store_), digests);
  store_.reset();
  LoseIndex();
  Open();
  EXPECT_EQ(ListAll(), claims);
  EXPECT_EQ(DigestsOf(*store_), digests);
  EXPECT_THAT(OthersOf(Of(Owner(9), {Id(57)})), ElementsAre(0));
}

TEST_P(StoreClaimsTest, HasTheSameClaimsUnderMorePartitions) {
  Fill();
  const auto claims = ListAll();
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  EXPECT_EQ(ListAll(), claims);
  const Digests split = DigestsOf(*store_);
  EXPECT_THAT(OthersOf(Of(Owner(9), {Id(0), Id(1), Id(2000)}, ClaimMode::kVote, kTestNow + 20)),
              ElementsAre(0, 1));
  options_.partition_bits = kMoreBits;
  ASSERT_THAT(OthersOf(Of(Owner(1), Ids(0, 3), ClaimMode::kVote, kTestNow + 20)), IsEmpty());
  store_.reset();
  LoseIndex();
  Open();
  Digests anew = DigestsOf(*store_);
  for (const auto& [place, digest] : split) {
    if (std::get<2>(place) == ClaimSlotOf(kTestNow + 20)) continue;  // one was added
    EXPECT_EQ(anew[place], digest) << std::get<0>(place) << " " << std::get<2>(place);
  }
}

TEST_P(StoreClaimsTest, ForgetsThoseOfADroppedPartitionAndNoOthers) {
  Fill();
  auto claims = ListAll();
  const PartitionId gone = PartitionAt(ClaimPosition("claims", Id(7)), kTestPartitionBits);
  EXPECT_TRUE(testing::Matches(testing::Contains(gone))(store_->HeldPartitions().value()));
  ASSERT_TRUE(store_->DropPartition(gone).ok());
  EXPECT_FALSE(testing::Matches(testing::Contains(gone))(store_->HeldPartitions().value()));
  std::erase_if(claims, [&](const auto& one) {
    return PartitionAt(ClaimPosition("claims", one.first), kTestPartitionBits) == gone;
  });
  EXPECT_EQ(ListAll(), claims);
  const ClaimsWrite back = Of(Owner(9), {Id(7)}, ClaimMode::kVote, kTestNow + 20);
  ASSERT_THAT(OthersOf(back), IsEmpty());
  claims[Id(7)] = {.id = Id(7),
                   .owner = Owner(9),
                   .claimed_at = back.set.claimed_at,
                   .expire_at = back.set.expire_at};
  store_.reset();
  LoseIndex();
  Open();
  EXPECT_EQ(ListAll(), claims);
}

TEST_P(StoreClaimsTest, GoWithTheirSegment) {
  Fill();
  ASSERT_THAT(DigestsOf(*store_), testing::Not(IsEmpty()));
  for (int minutes = 0; minutes < 180; ++minutes) {
    clock_.Advance(60);
    store_->Maintain(0);
  }
  EXPECT_THAT(DigestsOf(*store_), IsEmpty());
  EXPECT_THAT(store_->HeldPartitions().value(), IsEmpty());
  EXPECT_GT(store_->stats().segments_expired, 0u);
}

TEST_P(StoreClaimsTest, LivesInSegmentsOfItsOwnLifetime) {
  ASSERT_TRUE(Put(TestChunk(1, "an event")).status.ok());
  ASSERT_THAT(OthersOf(Of(Owner(1), Ids(0, 10))), IsEmpty());
  EXPECT_EQ(store_->stats().segments, 2u);
}

TEST_P(StoreClaimsTest, IsCountedByACheck) {
  Fill();
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  const auto report = CheckDirectory(options_.files, options_.indexes, options_.directories[0],
                                     [](std::uint64_t, std::uint64_t) {});
  ASSERT_TRUE(report.ok()) << ToString(report.status());
  EXPECT_TRUE(report->good());
  EXPECT_EQ(report->claims, 40u + 20u + 15u + 10u + 20u + 20u);
}

}  // namespace
}  // namespace carillon
