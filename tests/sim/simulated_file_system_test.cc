// The simulated machine itself: what it forgets, keeps, tears, and fails.
#include "tests/sim/support/simulated_file_system.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/sim/support/simulated_key_value.h"

namespace carillon {
namespace {

class SimulatedFileSystemTest : public testing::Test {
 protected:
  SimulatedFileSystemTest() {
    EXPECT_TRUE(disk_.MakeDirectory("/d").ok());
    EXPECT_TRUE(disk_.SyncDirectory("/").ok());
  }
  // A file that survives crashes, with these bytes synced.
  std::unique_ptr<WritableFile> MakeDurable(const std::string& path, ByteSpan bytes) {
    auto file = disk_.Create(path);
    EXPECT_TRUE(file.ok());
    Write(file->get(), 0, bytes);
    EXPECT_TRUE((*file)->Sync().ok());
    EXPECT_TRUE(disk_.SyncDirectory(ParentOf(path)).ok());
    return std::move(*file);
  }
  static void Write(WritableFile* file, std::uint64_t offset, ByteSpan bytes) {
    const ByteSpan pieces[] = {bytes};
    ASSERT_TRUE(file->WriteAt(offset, pieces).ok());
  }
  void Crash(CrashManner manner) { disk_.Crash(manner, &random_); }

