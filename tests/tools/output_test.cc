#include "tools/carillon/output/output.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "tools/carillon/output/completion.h"
#include "tools/carillon/output/progress.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"

namespace carillon {
namespace {

using ::testing::HasSubstr;

TEST(TableTest, AlignsNumbersRightAndTextsLeft) {
  Table table({{"name"}, {"count", Table::Align::kRight}, {"note"}});
  table.Add({"a", "1,234,567", "x"});
  table.Add({"longer", "8", ""});
  EXPECT_EQ(table.Render(),
            "name        count  note\n"
            "a       1,234,567  x\n"
            "longer          8\n");
}

TEST(TableTest, DrawsALineAboveTheTotal) {
  Table table({{"a"}, {"n", Table::Align::kRight}});
  table.Add({"x", "10"});
  table.AddTotal({"all", "10"});
  EXPECT_EQ(table.Render(), "a     n\nx    10\n-------\nall  10\n");
}

TEST(TableTest, GoesOnWithoutTitles) {
  Table table({{"title"}});
  table.Add({"x"});
  EXPECT_EQ(table.Render(), "title\nx\n");
  table.Add({"y"});
  EXPECT_EQ(table.Render(), "y\n");
}

TEST(TableTest, CountsCodePointsNotBytes) {
  Table table({{"a"}, {"b"}});
  table.Add({"\xC3\xA9t\xC3\xA9", "x"});
  table.Add({"abcd", "x"});
  EXPECT_EQ(table.Render(), "a     b\n\xC3\xA9t\xC3\xA9   x\nabcd  x\n");
}

TEST(UnitsTest, SeparatesThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

TEST(UnitsTest, ChoosesTheUnitOfBytes) {
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.0 KB");
  EXPECT_EQ(FormatBytes(999'960), "1.0 MB");
  EXPECT_EQ(FormatBytes(25'000'000), "25.0 MB");
  EXPECT_EQ(FormatBytes(~std::uint64_t{0}), "18.4 EB");
}

TEST(UnitsTest, ChoosesTheUnitOfTime) {
  EXPECT_EQ(FormatSeconds(0.85), "850 ms");
  EXPECT_EQ(FormatSeconds(12.34), "12.3 s");
  EXPECT_EQ(FormatSeconds(59.99), "1 min 00 s");
  EXPECT_EQ(FormatSeconds(7380), "2 h 03 min");
  EXPECT_EQ(FormatSeconds(3 * 86400 + 4 * 3600), "3 d 04 h");
}

TEST(JsonWriterTest, PutsCommasWhereTheyBelong) {
  JsonWriter json;
  json.BeginObject().Field("a", 1).Key("b").BeginArray().Number(2).Null().BeginObject().EndObject();
  json.EndArray().Key("c").Decimal(1.239).Key("d").Bool(true).Key("e").Signed(-4).EndObject();
  EXPECT_EQ(json.Take(), R"({"a":1,"b":[2,null,{}],"c":1.24,"d":true,"e":-4})");
}

TEST(JsonWriterTest, EscapesTexts) {
  JsonWriter json;
  json.Text(std::string("a\"b\\c\n\t\x01\x7f\xC3\xA9", 11));
  EXPECT_EQ(json.Take(), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xC3\xA9\"");
}

TEST(JsonWriterTest, CanBeTakenInParts) {
  JsonWriter json;
  json.BeginArray().Number(1);
  EXPECT_EQ(json.TakePart(), "[1");
  json.Number(2).EndArray();
  EXPECT_EQ(json.Take(), ",2]");
}

TEST(ProgressTest, ShowsABarWhenTheTotalIsKnown) {
  EXPECT_EQ(FormatProgress({{1'000'000, 120'500'000, 3}, 50, 100, 4}),
            "[============>           ]  50%  1,000,000 events  250,000/s  120.5 MB  3 bad");
  EXPECT_EQ(FormatProgress({{10, 1000, 0}, 50, 0, 0}), "10 events  0/s  1.0 KB");
}

TEST(ProgressTest, DrawsTenTimesASecond) {
  DrawPacer pacer;
  const Instant start{};
  EXPECT_TRUE(pacer.IsDue(start));
  EXPECT_FALSE(pacer.IsDue(start + std::chrono::milliseconds(99)));
  EXPECT_TRUE(pacer.IsDue(start + std::chrono::milliseconds(100)));
}

class PipeTest : public ::testing::Test {
 protected:
  PipeTest() {
    std::signal(SIGPIPE, SIG_IGN);
    CHECK(::pipe(ends_) == 0);
  }
  ~PipeTest() override {
    std::signal(SIGPIPE, SIG_DFL);
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  int ends_[2];
};

TEST_F(PipeTest, WritesWhenItIsFlushed) {
  Output out(ends_[1]);
  EXPECT_TRUE(out.Write("hello ").ok());
  EXPECT_TRUE(out.Write("world").ok());
  EXPECT_TRUE(out.Flush().ok());
  char buffer[100];
  EXPECT_EQ(::read(ends_[0], buffer, sizeof(buffer)), 11);
}

TEST_F(PipeTest, SaysThatNobodyReads) {
  ::close(ends_[0]);
  Output out(ends_[1]);
  EXPECT_TRUE(out.Write("hello").ok());
  EXPECT_EQ(out.Flush().code(), StatusCode::kCancelled);
  EXPECT_TRUE(out.closed());
  EXPECT_EQ(out.Write("x").code(), StatusCode::kCancelled);
}

CommandNode Tree() {
  CommandNode root{"carillon", "The program", {{{"--bucket"}, true, "it's a bucket"}}, {}, false};
  root.commands.push_back({"load", "Load: events", {{{"--strict"}, false, "end"}}, {}, true});
  root.commands.push_back({"bucket", "Buckets", {}, {{"list", "List", {}, {}, false}}, false});
  return root;
}

TEST(CompletionTest, NamesVerbsAndOptionsInEveryShell) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = MakeCompletion(shell, Tree());
    ASSERT_TRUE(script.ok());
    for (const char* word : {"load", "bucket", "list", "strict"}) {
      EXPECT_THAT(*script, HasSubstr(word)) << shell;
    }
  }
  EXPECT_FALSE(MakeCompletion("csh", Tree()).ok());
}

// What bash offers for `words`, the last of which is being typed.
std::string Offer(const std::string& words) {
  const std::string script = MakeCompletion("bash", Tree()).value() + "COMP_WORDS=(" + words +
                             ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n" +
                             "_carillon\necho \"${COMPREPLY[*]}\"\n";
  const std::string path =
      fmt::format("{}completion_test.{}.bash", ::testing::TempDir(), ::getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fwrite(script.data(), 1, script.size(), file);
  std::fclose(file);
  std::FILE* shell = ::popen(("bash " + path).c_str(), "r");
  char line[1000] = "";
  const char* got = std::fgets(line, sizeof(line), shell);
  ::pclose(shell);
  ::unlink(path.c_str());
  std::string offered = got == nullptr ? "" : got;
  while (!offered.empty() && offered.back() == '\n') offered.pop_back();
  return offered;
}

TEST(CompletionTest, OffersInBashWhatFits) {
  EXPECT_EQ(Offer("carillon ''"), "load bucket");
  EXPECT_EQ(Offer("carillon lo"), "load");
  EXPECT_EQ(Offer("carillon bucket l"), "list");
  EXPECT_EQ(Offer("carillon --bucket load b"), "bucket");
  EXPECT_EQ(Offer("carillon load --s"), "--strict");
  EXPECT_EQ(Offer("carillon load --b"), "--bucket");
}

}  // namespace
}  // namespace carillon
