#include "tools/carillon/input/loader.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/support.h"
#include "tools/carillon/input/reject_file.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LoaderTest : public ::testing::Test {
 protected:
  std::unique_ptr<InputReader> Open(std::string text) {
    return std::move(*InputReader::Open(FromText(std::move(text)), InputFormat::kNdjson, {}));
  }

  Status LoadText(std::string text) {
    const auto reader = Open(std::move(text));
    const LoadSinks sinks{
        [&](const EventPlace& place, std::string_view event) {
          loaded_.push_back(fmt::format("{} {}", place.epoch, event));
          return sink_status_;
        },
        [&](const InputEvent& event, const Status& why) {
          rejected_.push_back(fmt::format("{} {}: {}", event.line, event.source, Message(why)));
          return OkStatus();
        },
        [&](const LoadCounts& counts, std::uint64_t) { shown_ = counts; }};
    return Load(reader.get(), rules_, sinks, &counts_);
  }

  static std::string Event(std::uint64_t time) {
    return fmt::format("{{\"timestamp\":{},\"type\":\"A\"}}", time);
  }

  LoadRules rules_;
  LoadCounts counts_;
  LoadCounts shown_;
  Status sink_status_;
  std::vector<std::string> loaded_;
  std::vector<std::string> rejected_;
};

TEST_F(LoaderTest, HandsOnEveryEventAsItCame) {
  EXPECT_TRUE(LoadText(Event(5) + "\n" + Event(6)).ok());
  EXPECT_THAT(loaded_, ElementsAre("5 " + Event(5), "6 " + Event(6)));
  EXPECT_EQ(counts_.events, 2u);
  EXPECT_EQ(counts_.bytes, 2 * Event(5).size());
  EXPECT_EQ(shown_.events, 2u);
}

TEST_F(LoaderTest, ShiftsTheSecondAndNotTheEvent) {
  rules_.shift_seconds = 100;
  EXPECT_TRUE(LoadText(Event(5)).ok());
  EXPECT_THAT(loaded_, ElementsAre("105 " + Event(5)));
}

TEST_F(LoaderTest, CountsAndShowsWhatItCannotLoad) {
  EXPECT_TRUE(LoadText(Event(5) + "\nbad\n" + Event(6)).ok());
  EXPECT_EQ(counts_.events, 2u);
  EXPECT_EQ(counts_.bad, 1u);
  EXPECT_THAT(rejected_, ElementsAre(HasSubstr("2 bad: no JSON")));
}

TEST_F(LoaderTest, EndsAtTheFirstBadLineWhenStrict) {
  rules_.strict = true;
  const Status status = LoadText(Event(5) + "\nbad\n" + Event(6));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("line 2: no JSON"));
  EXPECT_EQ(counts_.events, 1u);
}

TEST_F(LoaderTest, RejectsWhatTheBucketWouldNotTake) {
  rules_.oldest = Epoch{10};
  rules_.newest = Epoch{20};
  EXPECT_TRUE(LoadText(Event(9) + "\n" + Event(10) + "\n" + Event(20) + "\n" + Event(21)).ok());
  EXPECT_THAT(loaded_, ElementsAre("10 " + Event(10), "20 " + Event(20)));
  EXPECT_THAT(rejected_, ElementsAre(HasSubstr("older than the bucket keeps"),
                                     HasSubstr("too far in the future")));
}

TEST_F(LoaderTest, RejectsAShiftOutOfTime) {
  rules_.shift_seconds = -6;
  EXPECT_TRUE(LoadText(Event(5)).ok());
  EXPECT_THAT(rejected_, ElementsAre(HasSubstr("out of range")));
}

TEST_F(LoaderTest, RejectsAnEventThatFillsMoreThanAChunk) {
  rules_.max_chunk_bytes = 16;
  EXPECT_TRUE(LoadText(Event(5)).ok());
  EXPECT_EQ(counts_.bad, 1u);
}

TEST_F(LoaderTest, EndsWhenTheSinkFails) {
  sink_status_ = Unavailable("gone");
  EXPECT_EQ(LoadText(Event(5) + "\n" + Event(6)).code(), StatusCode::kUnavailable);
  EXPECT_EQ(counts_.events, 0u);
}

TEST_F(LoaderTest, FindsTheNewestGoodEvent) {
  EXPECT_EQ(FindNewest(Open(Event(5) + "\nbad\n" + Event(7) + "\n" + Event(6)).get()).value(),
            Epoch{7});
  EXPECT_EQ(FindNewest(Open("bad\n").get()).value(), std::nullopt);
}

class RejectFileTest : public ::testing::Test {
 protected:
  ~RejectFileTest() override { std::filesystem::remove(path_); }
  std::string Content() const {
    std::ifstream file(path_);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  const std::string path_ = fmt::format("{}reject_file_test.{}", ::testing::TempDir(), getpid());
};

TEST_F(RejectFileTest, IsMadeOnlyWhenItIsNeeded) {
  RejectFile file(path_);
  EXPECT_TRUE(file.Close().ok());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RejectFileTest, KeepsALineEach) {
  RejectFile file(path_);
  EXPECT_TRUE(file.Add("one").ok());
  EXPECT_TRUE(file.Add("two").ok());
  EXPECT_TRUE(file.Close().ok());
  EXPECT_EQ(Content(), "one\ntwo\n");
  EXPECT_EQ(file.count(), 2u);
}

TEST_F(RejectFileTest, SaysThatItCannotBeWritten) {
  RejectFile file("/nowhere/at/all");
  EXPECT_EQ(file.Add("one").code(), StatusCode::kUnavailable);
}

TEST_F(RejectFileTest, IsNamedAfterTheInput) {
  EXPECT_EQ(DefaultRejectPath("/a/b/access.log"), "access.log.rejects");
  EXPECT_EQ(DefaultRejectPath("-"), "stdin.rejects");
}

}  // namespace
}  // namespace carillon
