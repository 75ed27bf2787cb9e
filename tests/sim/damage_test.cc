// Flips every byte of a small store's segments, cuts them at every record's edge, loses and damages
// the index: what is damaged is never served, all the rest is, and the damage is counted.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "storage/segment_reader.h"
#include "storage/segment_scanner.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/store_workload.h"

namespace carillon {
namespace {

constexpr std::uint64_t kSeed = 4;

struct Tally {
  std::size_t wrong = 0;    // served with other bytes
  std::size_t missing = 0;  // not served
  std::size_t chunks = 0;
};

// The same store each time: two segments of three classes each, some sealed, the last ones open.
struct Subject {
  explicit Subject(bool keep_index) : machine(kSeed) {
    Random random(kSeed);
    EXPECT_TRUE(machine.Open().ok());
    RunWorkload({.steps = 24, .drops = false, .weak_sync = false, .restarts = false},
                /*faults=*/false, &random, &machine, &model, &violations);
    EXPECT_TRUE(machine.store->Close().ok());
    machine.store.reset();
    if (!keep_index) machine.indexes.Lose("/srv/data/index");
    for (const std::string& path : machine.files.Files()) {
      if (path.ends_with(".seg")) segments.push_back(path);
    }
  }

  Tally Count() {
    Tally tally;
    for (const auto& [id, chunk] : model.chunks()) {
      if (!chunk.owed) continue;
      ++tally.chunks;
      const auto read = machine.store->ReadChunk(model.RefOf(id));
      if (!read.ok()) ++tally.missing;
      if (read.ok() && read->value.view() != chunk.value) ++tally.wrong;
    }
    return tally;
  }

  // Writes everything again that is not served: the way of a repair from another home.
  void RepairAll() {
    for (const auto& [id, chunk] : model.chunks()) {
      const ChunkRef ref = model.RefOf(id);
      if (!chunk.owed || machine.store->ReadChunk(ref).ok()) continue;
      std::vector<WriteRequest> requests(1);
      ChunkWrite& write = requests[0].chunk.emplace();
      write.placement = PlaceOnRing(id.first, ToString(id.second), 2);
      write.bucket = id.first;
      write.key = id.second;
      write.value = Rope(chunk.value);
      write.value_crc = model.InfoOf(id).value_crc;
      write.ttl_seconds = 8 * 86400;
      EXPECT_TRUE(machine.store->Write(0, requests).front().status.ok());
    }
  }

  StoreMachine machine;
  StoreModel model{2};
  std::vector<std::string> violations;
  std::vector<std::string> segments;
};

// Where the bytes of a segment's records begin and end.
std::vector<ScanItem> RecordsOf(StoreMachine* machine, const std::string& path) {
  const auto reader = SegmentReader::Open(&machine->files, path);
  EXPECT_TRUE(reader.ok());
  SegmentScanner scanner(&(*reader)->file(), (*reader)->header(), kSegmentHeaderBytes, true);
  std::vector<ScanItem> items;
  while (true) {
    auto item = scanner.Next();
    if (!item.ok() || item->kind == ScanItem::Kind::kEnd) return items;
    items.push_back(std::move(*item));
  }
}

class DamageTest : public testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() { QuietLog(); }
  static bool KeepIndex() { return GetParam(); }

