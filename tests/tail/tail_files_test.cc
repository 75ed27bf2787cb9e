#include "collector/tail/tail_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/checksum.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

// A directory with files, and a reader that reads all there is whenever it is told to.
class TailFilesTest : public ::testing::Test {
 protected:
  struct Disk {
    std::uint64_t inode = 0;
    std::string bytes;
  };
  static constexpr char kTail[] = "app";

  TailFilesTest() { Restart(); }

  // A new process with the positions of the last one.
  void Restart(bool from_end = false) {
    const TailState state = files_.has_value() ? files_->state() : TailState{.salt = 1};
    std::set<std::string> from_ends;
    if (from_end) from_ends.insert(kTail);
    files_.emplace(state, std::set<std::string>{kTail}, from_ends);
    open_.clear();
  }

  void Write(const std::string& path, const std::string& bytes) {
    auto [file, made] = disk_.try_emplace(path, std::make_shared<Disk>());
    if (made) file->second->inode = ++inodes_;
    file->second->bytes += bytes;
  }
  void Rename(const std::string& from, const std::string& to) {
    disk_[to] = disk_.at(from);
    disk_.erase(from);
  }
  void Copy(const std::string& from, const std::string& to, std::size_t bytes = 1 << 20) {
    Write(to, disk_.at(from)->bytes.substr(0, bytes));
  }

  static FileIdentity IdentityOf(const Disk& file) { return {.device = 1, .inode = file.inode}; }

  SeenFile See(const std::string& path, const Disk& file) {
    const std::string& bytes = file.bytes;
    return {.path = path,
            .tail = kTail,
            .identity = IdentityOf(file),
            .size = bytes.size(),
            .head = bytes.substr(0, kTailHeadBytes),
            .end = bytes.substr(bytes.size() - std::min(bytes.size(), kTailBeforeBytes))};
  }

  // Patterns match `matching` of the directory, and all else is beside it.
  void Look(Duration later = 1s) {
    now_ += later;
    std::vector<SeenFile> seen;
    for (const auto& [path, file] : disk_) {
      if (matching_.empty() || matching_.contains(path)) seen.push_back(See(path, *file));
    }
    for (const auto& [path, file] : disk_) {
      SeenFile sibling = See(path, *file);
      sibling.sibling = true;
      if (!matching_.empty() && !matching_.contains(path)) seen.push_back(sibling);
    }
    std::vector<OpenTailFile> opens;
    files_->Look(
        now_, seen,
        [this](const SeenFile& one, std::uint64_t offset) -> std::optional<std::uint32_t> {
          const std::string& bytes = disk_.at(one.path)->bytes;
          if (bytes.size() < offset) return std::nullopt;
          return Crc32c(bytes.substr(offset - BytesBefore(offset), BytesBefore(offset)));
        },
        &opens);
    for (const OpenTailFile& open : opens) open_[open.number] = disk_.at(open.path);
  }

  // All lines that are new, in all files that are open.
  std::vector<std::string> Read() {
    std::vector<std::string> lines;
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, file] : open_) numbers.push_back(number);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::uint64_t number = numbers[i];
      const std::string bytes = open_.at(number)->bytes;
      const std::uint64_t from = std::min<std::uint64_t>(files_->ReadFrom(number), bytes.size());
      std::uint64_t instead = 0;
      const auto fresh =
          files_->Check(number, std::string_view(bytes).substr(from), bytes.size(), now_, &instead);
      if (!fresh.has_value()) {
        auto node = open_.extract(number);
        if (instead == 0) continue;
        node.key() = instead;
        open_.insert(std::move(node));
        numbers.push_back(instead);
        continue;
      }
      TakeLines(number, std::string_view(bytes).substr(from), *fresh, &lines);
    }
    return lines;
  }

  void TakeLines(std::uint64_t number, std::string_view bytes, std::string_view fresh,
                 std::vector<std::string>* lines) {
    std::size_t taken = 0;
    bool in_cut_line = files_->Find(number)->in_cut_line;
    for (std::size_t end; (end = fresh.find('\n', taken)) != std::string_view::npos;) {
      if (!in_cut_line) lines->emplace_back(fresh.substr(taken, end - taken));
      in_cut_line = false;
      taken = end + 1;
    }
    if (files_->IsFinishing(number) && taken < fresh.size()) {
      lines->emplace_back(fresh.substr(taken));
      taken = fresh.size();
    }
    if (taken > 0) {
      files_->Advance(files_->AfterReading(number, bytes, taken, in_cut_line), now_);
    }
    if (files_->IsFinishing(number) && taken == fresh.size()) {
      files_->Close(number);
      open_.erase(number);
    }
  }

  std::optional<TailFiles> files_;
  std::map<std::string, std::shared_ptr<Disk>> disk_;
  std::map<std::uint64_t, std::shared_ptr<Disk>> open_;
  // Into `state`, of before that: where the one file that is open is read to, as the spool says it.
  void BelieveWhatWasRead(TailState* state) const {
    const TailFile& read = *files_->Find(open_.begin()->first);
    Believe(TailEventId(state->salt,
                        {.number = read.number, .end = read.offset, .before = read.before}),
            state);
  }

  std::set<std::string> matching_;  // empty: all
  std::uint64_t inodes_ = 100;
  Instant now_{1h};
};

