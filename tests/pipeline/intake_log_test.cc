#include "collector/pipeline/intake_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

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
    intake_ = std::make_unique<IntakeLog>(*std::move(log), [this](std::vector<KeptRequest> kept) {
      for (KeptRequest& request : kept) kept_.push_back(std::move(request));
    });
  }
  void Keep(const std::string& value, std::size_t events = 1) {
    intake_->Keep(value, events,
                  [this](const Status& status) { answers_.push_back(status.code()); });
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
