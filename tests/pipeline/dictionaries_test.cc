// Chunks with dictionaries, from Keep to the store.
#include "crunch/dictionary.h"

#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int kEvents = 1000;  // of which a dictionary can be trained

class DictionariesTest : public PipelineTest {
 protected:
  PipelineOptions WithDictionaries() {
    PipelineOptions with = options();
    with.dictionaries = true;
    with.lateness = 0s;  // events of seconds that are over are packed at once
    with.max_spool_bytes = 16 * kMinSpoolBytes;
    return with;
  }
  static std::string SmallEvent(int number) {
    return fmt::format(
        R"({{"n":{},"user":"{:08x}","page":"/index.html","agent":"Mozilla/5.0 X11 Linux",)"
        R"("tags":["small","sparse"],"referrer":"https://example.org/from/here"}})",
        number, static_cast<std::uint32_t>(number) * 2654435761u);
  }
  // One event a second: each is a chunk of its own. Waits until the store has committed all that
  // was ever kept: the pipeline's own count has those again that it sends again after a restart.
  void KeepSeconds(int count, const std::string& tenant = "acme") {
    for (int i = 0; i < count; ++i, ++kept_) {
      const auto epoch = kNow - 100'000 + static_cast<std::uint64_t>(kept_);
      ASSERT_TRUE(Keep(tenant, {SmallEvent(kept_)}, epoch).ok());
    }
    while (client.committed_events() < static_cast<std::uint64_t>(kept_)) {
      std::this_thread::yield();
    }
  }
  // Events go on until there is one.
  void AwaitDictionary() {
    while (pipeline->stats().dictionaries == 0) KeepSeconds(1);
  }
  void AwaitFailure() {
    while (pipeline->stats().dictionary_failures == 0) KeepSeconds(1);
  }
  void ExpectAllOnce() {
    EXPECT_THAT(client.Events(),
                AllOf(SizeIs(static_cast<std::size_t>(kept_)), Each(Pair(::testing::_, 1))));
  }
  std::size_t ChunksWith() const {
    std::size_t with = 0;
    for (const auto& [key, id] : client.DictionaryIds()) with += id != 0;
    return with;
  }

  int kept_ = 0;
};

TEST_F(DictionariesTest, NamesADictionaryInEveryChunkOnceItIsStoredAndInNoneBefore) {
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(kEvents);
  AwaitDictionary();
  const std::size_t before = ChunksWith();
  KeepSeconds(100);
  EXPECT_EQ(ChunksWith(), before + 100);
  EXPECT_EQ(client.ChunksOf(kDictionaryBucket), 1u);
  EXPECT_EQ(pipeline->stats().dictionary_chunks, before + 100);
  EXPECT_EQ(pipeline->stats().dictionary_events, before + 100);
  ExpectAllOnce();
  const std::vector<ChunkKey> puts = client.puts();
  const auto dictionary = std::find_if(puts.begin(), puts.end(),
                                       [](const ChunkKey& key) { return key.epoch == Epoch(0); });
  ASSERT_NE(dictionary, puts.end());
  const auto ids = client.DictionaryIds();
  EXPECT_TRUE(
      std::all_of(puts.begin(), dictionary, [&](const ChunkKey& key) { return ids.at(key) == 0; }));
}

TEST_F(DictionariesTest, MakesNoneUnlessItIsTold) {
  PipelineOptions without = WithDictionaries();
  without.dictionaries = false;
  ASSERT_TRUE(OpenWith(without).ok());
  KeepSeconds(kEvents);
  EXPECT_EQ(ChunksWith(), 0u);
  EXPECT_EQ(client.ChunksOf(kDictionaryBucket), 0u);
}

TEST_F(DictionariesTest, PacksWithoutWhileTheRingTakesNone) {
  client.BeforePut([](const std::string& bucket, const ChunkKey&) {
    return bucket == kDictionaryBucket ? Unavailable("away") : OkStatus();
  });
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(kEvents);
  AwaitFailure();
  KeepSeconds(20);
  EXPECT_EQ(ChunksWith(), 0u);
  ExpectAllOnce();
}

TEST_F(DictionariesTest, PacksWithoutWhileTheManifestCannotBeWritten) {
  client.BeforeCommit([](const Commit& commit) {
    return commit.bucket == kDictionaryBucket ? Unavailable("away") : OkStatus();
  });
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(kEvents);
  AwaitFailure();
  KeepSeconds(20);
  EXPECT_EQ(ChunksWith(), 0u);
}

TEST_F(DictionariesTest, GoesOnPackingAndAnsweringWhileTheRingHoldsACallOfADictionary) {
  std::promise<void> release;
  client.BeforeList([held = release.get_future().share()] {
    held.wait();
    return OkStatus();
  });
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  for (int i = 0; i < 100; ++i, ++kept_) {  // beyond what it looks for one at
    ASSERT_TRUE(Keep("acme", {SmallEvent(kept_)}, kNow - 1000 + std::uint64_t(i)).ok());
  }
  while (pipeline->stats().unpacked_events > 0) std::this_thread::yield();
  release.set_value();
  EXPECT_TRUE(pipeline->Drain(10s).ok());
  ExpectAllOnce();
}

TEST_F(DictionariesTest, FindsItAgainAfterARestart) {
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(kEvents);
  AwaitDictionary();
  KeepSeconds(1);
  pipeline.reset();
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(100);  // of which none could be trained
  AwaitDictionary();
  const std::size_t before = ChunksWith();
  KeepSeconds(50);
  EXPECT_EQ(ChunksWith(), before + 50);
  EXPECT_EQ(client.ChunksOf(kDictionaryBucket), 1u);
  ExpectAllOnce();
}

TEST_F(DictionariesTest, UsesTheOneThatAnotherCollectorHasStored) {
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(kEvents);
  AwaitDictionary();
  SimulatedFileSystem other_files;
  PipelineOptions other = WithDictionaries();
  other.files = &other_files;
  pipeline.reset();
  ASSERT_TRUE(OpenWith(other).ok());
  KeepSeconds(100);
  AwaitDictionary();
  KeepSeconds(kEvents);  // enough to train one of its own
  EXPECT_EQ(client.ChunksOf(kDictionaryBucket), 1u);
  ExpectAllOnce();
  pipeline.reset();  // its files go first
}

TEST_F(DictionariesTest, SendsTheSameBytesUnderTheSameKeyAgainAfterACrash) {
  ASSERT_TRUE(OpenWith(WithDictionaries()).ok());
  KeepSeconds(kEvents);
  AwaitDictionary();
  // The store takes them, and nobody hears of it.
  client.After([] { return Unavailable("lost"); });
  for (int i = 0; i < 20; ++i, ++kept_) {
    ASSERT_TRUE(Keep("acme", {SmallEvent(kept_)}, kNow - 50'000 + std::uint64_t(i)).ok());
  }
  for (int i = 0; client.ChunksOf("events") < static_cast<std::size_t>(kept_); ++i) {
    std::this_thread::yield();
    if (i % 1000 == 0) clock.Advance(1);  // each is tried again
  }
  pipeline.reset();
  client.After(nullptr);
  PipelineOptions without = WithDictionaries();
  without.dictionaries = false;  // what is in the outbox stays as it is
  ASSERT_TRUE(OpenWith(without).ok());
  for (int i = 0; i < 2000 && !pipeline->Drain(5ms).ok(); ++i) clock.Advance(1);
  EXPECT_EQ(pipeline->stats().renumbered, 0u);
  EXPECT_GE(ChunksWith(), 20u);
  ExpectAllOnce();
}

}  // namespace
}  // namespace carillon
