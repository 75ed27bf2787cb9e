#include "collector/pipeline/chunk_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

constexpr std::uint64_t kPerWriter = std::uint64_t{1} << 32;

class ChunkNumbersTest : public ::testing::Test {
 protected:
  ChunkNumbersTest() {
    QuietLog();
    EXPECT_TRUE(files_.MakeDirectory("/spool").ok());
    EXPECT_TRUE(files_.SyncDirectory("/").ok());
  }
  ChunkNumbers Open(std::uint64_t writer = 0) {
    return *ChunkNumbers::Open(&files_, "/spool", writer, ++seed_);
  }

  SimulatedFileSystem files_;
  std::uint64_t seed_ = 0;
};

TEST_F(ChunkNumbersTest, NeverGivesANumberTwiceWhateverCrashes) {
  std::set<std::uint64_t> given;
  std::uint64_t writer = 0;
  Random random(1);
  for (int start = 0; start < 5; ++start) {
    ChunkNumbers numbers = Open();
    EXPECT_TRUE(writer == 0 || numbers.writer() == writer);
    writer = numbers.writer();
    for (std::uint64_t i = 0; i < ChunkNumbers::kReserve + 10; ++i) {
      const std::uint64_t number = *numbers.Next();
      EXPECT_EQ(number / kPerWriter, writer);
      ASSERT_TRUE(given.insert(number).second);
    }
    files_.Crash(CrashManner::kKeepNothing, &random);
  }
}

TEST_F(ChunkNumbersTest, TakesTheWriterItIsGiven) {
  ChunkNumbers numbers = Open(7);
  EXPECT_EQ(*numbers.Next(), 7 * kPerWriter);
  EXPECT_GT(*Open(7).Next(), 7 * kPerWriter);
}

TEST_F(ChunkNumbersTest, AnotherWriterForANumberThatIsSomebodyElses) {
  ChunkNumbers numbers = Open();
  const std::uint64_t refused = *numbers.Next();
  ASSERT_TRUE(numbers.ChangeWriter(refused).ok());
  const std::uint64_t writer = numbers.writer();
  EXPECT_NE(writer, refused / kPerWriter);
  ASSERT_TRUE(numbers.ChangeWriter(refused).ok());
  EXPECT_EQ(numbers.writer(), writer);
  (void)*numbers.Next();
  EXPECT_EQ(Open().writer(), writer);
}

TEST_F(ChunkNumbersTest, ADamagedFileMeansAnotherWriter) {
  ChunkNumbers numbers = Open();
  (void)*numbers.Next();
  for (std::uint64_t bit = 0; bit < 28 * 8; bit += 5) {
    files_.FlipBit("/spool/WRITER", bit);
    EXPECT_NE(Open().writer(), numbers.writer()) << bit;
    files_.FlipBit("/spool/WRITER", bit);
  }
  files_.TruncateTo("/spool/WRITER", 3);
  EXPECT_NE(Open().writer(), numbers.writer());
}

TEST_F(ChunkNumbersTest, GivesNoneThatItCouldNotReserve) {
  ChunkNumbers numbers = Open();
  files_.FailCalls(DiskCall::kSync, 1);
  EXPECT_FALSE(numbers.Next().ok());
  EXPECT_TRUE(numbers.Next().ok());
}

}  // namespace
}  // namespace carillon