  // After damage to one place: at most `may_miss` chunks are not served, none wrongly, and if any
  // is missing the stats say why; after a repair all are there.
  static void ExpectBounded(Subject* subject, std::size_t may_miss, const std::string& what) {
    ASSERT_TRUE(subject->machine.Open().ok()) << what;
    const Tally tally = subject->Count();
    EXPECT_EQ(tally.wrong, 0u) << what;
    EXPECT_LE(tally.missing, may_miss) << what;
    const StoreStats stats = subject->machine.store->stats();
    if (tally.missing > 0) {
      EXPECT_GT(stats.records_quarantined + stats.segments_missing + stats.torn_tails, 0u) << what;
    }
    subject->RepairAll();
    EXPECT_EQ(subject->Count().missing, 0u) << what;
    subject->machine.store.reset();
    ASSERT_TRUE(subject->machine.Open().ok()) << what;
    EXPECT_EQ(subject->Count().missing, 0u) << what << " after a repair and a restart";
  }
};
INSTANTIATE_TEST_SUITE_P(, DamageTest, testing::Values(true, false), [](const auto& info) {
  return info.param ? "WithIndex" : "WithoutIndex";
});

TEST_P(DamageTest, WithoutDamageEverythingIsServed) {
  Subject subject(KeepIndex());
  EXPECT_EQ(subject.violations, std::vector<std::string>());
  ASSERT_GE(subject.segments.size(), 4u);
  ASSERT_TRUE(subject.machine.Open().ok());
  const Tally tally = subject.Count();
  EXPECT_GT(tally.chunks, 20u);
  EXPECT_EQ(tally.missing + tally.wrong, 0u);
  EXPECT_EQ(subject.machine.store->stats().records_quarantined, 0u);
  EXPECT_EQ(subject.model.Check(*subject.machine.store), std::vector<std::string>());
}

// Over all records every byte of a head has its turn, and values at many places.
TEST_P(DamageTest, AFlippedByteCostsAtMostItsRecord) {
  const std::size_t segments = Subject(true).segments.size();
  for (std::size_t s = 0; s < segments; ++s) {
    Subject probe(true);
    for (const ScanItem& item : RecordsOf(&probe.machine, probe.segments[s])) {
      const std::uint64_t head_end = item.offset + kRecordHeaderBytes + item.header.key_bytes;
      for (std::uint64_t at = item.offset; at < item.limit; at += at < head_end ? 7 : 331) {
        Subject subject(KeepIndex());
        subject.machine.files.FlipBit(subject.segments[s], at * 8 + at % 8);
        ExpectBounded(&subject, 1, fmt::format("{} byte {}", subject.segments[s], at));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(DamageTest, ADamagedSegmentHeaderCostsAtMostItsSegment) {
  const std::size_t segments = Subject(true).segments.size();
  for (std::size_t s = 0; s < segments; ++s) {
    for (const std::uint64_t at : {0, 8, 12, 16, 32, 48, 56, 64, 200, 4092}) {
      Subject subject(KeepIndex());
      const std::string path = subject.segments[s];
      const std::size_t records = RecordsOf(&subject.machine, path).size();
      subject.machine.files.FlipBit(path, at * 8);
      ExpectBounded(&subject, records, fmt::format("{} header byte {}", path, at));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(DamageTest, ACutCostsAtMostWhatIsBehindIt) {
  const std::size_t segments = Subject(true).segments.size();
  for (std::size_t s = 0; s < segments; ++s) {
    Subject probe(true);
    const auto records = RecordsOf(&probe.machine, probe.segments[s]);
    for (std::size_t r = 0; r < records.size(); ++r) {
      for (const std::uint64_t size :
           {records[r].offset - 1, records[r].offset, records[r].offset + 1}) {
        Subject subject(KeepIndex());
        subject.machine.files.TruncateTo(subject.segments[s], size);
        ASSERT_TRUE(subject.machine.Open().ok());
        const Tally tally = subject.Count();
        EXPECT_EQ(tally.wrong, 0u);
        EXPECT_LE(tally.missing, records.size() - r + 1);
        subject.RepairAll();
        EXPECT_EQ(subject.Count().missing, 0u)
            << fmt::format("{} cut to {}", subject.segments[s], size);
      }
    }
  }
}

TEST_P(DamageTest, AZeroedSectorCostsAtMostTheRecordsInIt) {
  const std::size_t segments = Subject(true).segments.size();
  for (std::size_t s = 0; s < segments; ++s) {
    Subject probe(true);
    const auto records = RecordsOf(&probe.machine, probe.segments[s]);
    if (records.empty()) continue;
    for (std::uint64_t at = kSegmentHeaderBytes; at + 512 < records.back().limit; at += 1536) {
      Subject subject(KeepIndex());
      const auto hit = static_cast<std::size_t>(std::count_if(
          records.begin(), records.end(),
          [at](const ScanItem& item) { return item.offset < at + 512 && item.limit > at; }));
      subject.machine.files.Overwrite(subject.segments[s], at, Bytes(512, '\0'));
      ExpectBounded(&subject, hit, fmt::format("{} sector at {}", subject.segments[s], at));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(DamageTest, ALostSegmentCostsAtMostItself) {
  const std::size_t segments = Subject(true).segments.size();
  for (std::size_t s = 0; s < segments; ++s) {
    Subject subject(KeepIndex());
    const std::size_t records = RecordsOf(&subject.machine, subject.segments[s]).size();
    subject.machine.files.Lose(subject.segments[s]);
    ASSERT_TRUE(subject.machine.Open().ok());
    EXPECT_EQ(subject.Count().wrong, 0u);
    EXPECT_LE(subject.Count().missing, records);
    if (KeepIndex()) {
      EXPECT_EQ(subject.machine.store->stats().segments_missing, 1u);
    }
    subject.RepairAll();
    EXPECT_EQ(subject.Count().missing, 0u);
  }
}

TEST_P(DamageTest, GarbageFilesAreLeftAlone) {
  Subject subject(KeepIndex());
  for (const char* name : {"/notes.txt", "/00000000000000zz.seg", "/.hidden"}) {
    const std::string path = "/srv/data/segments" + std::string(name);
    ASSERT_TRUE(subject.machine.files.Create(path).ok());
  }
  ASSERT_TRUE(subject.machine.Open().ok());
  EXPECT_EQ(subject.Count().missing, 0u);
  EXPECT_TRUE(subject.machine.files.Exists("/srv/data/segments/notes.txt"));
}

TEST_P(DamageTest, AnEmptySegmentFileHarmsNothing) {
  Subject subject(KeepIndex());
  ASSERT_TRUE(subject.machine.files.Create("/srv/data/segments/00000000000000ff.seg").ok());
  ASSERT_TRUE(subject.machine.Open().ok());
  EXPECT_EQ(subject.Count().missing, 0u);
  EXPECT_EQ(subject.machine.store->stats().segments_missing, 1u);
}

TEST_P(DamageTest, ADamagedIndexIsRebuilt) {
  Subject subject(KeepIndex());
  subject.machine.indexes.Damage("/srv/data/index");
  ASSERT_TRUE(subject.machine.Open().ok());
  EXPECT_EQ(subject.machine.store->stats().index_rebuilds, 1u);
  EXPECT_EQ(subject.model.Check(*subject.machine.store), std::vector<std::string>());
}

TEST_P(DamageTest, ADamagedIdentityIsSaidAndNothingIsTouched) {
  Subject subject(KeepIndex());
  subject.machine.files.FlipBit("/srv/data/IDENTITY", 100);
  EXPECT_EQ(subject.machine.Open().code(), StatusCode::kDataLoss);
  subject.machine.files.FlipBit("/srv/data/IDENTITY", 100);
  ASSERT_TRUE(subject.machine.Open().ok());
  EXPECT_EQ(subject.Count().missing, 0u);
}

}  // namespace
}  // namespace carillon
