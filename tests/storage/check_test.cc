#include "storage/check.h"

#include <gtest/gtest.h>

#include "storage/segment_format.h"
#include "storage/segment_reader.h"
#include "storage/segment_scanner.h"
#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

// A closed data directory of ten committed chunks and what CheckDirectory says of it.
class CheckTest : public StoreFixture {
 protected:
  static constexpr std::size_t kChunks = 10;

  CheckTest() {
    Open();
    EXPECT_TRUE(disk_.MakeDirectory(path() + "/index").ok());  // the simulated index makes none
    EXPECT_TRUE(disk_.SyncDirectory(path()).ok());
    std::vector<ChunkWrite> chunks;
    for (std::uint64_t i = 0; i < kChunks; ++i) {
      chunks.push_back(TestChunk(i, Bytes(100, static_cast<char>('a' + i))));
      EXPECT_TRUE(Put(chunks.back()).status.ok());
    }
    EXPECT_TRUE(Commit(TestCommit(chunks)).status.ok());
    EXPECT_TRUE(store_->Close().ok());
    store_.reset();
  }

  const std::string& path() const { return options_.directories[0]; }
  std::string Segment() const { return SegmentsOf(0) + "/" + SegmentFileName(SegmentId(1)); }

  StatusOr<CheckReport> Check() {
    return CheckDirectory(&disk_, &memory_, path(), [](std::uint64_t, std::uint64_t) {});
  }
  CheckReport Report() {
    auto report = Check();
    EXPECT_TRUE(report.ok()) << ToString(report.status());
    return report.ok() ? *report : CheckReport();
  }

  // The first record of the type.
  ScanItem FirstRecord(RecordType type) {
    const auto reader = SegmentReader::Open(&disk_, Segment());
    SegmentScanner scanner(&(*reader)->file(), (*reader)->header(), kSegmentHeaderBytes, true);
    while (true) {
      const auto item = scanner.Next();
      EXPECT_TRUE(item.ok() && item->kind == ScanItem::Kind::kRecord);
      if (!item.ok() || item->kind != ScanItem::Kind::kRecord) return {};
      if (item->header.type == type) return *item;
    }
  }
  static std::string Damage(const CheckReport& report) {
    std::string text;
    for (const CheckFinding& finding : report.findings) {
      if (finding.damage) text += finding.where + ": " + finding.what + "\n";
    }
    return text;
  }
};
INSTANTIATE_TEST_SUITE_P(, CheckTest, testing::Values(Ground::kSimulated), GroundName);

TEST_P(CheckTest, CountsWhatAGoodDirectoryHolds) {
  const CheckReport report = Report();
  EXPECT_TRUE(report.good()) << Damage(report);
  EXPECT_EQ(report.segments, 1u);
  EXPECT_EQ(report.chunks, kChunks);
  EXPECT_EQ(report.manifests, 1u);
  EXPECT_EQ(report.value_bytes, kChunks * 100);
  EXPECT_TRUE(report.has_index);
  EXPECT_EQ(report.index_entries, kChunks);
  EXPECT_EQ(report.not_indexed_yet, 0u);
}

TEST_P(CheckTest, SumsUpWhatHomesCompare) {
  const CheckReport report = Report();
  Open();
  std::vector<PartitionDigest> expected;
  const auto holds = store_->HeldPartitions();
  for (const PartitionId partition : holds.value()) {
    const auto hours = store_->ListDigests(partition);
    ASSERT_TRUE(hours.ok());
    expected.push_back({partition, TotalOf(*hours)});
  }
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(report.digests.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(report.digests[i].partition, expected[i].partition);
    EXPECT_EQ(report.digests[i].digest, expected[i].digest);
  }
}

TEST_P(CheckTest, ChangesNoSegment) {
  const Bytes before = disk_.Content(Segment());
  disk_.FlipBit(Segment(), 8 * (FirstRecord(RecordType::kChunk).limit - 20));
  const Bytes damaged = disk_.Content(Segment());
  EXPECT_NE(before, damaged);
  EXPECT_FALSE(Report().good());
  EXPECT_EQ(disk_.Content(Segment()), damaged);
}