  SimulatedFileSystem disk_;
  Random random_{1};
};

TEST_F(SimulatedFileSystemTest, ACrashForgetsUnsyncedBytes) {
  const auto file = MakeDurable("/d/f", "durable");
  Write(file.get(), 0, "changed and longer");
  Crash(CrashManner::kKeepNothing);
  EXPECT_EQ(disk_.Content("/d/f"), "durable");
}

TEST_F(SimulatedFileSystemTest, KillingTheProcessKeepsUnsyncedBytes) {
  const auto file = MakeDurable("/d/f", "durable");
  Write(file.get(), 0, "changed");
  Crash(CrashManner::kKeepAll);
  EXPECT_EQ(disk_.Content("/d/f"), "changed");
}

TEST_F(SimulatedFileSystemTest, ALossOfPowerTearsWritesAtSectors) {
  bool torn = false;
  for (int i = 0; i < 50; ++i) {
    const std::string path = "/d/f" + std::to_string(i);
    const auto file = MakeDurable(path, Bytes(8192, 'a'));
    Write(file.get(), 0, Bytes(8192, 'b'));
    Crash(CrashManner::kKeepSome);
    const Bytes content = disk_.Content(path);
    ASSERT_EQ(content.size(), 8192u);
    for (std::size_t sector = 0; sector < content.size(); sector += 512) {
      const Bytes bytes = content.substr(sector, 512);
      EXPECT_TRUE(bytes == Bytes(512, 'a') || bytes == Bytes(512, 'b'));
    }
    torn = torn || (content.find('a') != Bytes::npos && content.find('b') != Bytes::npos);
  }
  EXPECT_TRUE(torn);
}

TEST_F(SimulatedFileSystemTest, ALossOfPowerKeepsLaterWritesWithoutEarlierOnes) {
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string path = "/d/f" + std::to_string(i);
    const auto file = MakeDurable(path, Bytes(8192, '-'));
    Write(file.get(), 0, "1");
    Write(file.get(), 4096, "2");
    Crash(CrashManner::kKeepSome);
    const Bytes content = disk_.Content(path);
    seen.insert(Bytes{content[0], content[4096]});
  }
  EXPECT_EQ(seen, (std::set<Bytes>{"--", "-2", "1-", "12"}));
}

TEST_F(SimulatedFileSystemTest, NamesSurviveOnlyASyncOfTheirDirectory) {
  const auto file = disk_.Create("/d/new");
  Write(file->get(), 0, "synced");
  ASSERT_TRUE((*file)->Sync().ok());
  (void)MakeDurable("/d/kept", "");
  ASSERT_TRUE(disk_.Create("/d/late").ok());
  Crash(CrashManner::kKeepNothing);
  EXPECT_TRUE(disk_.Exists("/d/kept"));
  EXPECT_FALSE(disk_.Exists("/d/late"));
}

TEST_F(SimulatedFileSystemTest, AnUnsyncedRenameOrRemovalIsUndone) {
  (void)MakeDurable("/d/a", "a");
  (void)MakeDurable("/d/b", "b");
  (void)MakeDurable("/d/c", "c");
  ASSERT_TRUE(disk_.Rename("/d/a", "/d/b").ok());
  ASSERT_TRUE(disk_.Remove("/d/c").ok());
  Crash(CrashManner::kKeepNothing);
  EXPECT_EQ(disk_.Content("/d/a"), "a");
  EXPECT_EQ(disk_.Content("/d/b"), "b");
  EXPECT_EQ(disk_.Content("/d/c"), "c");
}

TEST_F(SimulatedFileSystemTest, ARenameIsNeverHalf) {
  for (int i = 0; i < 40; ++i) {
    SimulatedFileSystem disk;
    const auto file = disk.Create("/a");
    Write(file->get(), 0, "x");
    ASSERT_TRUE((*file)->Sync().ok() && disk.SyncDirectory("/").ok());
    ASSERT_TRUE(disk.Rename("/a", "/b").ok());
    disk.Crash(CrashManner::kKeepSome, &random_);
    EXPECT_NE(disk.Exists("/a"), disk.Exists("/b"));
  }
}

TEST_F(SimulatedFileSystemTest, AFileInADirectoryThatWasLostIsLost) {
  ASSERT_TRUE(disk_.MakeDirectory("/d/sub").ok());
  (void)MakeDurable("/d/sub/f", "x");
  Crash(CrashManner::kKeepNothing);
  EXPECT_FALSE(disk_.Exists("/d/sub/f"));
  EXPECT_FALSE(disk_.Exists("/d/sub"));
}

TEST_F(SimulatedFileSystemTest, HandlesAndLocksEndWithACrash) {
  const auto file = MakeDurable("/d/f", "x");
  const auto reader = disk_.OpenReadable("/d/f");
  const auto lock = disk_.Lock("/d/LOCK");
  Crash(CrashManner::kKeepAll);
  const ByteSpan pieces[] = {"y"};
  EXPECT_EQ(file->WriteAt(0, pieces).code(), StatusCode::kUnavailable);
  EXPECT_EQ(file->Sync().code(), StatusCode::kUnavailable);
  char byte = 0;
  EXPECT_EQ((*reader)->ReadAt(0, 1, &byte).status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(disk_.Lock("/d/LOCK").ok());
  EXPECT_EQ(disk_.Content("/d/f"), "x");
}

TEST_F(SimulatedFileSystemTest, AfterItStopsNothingChanges) {
  const auto file = MakeDurable("/d/f", "x");
  disk_.StopAfter(disk_.operations() + 1);
  Write(file.get(), 0, "y");
  EXPECT_FALSE(disk_.stopped());
  EXPECT_EQ(file->Sync().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(disk_.stopped());
  EXPECT_EQ(disk_.Create("/d/g").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(disk_.List("/d").status().code(), StatusCode::kUnavailable);
  Crash(CrashManner::kKeepNothing);
  EXPECT_EQ(disk_.Content("/d/f"), "x");
  EXPECT_TRUE(disk_.Create("/d/g").ok());
}

TEST_F(SimulatedFileSystemTest, AFailedWriteHasWrittenHalf) {
  const auto file = MakeDurable("/d/f", "------");
  disk_.FailCalls(DiskCall::kWrite, 2);
  Write(file.get(), 0, "1");
  const ByteSpan pieces[] = {"ab", "cd"};
  EXPECT_EQ(file->WriteAt(0, pieces).code(), StatusCode::kUnavailable);
  EXPECT_EQ(disk_.Content("/d/f"), "ab----");
  Write(file.get(), 0, "ok");
}

TEST_F(SimulatedFileSystemTest, AFailedSyncLosesThePagesAndTheNextSaysOk) {
  const auto file = MakeDurable("/d/f", "old");
  Write(file.get(), 0, "new");
  disk_.FailCalls(DiskCall::kSync, 1);
  EXPECT_EQ(file->Sync().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(disk_.Content("/d/f"), "new") << "the cache still shows it";
  (*disk_.OpenReadable("/d/f"))->DropCache();
  EXPECT_EQ(disk_.Content("/d/f"), "old");
}

TEST_F(SimulatedFileSystemTest, ADiskThatIsFullSaysSoAndPunchingGivesBlocksBack) {
  disk_.SetCapacity("/d", 16384);
  const auto file = disk_.Create("/d/f");
  ASSERT_TRUE((*file)->Allocate(16384).ok());
  EXPECT_EQ(disk_.Space("/d")->free_bytes, 0u);
  EXPECT_EQ((*file)->Allocate(20000).code(), StatusCode::kResourceExhausted);
  Write(file->get(), 100, "into what is reserved");
  const auto other = disk_.Create("/d/g");
  const ByteSpan pieces[] = {"x"};
  EXPECT_EQ((*other)->WriteAt(0, pieces).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE((*file)->PunchHole(4096, 8192).ok());
  EXPECT_EQ(disk_.Space("/d")->free_bytes, 8192u);
  Write(other->get(), 0, "x");
  ASSERT_TRUE(disk_.Remove("/d/f").ok());
  EXPECT_EQ(disk_.Space("/d")->free_bytes, 12288u);
  EXPECT_GT(disk_.Space("/")->free_bytes, 1u << 30) << "another disk";
}

TEST_F(SimulatedFileSystemTest, BadSectorsFailReadsThatTouchThem) {
  (void)MakeDurable("/d/f", Bytes(1000, 'x'));
  disk_.FailReads("/d/f", 500, 501);
  const auto file = disk_.OpenReadable("/d/f");
  Bytes buffer(1000, '?');
  EXPECT_TRUE((*file)->ReadAt(0, 500, buffer.data()).ok());
  EXPECT_EQ((*file)->ReadAt(0, 501, buffer.data()).status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE((*file)->ReadAt(501, 100, buffer.data()).ok());
}

TEST_F(SimulatedFileSystemTest, FlippedBitsAndCutsLast) {
  (void)MakeDurable("/d/f", "abc");
  disk_.FlipBit("/d/f", 8);
  disk_.TruncateTo("/d/f", 2);
  Crash(CrashManner::kKeepNothing);
  EXPECT_EQ(disk_.Content("/d/f"), "ac");
}

TEST_F(SimulatedFileSystemTest, AnIndexComesBackAtAFlushOrALaterBatch) {
  SimulatedKeyValueFactory indexes(&disk_);
  std::set<int> later;
  for (int i = 0; i < 40; ++i) {
    auto store = indexes.Open("/d/index" + std::to_string(i));
    ASSERT_TRUE(store.ok());
    for (int n = 0; n < 4; ++n) {
      KeyValueBatch batch;
      batch.Put(Family::kMeta, std::to_string(n), "x");
      ASSERT_TRUE((*store)->Write(batch).ok());
      if (n == 1) {
        ASSERT_TRUE((*store)->Flush().ok());
      }
    }
    Crash(i % 2 == 0 ? CrashManner::kKeepSome : CrashManner::kKeepAll);
    store = indexes.Open("/d/index" + std::to_string(i));
    int kept = 0;
    while (kept < 4 && (*(*store)->Get(Family::kMeta, std::to_string(kept))).has_value()) ++kept;
    if (i % 2 == 0) later.insert(kept);
    if (i % 2 == 1) {
      EXPECT_EQ(kept, 2);
    }
  }
  EXPECT_EQ(later, (std::set<int>{2, 3, 4}));
}

}  // namespace
}  // namespace carillon
