#include "collector/pipeline/spool_log.h"

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

class SpoolLogTest : public ::testing::Test {
 protected:
  SpoolLogTest() { QuietLog(); }

  SpoolLogOptions Options() {
    return {.files = &files_,
            .directory = "/spool/intake",
            .clock = &clock_,
            .seed = ++seed_,
            .segment_bytes = 16 * 1024,
            .allocate_bytes = 4096};
  }
  Status Open() {
    log_.reset();
    values_.clear();
    numbers_.clear();
    auto opened = SpoolLog::Open(Options(), [&](SpoolItem item) {
      values_.push_back(std::move(item.value));
      numbers_.push_back(item.place.number);
      return OkStatus();
    });
    if (opened.ok()) log_ = *std::move(opened);
    return opened.status();
  }
  StatusOr<SpoolPlace> Append(const std::string& value) {
    std::vector<SpoolAppend> records;
    records.push_back({SpoolKind::kRequest, Rope(Bytes(value))});
    auto places = log_->Append(records);
    if (!places.ok()) return places.status();
    return (*places)[0];
  }
  void Crash(CrashManner manner = CrashManner::kKeepNothing) {
    log_.reset();
    Random random(1);
    files_.Crash(manner, &random);
  }
  std::string PathOf(std::uint64_t id) const {
    return fmt::format("/spool/intake/segments/{:016x}.seg", id);
  }
  std::vector<std::string> SegmentFiles() const {
    std::vector<std::string> names;
    for (const std::string& path : files_.Files()) {
      if (path.starts_with("/spool/intake/segments/")) names.push_back(path);
    }
    return names;
  }

  SimulatedFileSystem files_;
  SimulatedClock clock_{1'700'000'000};
  std::uint64_t seed_ = 0;
  std::unique_ptr<SpoolLog> log_;
  std::vector<Bytes> values_;
  std::vector<std::uint64_t> numbers_;
};

TEST_F(SpoolLogTest, KeepsWhatWasAppendedThroughACrash) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(files_.SyncDirectory("/spool").ok());
  ASSERT_TRUE(files_.SyncDirectory("/").ok());
  const SpoolPlace one = *Append("one");
  const SpoolPlace two = *Append("two");
  EXPECT_LT(one.number, two.number);
  EXPECT_EQ(log_->Read(two.location)->view(), "two");
  Crash();
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one", "two"));
  EXPECT_THAT(numbers_, ElementsAre(one.number, two.number));
  EXPECT_GT(Append("three")->number, two.number);
  EXPECT_EQ(log_->Read(two.location)->view(), "two");
  EXPECT_EQ(log_->damaged(), 0u);
}

TEST_F(SpoolLogTest, SyncsWhatItIsAboutToBelieve) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  const std::uint64_t before = files_.calls(DiskCall::kSync);
  const auto log = SpoolLog::Open(Options(), [&](const SpoolItem&) {
    EXPECT_EQ(files_.calls(DiskCall::kSync), before + 1);
    return OkStatus();
  });
  EXPECT_TRUE(log.ok());
}

TEST_F(SpoolLogTest, GivesNoNumberBelowTheOneItWasTold) {
  ASSERT_TRUE(Open().ok());
  log_->SkipTo(1000);
  EXPECT_GE(Append("one")->number, 1000u);
  log_->SkipTo(10);
  EXPECT_GE(Append("two")->number, 1001u);
}

TEST_F(SpoolLogTest, RemovesTheOldestSegmentsForGood) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(files_.SyncDirectory("/spool").ok());
  ASSERT_TRUE(files_.SyncDirectory("/").ok());
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(Append(std::string(4000, 'a' + i)).ok());
  ASSERT_GE(log_->segments().size(), 3u);
  const std::uint64_t before = log_->bytes();
  const std::uint64_t kept = log_->segments()[2].first_number;
  EXPECT_TRUE(log_->IsActive(log_->segments().back().id));
  ASSERT_TRUE(log_->RemoveOldest(2).ok());
  EXPECT_LT(log_->bytes(), before);
  Crash();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(numbers_.front(), kept);
}

TEST_F(SpoolLogTest, CutsATornTailOff) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  const SpoolPlace two = *Append(std::string(3000, 'x'));
  files_.Overwrite(PathOf(1), two.location.offset + 1000, "torn");
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one"));
  EXPECT_EQ(log_->damaged(), 0u);
  EXPECT_EQ(files_.Content(PathOf(1)).size(), log_->segments()[0].bytes);
  ASSERT_TRUE(Append("three").ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one", "three"));
}

TEST_F(SpoolLogTest, WhatWasMarkedIsDamageWhenItIsBadAndNotATornTail) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  const SpoolPlace two = *Append(std::string(3000, 'x'));
  ASSERT_TRUE(log_->Mark().ok());
  files_.Overwrite(PathOf(1), two.location.offset + 1000, "rot");
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one"));
  EXPECT_EQ(log_->damaged(), 1u);
}