TEST_F(TailFilesTest, ReadsWhatIsAppended) {
  Write("/app.log", "1\n2\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  Write("/app.log", "3\n4");
  EXPECT_THAT(Read(), ElementsAre("3"));
  Write("/app.log", "2\n");
  EXPECT_THAT(Read(), ElementsAre("42"));
}

TEST_F(TailFilesTest, BeginsAtTheEndOfFilesThatWereThereWhenItFirstLooked) {
  Restart(true);
  Write("/app.log", "old\nolder");
  Write("/done.log", "old\n");
  Look();
  Write("/app.log", " still\nnew\n");
  Write("/done.log", "next\n");
  Write("/later.log", "from its start\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("new", "next", "from its start"));
}

TEST_F(TailFilesTest, BeginsAtTheStartOfFilesThatCameWhileItWasAway) {
  Restart(true);
  Look();
  Restart(true);
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
}

TEST_F(TailFilesTest, FollowsAFileThatIsRenamed) {
  matching_ = {"/app.log"};
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  Rename("/app.log", "/app.log.1");
  Write("/app.log", "3\n");
  Look();
  Write("/app.log.1", "2\n");  // the writer had it open
  EXPECT_THAT(Read(), ElementsAre("2", "3"));
}

TEST_F(TailFilesTest, FollowsRenamesThroughAPatternThatMatchesAllNames) {
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  for (int i = 2; i < 5; ++i) {
    Rename("/app.log", "/app.log.1");
    Write("/app.log", fmt::format("{}\n", i));
    Look();
    EXPECT_THAT(Read(), ElementsAre(fmt::format("{}", i)));
    disk_.erase("/app.log.1");
  }
}

TEST_F(TailFilesTest, ClosesAFileThatHasLeftWhenItIsQuietAndTakesItsLastLine) {
  Write("/app.log", "1\n2");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  disk_.erase("/app.log");
  Look();
  Look(TailFiles::kLeaveAfter - 1s);
  EXPECT_THAT(Read(), IsEmpty());
  Look(1s);
  EXPECT_THAT(Read(), ElementsAre("2"));
  EXPECT_THAT(open_, IsEmpty());
  EXPECT_THAT(files_->state().files, IsEmpty());
}

TEST_F(TailFilesTest, AFileThatHasLeftAndGrowsIsNotQuiet) {
  Write("/app.log", "1\n");
  Look();
  Read();
  const auto file = disk_.at("/app.log");
  disk_.erase("/app.log");
  for (int i = 0; i < 5; ++i) {
    Look(TailFiles::kLeaveAfter - 1s);
    file->bytes += "more\n";
    EXPECT_THAT(Read(), ElementsAre("more"));
  }
}

TEST_F(TailFilesTest, ReadsATruncatedFileFromItsStart) {
  Write("/app.log", "one\ntwo\n");
  Look();
  Read();
  disk_.at("/app.log")->bytes = "3\n";
  EXPECT_THAT(Read(), ElementsAre("3"));
  EXPECT_EQ(files_->replaced(), 1u);
}

TEST_F(TailFilesTest, NoticesAFileThatWasTruncatedAndHasGrownLonger) {
  Write("/app.log", "one\n");
  Look();
  Read();
  disk_.at("/app.log")->bytes = "all that is new\nis read\n";
  EXPECT_THAT(Read(), ElementsAre("all that is new", "is read"));
}

TEST_F(TailFilesTest, ReadsTheRestOutOfTheCopyThatATruncationLeaves) {
  matching_ = {"/app.log"};
  Write("/app.log", "1\n2\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  Write("/app.log", "3\n");  // not read yet
  Copy("/app.log", "/app.log.1");
  disk_.at("/app.log")->bytes = "4\n";
  EXPECT_THAT(Read(), ElementsAre("4"));
  Look();
  EXPECT_THAT(Read(), ElementsAre("3"));
}

TEST_F(TailFilesTest, ReadsNothingTwiceThatIsCopiedToANameThatMatches) {
  Write("/app.log", "1\n2\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  Write("/app.log", "3\n");
  for (const std::size_t copied : {1u, 3u, 6u}) {
    disk_.erase("/app.log.1");
    Copy("/app.log", "/app.log.1", copied);
    Look();
  }
  EXPECT_THAT(Read(), ElementsAre("3"));
  Write("/app.log", "4\n");
  disk_.at("/app.log.1")->bytes += "4\n";
  disk_.at("/app.log")->bytes = "";
  Read();
  Look();
  EXPECT_THAT(Read(), ElementsAre("4"));
  Look(TailFiles::kHoldBack);
  EXPECT_THAT(Read(), IsEmpty());
}

TEST_F(TailFilesTest, AFileThatOnlyBeginsLikeAnotherIsReadAfterAWhile) {
  const std::string banner(300, '#');
  Write("/app.log", banner + "\n1\n");
  Look();
  Read();
  Write("/other.log", banner + "\n2\n");
  Look();
  EXPECT_THAT(Read(), IsEmpty());
  Look(TailFiles::kHoldBack);
  EXPECT_THAT(Read(), ElementsAre(banner, "2"));
}

TEST_F(TailFilesTest, GoesOnWhereItWasAfterARestart) {
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  Write("/app.log", "2\n");
  Restart();
  Look();
  EXPECT_THAT(Read(), ElementsAre("2"));
}

TEST_F(TailFilesTest, FindsAFileThatWasRenamedWhileItWasAway) {
  matching_ = {"/app.log"};
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  Write("/app.log", "2\n");
  Rename("/app.log", "/app.log.1");
  Write("/app.log", "3\n");
  Restart();
  Look();
  EXPECT_THAT(Read(), ElementsAre("2", "3"));
}

TEST_F(TailFilesTest, FindsACopyThatWasMadeWhileItWasAway) {
  matching_ = {"/app.log"};
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  Write("/app.log", "2\n");
  Copy("/app.log", "/app.log.1");
  disk_.at("/app.log")->bytes = "3 is longer\n";
  Restart();
  Look();
  std::vector<std::string> lines = Read();
  Look(TailFiles::kHoldBack);
  for (const std::string& line : Read()) lines.push_back(line);
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre("2", "3 is longer"));
}

TEST_F(TailFilesTest, AnInodeThatIsUsedAgainIsAnotherFile) {
  Write("/app.log", "1 of the old one\n");
  Look();
  Read();
  disk_.at("/app.log")->bytes = "of the new one, which is longer\n";
  Restart();
  Look();
  EXPECT_THAT(Read(), ElementsAre("of the new one, which is longer"));
}

// What the intake has may be all that is known beyond the number.
TEST_F(TailFilesTest, GoesOnWhereTheIntakeSaysAndOnlyInTheSameFile) {
  matching_ = {"/app.log"};
  Write("/app.log", "1\n2\n");
  Look();
  const std::uint64_t number = open_.begin()->first;
  const TailState registered = files_->state();
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  const TailFile read = *files_->Find(number);
  const std::string id =
      TailEventId(registered.salt, {.number = number, .end = read.offset, .before = read.before});
  const auto restart = [&] {
    TailState state = registered;
    Believe(id, &state);
    files_.emplace(std::move(state), std::set<std::string>{kTail}, std::set<std::string>());
    open_.clear();
  };
  Write("/app.log", "3\n");
  restart();
  Look();
  EXPECT_THAT(Read(), ElementsAre("3"));

  Copy("/app.log", "/app.log.1");
  disk_.at("/app.log")->bytes = "other bytes\n";
  restart();
  Look();
  std::vector<std::string> lines = Read();
  Look();
  for (const std::string& line : Read()) lines.push_back(line);
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre("other bytes", "3"));
}

// Other bytes in the same inode, and a copy beside them that a pattern matches: at one look.
TEST_F(TailFilesTest, TellsAFileFromItsCopyByTheBytesBeforeThePosition) {
  Write("/app.log", "1\n2\n");
  Look();
  TailState state = files_->state();
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  BelieveWhatWasRead(&state);
  Write("/app.log", "3\n");
  Copy("/app.log", "/app.log.1");
  disk_.at("/app.log")->bytes = "other bytes\n";
  files_.emplace(std::move(state), std::set<std::string>{kTail}, std::set<std::string>());
  open_.clear();
  Look();
  EXPECT_THAT(Read(), ::testing::UnorderedElementsAre("other bytes", "3"));
}

TEST_F(TailFilesTest, KnowsTheCopyOfAFileWhoseFirstBytesWereNotSaved) {
  Write("/app.log", "1\n2\n");
  Look();
  TailState state = files_->state();
  EXPECT_THAT(Read(), ElementsAre("1", "2"));
  BelieveWhatWasRead(&state);
  files_.emplace(std::move(state), std::set<std::string>{kTail}, std::set<std::string>());
  open_.clear();
  Look();
  Write("/app.log", "3\n");
  Copy("/app.log", "/app.log.1");
  Look();
  EXPECT_THAT(Read(), ElementsAre("3"));
  disk_.at("/app.log")->bytes.clear();
  Read();
  Look();
  EXPECT_THAT(Read(), IsEmpty());
}

TEST_F(TailFilesTest, ACopyThatHasNoBytesYetIsNotTakenForANewFile) {
  Write("/app.log", "1\n");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  Copy("/app.log", "/app.log.1", 0);
  Look();
  disk_.at("/app.log.1")->bytes = "1\n";
  EXPECT_THAT(Read(), IsEmpty());
  disk_.at("/app.log")->bytes.clear();
  Read();
  Look();
  EXPECT_THAT(Read(), IsEmpty());
}

TEST_F(TailFilesTest, ForgetsWhatIsMissedForLong) {
  Write("/app.log", "1\n");
  Look();
  Read();
  disk_.clear();
  Restart();
  Look();
  EXPECT_EQ(files_->Missed().size(), 1u);
  Look(TailFiles::kForgetAfter);
  EXPECT_THAT(files_->Missed(), IsEmpty());
  EXPECT_EQ(files_->forgotten(), 1u);
}

TEST_F(TailFilesTest, FollowsNoMoreThanItsLimit) {
  std::vector<SeenFile> seen;
  for (std::uint64_t i = 0; i <= kMaxTailFiles; ++i) {
    seen.push_back({.path = fmt::format("/{}", i),
                    .tail = kTail,
                    .identity = {.inode = i + 1},
                    .size = 1,
                    .head = fmt::format("{}", i)});
  }
  std::vector<OpenTailFile> opens;
  files_->Look(now_, seen, nullptr, &opens);
  EXPECT_EQ(opens.size(), kMaxTailFiles);
  EXPECT_EQ(files_->too_many(), 1u);
}

TEST_F(TailFilesTest, ForgetsFilesOfTailsThatAreNoMore) {
  Write("/app.log", "1\n");
  Look();
  Read();
  TailFiles other(files_->state(), {"other"}, {});
  EXPECT_THAT(other.state().files, IsEmpty());
}

TEST_F(TailFilesTest, AFileWithTwoNamesIsReadOnce) {
  Write("/app.log", "1\n");
  disk_["/link.log"] = disk_.at("/app.log");
  Look();
  EXPECT_THAT(Read(), ElementsAre("1"));
  (void)files_->TakeChanged();
  Look();
  EXPECT_THAT(Read(), IsEmpty());
  EXPECT_FALSE(files_->TakeChanged());
}

}  // namespace
}  // namespace carillon
