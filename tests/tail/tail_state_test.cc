#include "collector/tail/tail_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/tail/tail_store.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

TailState Example() {
  TailState state{.salt = 0x0123456789abcdef, .next_number = 18, .started = {"app", "nginx"}};
  state.files[17] = {.number = 17,
                     .tail = "app",
                     .path = "/var/log/app.log",
                     .identity = {.device = 7, .inode = 99, .born_ns = -5},
                     .offset = 4096,
                     .in_cut_line = true,
                     .head = std::string("he\0ad", 5),
                     .before = 0xfedc};
  return state;
}

TEST(TailStateTest, ComesBackAsItWasWritten) {
  const auto decoded = DecodeTailState(EncodeTailState(Example()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, Example());
  EXPECT_EQ(*DecodeTailState(EncodeTailState({})), TailState());
}

// docs/FORMATS.md, "Spool".
TEST(TailStateTest, HasTheBytesThatAreWrittenDown) {
  TailState state{.salt = 1, .next_number = 3, .started = {"a"}};
  state.files[2] = {.number = 2,
                    .tail = "a",
                    .path = "/b",
                    .identity = {.inode = 300},
                    .offset = 5,
                    .head = "h",
                    .before = 0x01020304};
  const std::string body = std::string("CRLNTAIL\1\1\0\0\0\0\0\0\0\3\1\1a\1", 22) +
                           std::string("\2\1a\2/b\0\xac\x02\0\0\0\0\0\0\0\0\5\0\1h\4\3\2\1", 25);
  const Bytes bytes = EncodeTailState(state);
  EXPECT_EQ(bytes.substr(0, bytes.size() - 4), body);
}

TEST(TailStateTest, RefusesWhatIsTornOrFlipped) {
  const Bytes whole = EncodeTailState(Example());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(DecodeTailState(whole.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 4);
    EXPECT_EQ(DecodeTailState(flipped).status().code(), StatusCode::kDataLoss) << i;
  }
}

TEST(TailEventIdTest, SaysWhereItsLineEnds) {
  const TailPlace place{.number = 17, .end = 4096, .before = 0xc4c};
  const TailPlace cut{.number = 17, .end = 4096, .before = 0x12345678, .cut = true};
  EXPECT_EQ(TailEventId(0xab, place), "tail-00000000000000ab-17-4096-00000c4c");
  EXPECT_EQ(TailEventId(0xab, cut), "tail-00000000000000ab-17-4096-12345678+");
  EXPECT_EQ(ParseTailEventId(0xab, TailEventId(0xab, place)), place);
  EXPECT_EQ(ParseTailEventId(0xab, TailEventId(0xab, cut)), cut);
}

TEST(TailEventIdTest, KnowsNoIdsOfOthers) {
  for (const std::string_view id :
       {"", "tail-", "tail-00000000000000ac-17-4096-00000001", "tail-00000000000000ab-17",
        "tail-00000000000000ab-17-4096", "tail-00000000000000ab-17-4096-0000001x",
        "tail-00000000000000ab-17-4096-00000001x", "tail-00000000000000ab--1-4096-00000001",
        "order-17", "tail-00000000000000ab-17-99999999999999999999-00000001"}) {
    EXPECT_EQ(ParseTailEventId(0xab, id), std::nullopt) << id;
  }
}

TEST(TailStateTest, BelievesWhatTheIntakeHas) {
  TailState state = Example();
  Believe(TailEventId(state.salt, {.number = 17, .end = 4000}), &state);
  EXPECT_EQ(state, Example());  // an older event
  Believe(TailEventId(state.salt, {.number = 16, .end = 9000}), &state);
  EXPECT_EQ(state, Example());  // of a file that is forgotten
  Believe(TailEventId(state.salt + 1, {.number = 17, .end = 9000}), &state);
  EXPECT_EQ(state, Example());  // of another spool, or a client's invention
  Believe(TailEventId(state.salt, {.number = 17, .end = 9000, .before = 7}), &state);
  EXPECT_EQ(state.files[17].offset, 9000u);
  EXPECT_FALSE(state.files[17].in_cut_line);
  EXPECT_EQ(state.files[17].before, 7u);
}

class TailStoreTest : public ::testing::Test {
 protected:
  TailStoreTest() { EXPECT_TRUE(files_.MakeDirectory("/spool").ok()); }
  std::unique_ptr<TailStore> Open() {
    auto store = TailStore::Open(&files_, "/spool");
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  SimulatedFileSystem files_;
};

TEST_F(TailStoreTest, HasASaltOfItsOwnFromTheStart) {
  EXPECT_NE(Open()->state().salt, Open()->state().salt);
}

TEST_F(TailStoreTest, KeepsWhatWasSaved) {
  auto store = Open();
  store->Set(Example());
  ASSERT_TRUE(store->Save().ok());
  EXPECT_EQ(Open()->state(), Example());
  store->Advance(
      {{.number = 17, .offset = 5000, .head = "h", .before = 2}, {.number = 3, .offset = 1}});
  EXPECT_EQ(Open()->state(), Example());  // not saved yet
  ASSERT_TRUE(store->Save().ok());
  EXPECT_EQ(Open()->state().files.at(17).offset, 5000u);
  EXPECT_EQ(Open()->state().files.size(), 1u);
}

TEST_F(TailStoreTest, SaysWhenThePositionsAreDamaged) {
  auto store = Open();
  store->Set(Example());
  ASSERT_TRUE(store->Save().ok());
  ASSERT_TRUE(ReplaceFile(&files_, "/spool", "TAIL", "nonsense").ok());
  EXPECT_EQ(TailStore::Open(&files_, "/spool").status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace carillon