TEST_F(SpoolLogTest, StepsOverDamageAndSetsTheSegmentAsideWhenItGoes) {
  ASSERT_TRUE(Open().ok());
  const SpoolPlace one = *Append("one");
  ASSERT_TRUE(Append("two").ok());
  ASSERT_TRUE(Append("three").ok());
  files_.FlipBit(PathOf(1), 8 * (one.location.offset + 50));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("two", "three"));
  EXPECT_EQ(log_->damaged(), 1u);
  ASSERT_TRUE(log_->RemoveOldest(1).ok());
  EXPECT_THAT(SegmentFiles(), ElementsAre(PathOf(1) + ".damaged"));
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, IsEmpty());
}

TEST_F(SpoolLogTest, SetsASegmentWithABadHeaderAside) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  files_.FlipBit(PathOf(1), 100);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->damaged(), 1u);
  ASSERT_TRUE(Append("two").ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("two"));
}

TEST_F(SpoolLogTest, KeepsOnlySoManyDamagedFiles) {
  for (std::size_t i = 0; i < 2 * SpoolLog::kMaxDamagedFiles; ++i) {
    ASSERT_TRUE(Open().ok());
    ASSERT_TRUE(Append("one").ok());
    files_.FlipBit(PathOf(log_->segments().back().id.value()), 100);
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_LE(SegmentFiles().size(), SpoolLog::kMaxDamagedFiles + 1);
}

// Whatever a bit does: it starts, and what is not touched is there.
TEST_F(SpoolLogTest, StartsWhateverBitFlips) {
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append(fmt::format("value-{}", i)).ok());
  ASSERT_TRUE(log_->Mark().ok());
  const Bytes good = files_.Content(PathOf(1));
  for (std::uint64_t byte = 0; byte < good.size() && byte < 5000; byte += 13) {
    files_.Overwrite(PathOf(1), 0, good);
    files_.FlipBit(PathOf(1), 8 * byte + byte % 8);
    ASSERT_TRUE(Open().ok()) << byte;
    EXPECT_GE(values_.size() + (byte < kSegmentHeaderBytes ? 5 : 1), 5u) << byte;
    if (!files_.Exists(PathOf(1))) {
      ASSERT_TRUE(files_.Rename(PathOf(1) + ".damaged", PathOf(1)).ok());
    }
  }
}

TEST_F(SpoolLogTest, SurvivesFilesOfEveryLength) {
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append(fmt::format("value-{}", i)).ok());
  for (std::uint64_t size = log_->segments()[0].bytes; size > kSegmentHeaderBytes; size -= 7) {
    files_.TruncateTo(PathOf(1), size);
    ASSERT_TRUE(Open().ok()) << size;
    EXPECT_EQ(log_->damaged(), 0u);
    if (size < kSegmentHeaderBytes + 7) break;
  }
  files_.TruncateTo(PathOf(1), 100);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->damaged(), 1u);
}

TEST_F(SpoolLogTest, RefusesWhatHasNoSpaceAndTakesTheNext) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  files_.FailCalls(DiskCall::kAllocate, 1, StatusCode::kResourceExhausted, 2);
  EXPECT_EQ(Append(std::string(6000, 'x')).status().code(), StatusCode::kResourceExhausted);
  EXPECT_FALSE(log_->broken());
  ASSERT_TRUE(Append("two").ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one", "two"));
}

TEST_F(SpoolLogTest, GoesOnInAnotherSegmentAfterAFailedWrite) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  files_.FailCalls(DiskCall::kWrite, 1);
  EXPECT_EQ(Append("lost").status().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(log_->broken());
  ASSERT_TRUE(Append("two").ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one", "two"));
  EXPECT_EQ(log_->damaged(), 0u);
}

TEST_F(SpoolLogTest, IsBrokenAfterAFailedSync) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  files_.FailCalls(DiskCall::kSync, 1);
  EXPECT_FALSE(Append("unknown").ok());
  EXPECT_TRUE(log_->broken());
  const std::uint64_t operations = files_.operations();
  EXPECT_FALSE(Append("two").ok());
  EXPECT_FALSE(log_->Mark().ok());
  EXPECT_FALSE(log_->Seal().ok());
  EXPECT_EQ(files_.operations(), operations);
  // What the cache still shows and the disk does not have is not believed.
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(values_, ElementsAre("one"));
}

TEST_F(SpoolLogTest, DoesNotStartOnANewerFormat) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  Bytes header = files_.Content(PathOf(1)).substr(0, kSegmentHeaderBytes);
  header[8] = 2;
  header.resize(kSegmentHeaderBytes - 4);
  const std::uint32_t crc = Crc32c(header);
  header.append(reinterpret_cast<const char*>(&crc), 4);
  files_.Overwrite(PathOf(1), 0, header);
  EXPECT_EQ(Open().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(SegmentFiles(), ElementsAre(PathOf(1)));
}

TEST_F(SpoolLogTest, APartThatTheDiskCannotReadIsDamageAndStays) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Append("one").ok());
  const std::uint64_t size = files_.Content(PathOf(1)).size();
  files_.FailReads(PathOf(1), kSegmentHeaderBytes + 10, kSegmentHeaderBytes + 20);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->damaged(), 1u);
  EXPECT_EQ(files_.Content(PathOf(1)).size(), size);
}

}  // namespace
}  // namespace carillon
