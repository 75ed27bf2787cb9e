#include "collector/pipeline/outbox_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_clock.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class OutboxLogTest : public ::testing::Test {
 protected:
  OutboxLogTest() {
    QuietLog();
    EXPECT_TRUE(Open().ok());
    EXPECT_TRUE(files_.SyncDirectory("/spool").ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
  }

  Status Open(std::uint64_t first_request = 1) {
    outbox_.reset();
    recovery_ = {};
    SpoolLogOptions options{.files = &files_,
                            .directory = "/spool/outbox",
                            .clock = &clock_,
                            .seed = ++seed_,
                            .segment_bytes = 16 * 1024,
                            .allocate_bytes = 4096};
    auto opened = OutboxLog::Open(options, first_request, &recovery_);
    if (opened.ok()) outbox_ = *std::move(opened);
    return opened.status();
  }
  // A chunk that holds the one event of `request`.
  OutboxId Append(std::uint64_t request, std::size_t bytes = 100) {
    NewChunk chunk;
    chunk.value = SharedBytes(Bytes(bytes, static_cast<char>('a' + request % 26)));
    chunk.chunk.tenant = "acme";
    chunk.chunk.bucket = "events";
    chunk.chunk.info = {.key = {.epoch = Epoch(1'700'000'000),
                                .dc = "1",
                                .cell = "cell0",
                                .type = "WEB",
                                .number = request},
                        .events = 1,
                        .value_bytes = static_cast<std::uint32_t>(bytes),
                        .value_crc = Crc32c(chunk.value.view())};
    chunk.covered = {{request, 0}};
    const auto waiting = outbox_->Append(std::vector<NewChunk>{chunk});
    EXPECT_TRUE(waiting.ok());
    return (*waiting)[0].id;
  }
  std::vector<std::uint64_t> RecoveredNumbers() const {
    std::vector<std::uint64_t> numbers;
    for (const WaitingChunk& waiting : recovery_.waiting) {
      numbers.push_back(waiting.chunk->info.key.number);
    }
    return numbers;
  }
  std::size_t Segments() const {
    std::size_t count = 0;
    for (const std::string& path : files_.Files()) count += path.ends_with(".seg") ? 1 : 0;
    return count;
  }

  SimulatedFileSystem files_;
  SimulatedClock clock_{1'700'000'000};
  std::uint64_t seed_ = 0;
  OutboxRecovery recovery_;
  std::unique_ptr<OutboxLog> outbox_;
};

TEST_F(OutboxLogTest, SaysWhatWaitsAndWhatIsCovered) {
  const OutboxId one = Append(1);
  Append(2);
  Append(7);
  outbox_->Done(one);
  EXPECT_EQ(outbox_->waiting(), 2u);
  ASSERT_TRUE(outbox_->Flush().ok());
  ASSERT_TRUE(Open(2).ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(2, 7));
  EXPECT_THAT(recovery_.covered, ElementsAre(CoveredEvent{2, 0}, CoveredEvent{7, 0}));
  EXPECT_EQ(recovery_.next_request, 8u);
  EXPECT_EQ(outbox_->ReadValue(recovery_.waiting[0].id)->view(), Bytes(100, 'c'));
}

TEST_F(OutboxLogTest, AChunkWhoseMarkWasNotWrittenWaitsAgain) {
  outbox_->Done(Append(1));
  EXPECT_TRUE(outbox_->needs_flush());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(1));
}

TEST_F(OutboxLogTest, MarksAreWrittenWithTheNextChunk) {
  outbox_->Done(Append(1));
  Append(2);
  EXPECT_FALSE(outbox_->needs_flush());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(2));
}

TEST_F(OutboxLogTest, ARenumberedChunkTakesThePlaceOfTheOld) {
  const OutboxId id = Append(1);
  const auto renumbered = outbox_->Renumber(id, 99);
  ASSERT_TRUE(renumbered.ok());
  EXPECT_EQ(renumbered->id, id);
  EXPECT_EQ(renumbered->chunk->info.key.number, 99u);
  EXPECT_EQ(outbox_->ReadValue(id)->view(), Bytes(100, 'b'));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(99));
  EXPECT_THAT(recovery_.covered, ElementsAre(CoveredEvent{1, 0}));
}

