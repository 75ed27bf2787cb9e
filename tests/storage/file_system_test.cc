// What both file systems promise while nothing fails: the machine's own, and the simulated one.
#include "storage/file_system.h"

#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

class FileSystemTest : public testing::TestWithParam<Ground> {
 protected:
  FileSystemTest() {
    if (GetParam() == Ground::kMachine) {
      files_ = MachineFileSystem();
      root_ = temporary_.path();
    } else {
      files_ = &disk_;
      root_ = "/root";
      EXPECT_TRUE(disk_.MakeDirectory(root_).ok());
    }
    path_ = root_ + "/file";
  }
  Status Write(WritableFile* file, std::uint64_t offset, std::vector<ByteSpan> pieces) {
    return file->WriteAt(offset, pieces);
  }
  Bytes Content(const std::string& path) {
    const auto bytes = ReadWholeFile(files_, path, 1 << 20);
    return bytes.ok() ? *bytes : ToString(bytes.status());
  }

  TemporaryDirectory temporary_;
  SimulatedFileSystem disk_;
  FileSystem* files_;
  std::string root_;
  std::string path_;
};
INSTANTIATE_TEST_SUITE_P(, FileSystemTest, testing::Values(Ground::kSimulated, Ground::kMachine),
                         GroundName);

TEST_P(FileSystemTest, ReadsWhatWasWrittenInPieces) {
  const auto file = files_->Create(path_);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(Write(file->get(), 0, {"abc", "", "defg"}).ok());
  ASSERT_TRUE(Write(file->get(), 2, {"XY"}).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(Content(path_), "abXYefg");
  EXPECT_TRUE((*file)->Close().ok());
}

TEST_P(FileSystemTest, WritesMoreThanAThousandPieces) {
  const auto file = files_->Create(path_);
  const std::vector<ByteSpan> pieces(3000, "0123456789");
  ASSERT_TRUE((*file)->WriteAt(5, pieces).ok());
  const Bytes content = Content(path_);
  EXPECT_EQ(content.size(), 30'005u);
  EXPECT_EQ(content.substr(0, 7), Bytes("\0\0\0\0\0"
                                        "01",
                                        7));
  EXPECT_EQ(content.substr(29'995), "0123456789");
}

TEST_P(FileSystemTest, AShortReadMeansTheEndOfTheFile) {
  ASSERT_TRUE(Write(files_->Create(path_)->get(), 0, {"abcdef"}).ok());
  const auto file = files_->OpenReadable(path_);
  Bytes buffer(10, '?');
  EXPECT_EQ(*(*file)->ReadAt(4, 10, buffer.data()), 2u);
  EXPECT_EQ(buffer.substr(0, 2), "ef");
  EXPECT_EQ(*(*file)->ReadAt(6, 10, buffer.data()), 0u);
  EXPECT_EQ(*(*file)->ReadAt(100, 10, buffer.data()), 0u);
  EXPECT_EQ(*(*file)->Size(), 6u);
}

TEST_P(FileSystemTest, AllocateMakesTheFileLongerAndNeverShorter) {
  const auto file = files_->Create(path_);
  ASSERT_TRUE(Write(file->get(), 0, {"abc"}).ok());
  ASSERT_TRUE((*file)->Allocate(8).ok());
  EXPECT_EQ(Content(path_), Bytes("abc\0\0\0\0\0", 8));
  ASSERT_TRUE((*file)->Allocate(2).ok());
  EXPECT_EQ(Content(path_).size(), 8u);
}

TEST_P(FileSystemTest, TruncateCutsAndGrowsWithZeros) {
  const auto file = files_->Create(path_);
  ASSERT_TRUE(Write(file->get(), 0, {"abcdef"}).ok());
  ASSERT_TRUE((*file)->Truncate(2).ok());
  ASSERT_TRUE((*file)->Truncate(4).ok());
  EXPECT_EQ(Content(path_), Bytes("ab\0\0", 4));
}

TEST_P(FileSystemTest, AHoleHoldsWholeBlocksOnly) {
  const auto file = files_->Create(path_);
  const Bytes bytes(16384, 'x');
  ASSERT_TRUE(Write(file->get(), 0, {bytes}).ok());
  ASSERT_TRUE((*file)->PunchHole(4000, 9000).ok());
  Bytes want = bytes;
  std::fill(want.begin() + 4096, want.begin() + 12288, '\0');
  EXPECT_TRUE(Content(path_) == want);
  ASSERT_TRUE((*file)->PunchHole(10, 4000).ok());
  EXPECT_TRUE(Content(path_) == want) << "less than a block is left alone";
}

TEST_P(FileSystemTest, CreateWantsANewNameAndOpenAnOldOne) {
  EXPECT_EQ(files_->OpenReadable(path_).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files_->OpenWritable(path_).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files_->Create(root_ + "/none/file").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(files_->Create(path_).ok());
  EXPECT_EQ(files_->Create(path_).status().code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(files_->OpenWritable(path_).ok());
}

TEST_P(FileSystemTest, RenameReplaces) {
  ASSERT_TRUE(Write(files_->Create(path_)->get(), 0, {"new"}).ok());
  ASSERT_TRUE(Write(files_->Create(root_ + "/to")->get(), 0, {"old"}).ok());
  ASSERT_TRUE(files_->Rename(path_, root_ + "/to").ok());
  EXPECT_EQ(Content(root_ + "/to"), "new");
  EXPECT_FALSE(files_->Exists(path_));
  EXPECT_EQ(files_->Rename(path_, root_ + "/to").code(), StatusCode::kNotFound);
}

TEST_P(FileSystemTest, AnOpenFileStaysReadableAfterItIsRemoved) {
  ASSERT_TRUE(Write(files_->Create(path_)->get(), 0, {"abc"}).ok());
  const auto file = files_->OpenReadable(path_);
  ASSERT_TRUE(files_->Remove(path_).ok());
  Bytes buffer(3, '?');
  EXPECT_EQ(*(*file)->ReadAt(0, 3, buffer.data()), 3u);
  EXPECT_EQ(buffer, "abc");
  EXPECT_EQ(files_->Remove(path_).code(), StatusCode::kNotFound);
}

TEST_P(FileSystemTest, ListsNamesSorted) {
  ASSERT_TRUE(files_->MakeDirectory(root_ + "/b/deep").ok());
  ASSERT_TRUE(files_->MakeDirectory(root_ + "/b/deep").ok()) << "it is there already";
  ASSERT_TRUE(files_->Create(root_ + "/c").ok());
  ASSERT_TRUE(files_->Create(root_ + "/a").ok());
  EXPECT_EQ(*files_->List(root_), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(*files_->List(root_ + "/b"), (std::vector<std::string>{"deep"}));
  EXPECT_EQ(files_->List(root_ + "/none").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(files_->SyncDirectory(root_).ok());
}

TEST_P(FileSystemTest, ALockIsHeldByOneUntilItIsLetGo) {
  auto lock = files_->Lock(path_);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(files_->Lock(path_).status().code(), StatusCode::kFailedPrecondition);
  lock->reset();
  EXPECT_TRUE(files_->Lock(path_).ok());
}

TEST_P(FileSystemTest, SpaceIsPlausible) {
  const auto space = files_->Space(root_);
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

TEST_P(FileSystemTest, ReplaceFileLeavesOnlyTheNewBytes) {
  ASSERT_TRUE(ReplaceFile(files_, root_, "file", "one").ok());
  ASSERT_TRUE(files_->Create(root_ + "/file.tmp").ok());  // as a crash leaves it
  ASSERT_TRUE(ReplaceFile(files_, root_, "file", "two").ok());
  EXPECT_EQ(Content(path_), "two");
  EXPECT_EQ(*files_->List(root_), (std::vector<std::string>{"file"}));
}

TEST_P(FileSystemTest, ReadWholeFileRefusesMoreThanItsLimit) {
  ASSERT_TRUE(ReplaceFile(files_, root_, "file", "12345").ok());
  EXPECT_EQ(*ReadWholeFile(files_, path_, 5), "12345");
  EXPECT_EQ(ReadWholeFile(files_, path_, 4).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace carillon