TEST_P(CheckTest, NamesAChunkWhoseValueIsDamaged) {
  const ScanItem record = FirstRecord(RecordType::kChunk);
  disk_.FlipBit(Segment(), 8 * (record.offset + kRecordHeaderBytes + record.key.size() + 50));
  const CheckReport report = Report();
  EXPECT_GE(report.damaged, 1u);
  EXPECT_EQ(report.chunks, kChunks - 1);
  EXPECT_NE(Damage(report).find(fmt::format("segment 1 at {}", record.offset)), std::string::npos)
      << Damage(report);
  EXPECT_NE(Damage(report).find(ToString(TestChunk(0, "").key)), std::string::npos)
      << Damage(report);
}

TEST_P(CheckTest, FindsADamagedHeaderAndGoesOnBehindIt) {
  const ScanItem record = FirstRecord(RecordType::kChunk);
  disk_.FlipBit(Segment(), 8 * (record.offset + 8));
  const CheckReport report = Report();
  EXPECT_FALSE(report.good());
  EXPECT_EQ(report.chunks, kChunks - 1);
  EXPECT_EQ(report.manifests, 1u);
}

TEST_P(CheckTest, FindsADamagedManifest) {
  const ScanItem record = FirstRecord(RecordType::kManifest);
  disk_.FlipBit(Segment(), 8 * (record.offset + kRecordHeaderBytes + record.key.size() + 3));
  const CheckReport report = Report();
  EXPECT_FALSE(report.good());
  EXPECT_EQ(report.manifests, 0u);
  EXPECT_EQ(report.chunks, kChunks);
}

TEST_P(CheckTest, FindsASegmentThatIsGone) {
  disk_.Lose(Segment());
  const CheckReport report = Report();
  EXPECT_FALSE(report.good());
  EXPECT_NE(Damage(report).find("segment 1: "), std::string::npos) << Damage(report);
}

TEST_P(CheckTest, FindsAnIndexThatIsDamaged) {
  memory_.Damage(path() + "/index");
  const CheckReport report = Report();
  EXPECT_FALSE(report.good());
  EXPECT_EQ(report.chunks, kChunks);
  EXPECT_FALSE(report.has_index);
}

TEST_P(CheckTest, AMissingIndexIsToldAndIsNoDamage) {
  memory_.Lose(path() + "/index");
  disk_.Lose(path() + "/index");
  const CheckReport report = Report();
  EXPECT_TRUE(report.good()) << Damage(report);
  EXPECT_FALSE(report.has_index);
  EXPECT_EQ(report.findings.size(), 1u);
}

TEST_P(CheckTest, AStrangeFileAmongTheSegmentsIsToldAndIsNoDamage) {
  ASSERT_TRUE(disk_.Create(SegmentsOf(0) + "/notes.txt").ok());
  const CheckReport report = Report();
  EXPECT_TRUE(report.good()) << Damage(report);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].where, "notes.txt");
}

TEST_P(CheckTest, WhatTheNextStartReplaysIsNoDamage) {
  Open();
  ASSERT_TRUE(Put(TestChunk(100, "late")).status.ok());
  disk_.StopAfter(disk_.operations());
  store_.reset();
  Random random(1);
  disk_.Crash(CrashManner::kKeepNothing, &random);
  const CheckReport report = Report();
  EXPECT_TRUE(report.good()) << Damage(report);
  EXPECT_EQ(report.chunks, kChunks + 1);
  EXPECT_EQ(report.not_indexed_yet, 1u);
}

TEST_P(CheckTest, TellsOfItsProgressUpToTheEnd) {
  std::uint64_t last = 0;
  std::uint64_t total = 0;
  const auto report =
      CheckDirectory(&disk_, &memory_, path(), [&](std::uint64_t done, std::uint64_t all) {
        EXPECT_GE(done, last);
        EXPECT_LE(done, all);
        last = done;
        total = all;
      });
  ASSERT_TRUE(report.ok());
  EXPECT_GT(last, 0u);
  EXPECT_EQ(total, report->segment_bytes);
}

TEST_P(CheckTest, RefusesADirectoryThatANodeHasOpen) {
  Open();
  EXPECT_EQ(Check().status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(CheckTest, RefusesWhatIsNoDataDirectory) {
  const auto report = CheckDirectory(&disk_, &memory_, "/srv", [](std::uint64_t, std::uint64_t) {});
  EXPECT_EQ(report.status().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace carillon