TEST_F(OutboxLogTest, ASegmentGoesWhenAllIsDoneAndTheIntakeHasNothingOfIt) {
  std::vector<OutboxId> ids;
  for (std::uint64_t request = 1; request <= 12; ++request) ids.push_back(Append(request, 4000));
  const std::size_t all = Segments();
  ASSERT_GE(all, 4u);
  for (const OutboxId id : ids) outbox_->Done(id);
  ASSERT_TRUE(outbox_->Trim(1, false).ok());
  EXPECT_EQ(Segments(), all);  // the intake has request 1 yet
  ASSERT_TRUE(outbox_->Trim(13, false).ok());
  EXPECT_EQ(Segments(), 1u);
  ASSERT_TRUE(outbox_->Trim(13, true).ok());
  EXPECT_EQ(Segments(), 0u);
  EXPECT_EQ(outbox_->bytes(), 0u);
}

TEST_F(OutboxLogTest, ASegmentWithAChunkThatWaitsStays) {
  std::vector<OutboxId> ids;
  for (std::uint64_t request = 1; request <= 6; ++request) ids.push_back(Append(request, 4000));
  const std::size_t all = Segments();
  for (std::size_t i = 1; i < ids.size(); ++i) outbox_->Done(ids[i]);
  ASSERT_TRUE(outbox_->Trim(7, false).ok());
  EXPECT_EQ(Segments(), all);
}

// One tenant's chunk cannot be sent; those of the others come and go.
TEST_F(OutboxLogTest, OneChunkThatWaitsForLongDoesNotKeepAllThatCameAfter) {
  const OutboxId stuck = Append(1, 4000);
  std::uint64_t most = 0;
  for (std::uint64_t request = 2; request < 200; ++request) {
    outbox_->Done(Append(request, 4000));
    ASSERT_TRUE(outbox_->Trim(request, false).ok());
    most = std::max(most, outbox_->bytes());
  }
  EXPECT_LT(most, 6 * 16 * 1024u);
  EXPECT_EQ(outbox_->ReadValue(stuck)->view(), Bytes(4000, 'b'));
  ASSERT_TRUE(outbox_->Flush().ok());
  ASSERT_TRUE(Open(199).ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(1));
}

TEST_F(OutboxLogTest, AMarkNamesOnlyWhatCameBeforeIt) {
  const OutboxId id = Append(1);
  outbox_->Done(OutboxId(id.value() + 2));  // nobody's
  outbox_->Done(id);
  outbox_->Done(id);
  EXPECT_EQ(outbox_->waiting(), 0u);
  Append(2);
  Append(3);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(2, 3));
}

TEST_F(OutboxLogTest, NothingHasChangedWhenItCannotBeWritten) {
  const OutboxId one = Append(1);
  outbox_->Done(one);
  files_.FailCalls(DiskCall::kWrite, 1);
  NewChunk chunk;
  chunk.chunk.info.key = {.epoch = Epoch(1), .dc = "1", .cell = "c", .type = "T"};
  chunk.covered = {{2, 0}};
  EXPECT_FALSE(outbox_->Append(std::vector<NewChunk>{chunk}).ok());
  EXPECT_TRUE(outbox_->needs_flush());
  EXPECT_EQ(outbox_->waiting(), 0u);
  Append(3);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(3));
}

TEST_F(OutboxLogTest, CountsDamageAndGoesOn) {
  Append(1);
  Append(2);
  const std::string path = "/spool/outbox/segments/0000000000000001.seg";
  files_.FlipBit(path, 8 * (kSegmentHeaderBytes + 48 + 100));
  ASSERT_TRUE(Open().ok());
  EXPECT_GT(outbox_->damaged(), 0u);
  EXPECT_THAT(RecoveredNumbers(), ElementsAre(2));
}

}  // namespace
}  // namespace carillon
