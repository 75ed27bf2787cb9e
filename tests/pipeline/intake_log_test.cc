#include "collector/pipeline/intake_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>
#include <thread>

#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_clock.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Counts on the log's thread, looked at after Stop.
class IntakeLogTest : public ::testing::Test {
 protected:
  IntakeLogTest() {
    QuietLog();
    Open();
  }
  ~IntakeLogTest() override { intake_.reset(); }

  void Open() {
    intake_.reset();
    SpoolLogOptions options{.files = &files_,
                            .directory = "/spool/intake",
                            .clock = &clock_,
                            .seed = ++seed_,
                            .segment_bytes = 16 * 1024,
                            .allocate_bytes = 4096};
    found_.clear();
    auto log = SpoolLog::Open(options, [&](SpoolItem item) {
      found_.push_back(item.place.number);
      return OkStatus();
    });
    ASSERT_TRUE(log.ok());
    intake_ = std::make_unique<IntakeLog>(
        *std::move(log),
        [this](std::vector<KeptRequest> kept) {
          for (KeptRequest& request : kept) kept_.push_back(std::move(request));
        },
        [this](ClaimOwner owner) {
          for (std::size_t i = 0; i < kept_.size(); ++i) {
            if (kept_[i].claims && kept_[i].claims->owner == owner) ended_with_[owner] = i;
          }
        },
        limits_);
  }
  // A request with so many events that claim ids.
  void KeepClaims(std::size_t events) {
    IntakeRequest request{.tenant = "acme", .deduplicate_seconds = 3600};
    const std::vector<std::string> ids = [&] {
      std::vector<std::string> made;
      for (std::size_t i = 0; i < events; ++i) made.push_back(fmt::format("id-{}", ++id_));
      return made;
    }();
    for (const std::string& id : ids) {
      request.events.push_back({.bucket = "events", .type = "WEB", .id = id, .json = "{}"});
    }
    intake_->Keep(
        EncodeRequest(request), events, ClaimsOf(request),
        [this](const Status& status, std::uint64_t) { answers_.push_back(status.code()); });
  }
  void Keep(const std::string& value, std::size_t events = 1) {
    intake_->Keep(value, events, nullptr, [this](const Status& status, std::uint64_t) {
      answers_.push_back(status.code());
    });
  }
  std::vector<CoveredEvent> EventsOf(std::size_t first, std::size_t limit) const {
    std::vector<CoveredEvent> events;
    for (std::size_t i = first; i < limit; ++i) events.push_back({kept_[i].number, 0});
    return events;
  }

  SimulatedFileSystem files_;
  SimulatedClock clock_{1'700'000'000};
  std::uint64_t seed_ = 0;
  std::vector<std::uint64_t> found_;
  std::vector<KeptRequest> kept_;
  std::vector<StatusCode> answers_;
  ClaimGroupLimits limits_{.window = std::chrono::hours(1), .ids = 10};
  std::map<ClaimOwner, std::size_t> ended_with_;  // the last of its requests, as in kept_
  int id_ = 0;
  std::unique_ptr<IntakeLog> intake_;
};

TEST_F(IntakeLogTest, OneSyncForAllThatWait) {
  for (int i = 0; i < 100; ++i) Keep("value");
  const std::uint64_t before = files_.calls(DiskCall::kSync);
  intake_->Start();
  intake_->Stop();
  EXPECT_THAT(answers_, SizeIs(100));
  EXPECT_THAT(answers_, Each(StatusCode::kOk));
  EXPECT_EQ(files_.calls(DiskCall::kSync) - before, 2u);  // of the new segment, and of the batch
}

TEST_F(IntakeLogTest, RequestsOfABatchThatClaimIdsHaveOneOwner) {
  Keep("value");
  KeepClaims(1);
  KeepClaims(2);
  intake_->Start();
  intake_->Stop();
  ASSERT_THAT(kept_, SizeIs(3));
  EXPECT_EQ(kept_[0].claims, nullptr);
  const ClaimOwner owner = kept_[1].claims->owner;
  EXPECT_NE(owner, ClaimOwner());
  EXPECT_EQ(kept_[2].claims->owner, owner);
  for (const std::size_t i : {1, 2}) EXPECT_EQ(RequestOwner(kept_[i].value.view()), owner);
}

TEST_F(IntakeLogTest, AGroupEndsOnceAndAfterAllOfItsRequests) {
  intake_->Start();
  for (int i = 0; i < 100; ++i) KeepClaims(1);
  intake_->Stop();
  ASSERT_THAT(kept_, SizeIs(100));
  std::set<ClaimOwner> owners;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const ClaimOwner owner = kept_[i].claims->owner;
    owners.insert(owner);
    ASSERT_TRUE(ended_with_.contains(owner)) << i;
    EXPECT_LE(i, ended_with_.at(owner));
    if (i > 0 && owner != kept_[i - 1].claims->owner) {
      EXPECT_EQ(ended_with_.at(kept_[i - 1].claims->owner), i - 1);
    }
  }
  EXPECT_EQ(ended_with_.size(), owners.size());
}

TEST_F(IntakeLogTest, AFullGroupIsFollowedByAnother) {
  KeepClaims(10);
  intake_->Start();
  while (intake_->bytes() == 0) std::this_thread::yield();
  KeepClaims(1);
  intake_->Stop();
  ASSERT_THAT(kept_, SizeIs(2));
  EXPECT_NE(kept_[0].claims->owner, kept_[1].claims->owner);
}

TEST_F(IntakeLogTest, DeliversInTheOrderOfNumbers) {
  for (int i = 0; i < 10; ++i) Keep(fmt::format("value-{}", i), 3);
  intake_->Start();
  intake_->Stop();
  ASSERT_THAT(kept_, SizeIs(10));
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(kept_[i].value.view(), fmt::format("value-{}", i));
    EXPECT_EQ(kept_[i].events, 3u);
    EXPECT_TRUE(i == 0 || kept_[i].number > kept_[i - 1].number);
  }
}

TEST_F(IntakeLogTest, TakesNothingAfterStop) {
  intake_->Start();
  intake_->Stop();
  Keep("late");
  EXPECT_THAT(answers_, ElementsAre(StatusCode::kUnavailable));
  EXPECT_THAT(kept_, IsEmpty());
}

TEST_F(IntakeLogTest, TellsTheWholeBatchThatThereIsNoSpace) {
  for (int i = 0; i < 3; ++i) Keep("value");
  files_.FailCalls(DiskCall::kCreate, 1, StatusCode::kResourceExhausted);
  intake_->Start();
  intake_->Stop();
  EXPECT_THAT(answers_, ElementsAre(StatusCode::kResourceExhausted, StatusCode::kResourceExhausted,
                                    StatusCode::kResourceExhausted));
  EXPECT_TRUE(intake_->failure().ok());
}

TEST_F(IntakeLogTest, SaysUnavailableForEverAfterAFailedSync) {
  Keep("value");
  files_.FailCalls(DiskCall::kSync, 2);
  intake_->Start();
  intake_->Stop();
  EXPECT_THAT(answers_, ElementsAre(StatusCode::kUnavailable));
  EXPECT_EQ(intake_->failure().code(), StatusCode::kUnavailable);
}

TEST_F(IntakeLogTest, TrimsWhatIsCoveredAndNothingElse) {
  for (int i = 0; i < 6; ++i) {  // a batch a segment
    Keep(std::string(20'000, 'x'));
    intake_->Start();
    intake_->Stop();
    if (i == 5) break;
    std::vector<KeptRequest> kept = std::move(kept_);
    Open();
    kept_ = std::move(kept);
  }
  // The five of before are held until they have been read.
  intake_->Recover(kept_[3].number, 1);
  intake_->TrimStopped();
  EXPECT_EQ(intake_->first_number(), kept_[0].number);
  intake_->FinishRecovery();
  intake_->TrimStopped();
  EXPECT_EQ(intake_->first_number(), kept_[3].number);
  intake_->Cover(EventsOf(3, 4));
  intake_->TrimStopped();
  EXPECT_EQ(intake_->first_number(), kept_[5].number);
  intake_->Cover(EventsOf(5, 6));
  intake_->TrimStopped();
  EXPECT_GT(intake_->first_number(), kept_[5].number);
  EXPECT_EQ(intake_->bytes(), 0u);
  Open();
  EXPECT_THAT(found_, IsEmpty());
}

}  // namespace
}  // namespace carillon
