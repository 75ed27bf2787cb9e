#include "crunch/dictionary.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "base/random.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary_cache.h"
#include "crunch/dictionary_maker.h"
#include "crunch/dictionary_trainer.h"

namespace carillon {
namespace {

using ::testing::HasSubstr;

// An event with much in common with every other of its kind.
std::string Event(Random* random, std::string_view kind) {
  return fmt::format(
      R"({{"timestamp":{},"type":"{}","user":"{:016x}","action":{{"name":"view",)"
      R"("page":"/hotel/{}"}},)"
      R"("agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101","tuning":{{"variant":{}}}}})",
      1'700'000'000 + random->Below(100'000), kind, random->Next(), random->Below(100'000),
      random->Below(4));
}

std::string Chunk(Random* random, int events, std::string_view kind = "WEB") {
  std::string lines;
  for (int i = 0; i < events; ++i) lines += Event(random, kind) + '\n';
  return lines;
}

DictionaryTrainer Filled(std::string_view kind, int events_in_a_chunk = 1) {
  Random random(7);
  DictionaryTrainer trainer;
  while (!trainer.IsReady()) trainer.Add(Chunk(&random, events_in_a_chunk, kind));
  return trainer;
}

std::shared_ptr<const Dictionary> Trained(std::string_view kind = "WEB") {
  return *Dictionary::Load(Filled(kind).Train().value());
}

const ChunkKey kPlace{Epoch(0), "1", "cell0", "WEB", "events", 0};

TEST(DictionaryTest, HasTheKeyThatAReaderDerivesFromTheChunk) {
  const ChunkKey chunk{Epoch(1428415043), "1", "cell0", "WEB", "app", 77};
  EXPECT_EQ(ToString(DictionaryKeyOf(chunk, "events", 99)), "0:1:cell0:WEB:events:chunk99");
}

TEST(DictionaryTest, MakesAChunkOfOneEventSmallAndGivesItBack) {
  const auto dictionary = Trained();
  Random random(8);
  const std::string lines = Chunk(&random, 1);
  const Bytes value = EncodeChunkValue(lines, dictionary.get());
  EXPECT_LT(value.size() * 2, EncodeChunkValue(lines).size());
  EXPECT_EQ(DictionaryIdOf(value), dictionary->id());
  const auto decoded = DecodeChunkValue(value, dictionary.get());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, lines);
}

TEST(DictionaryTest, LeavesNothingBehindForTheNextFrame) {
  const auto dictionary = Trained();
  Random random(8);
  const std::string lines = Chunk(&random, 2);
  const Bytes plain = EncodeChunkValue(lines);
  const Bytes value = EncodeChunkValue(lines, dictionary.get());
  EXPECT_EQ(EncodeChunkValue(lines), plain);
  ASSERT_TRUE(DecodeChunkValue(value, dictionary.get()).ok());
  EXPECT_EQ(*DecodeChunkValue(plain), lines);
  EXPECT_EQ(*DecodeChunkValue(plain, dictionary.get()), lines);  // not looked at
}

TEST(DictionaryTest, IsNamedWhenItIsMissingOrAnother) {
  const auto right = Trained("WEB");
  const auto wrong = Trained("MOBILE");
  ASSERT_NE(right->id(), wrong->id());
  Random random(8);
  const Bytes value = EncodeChunkValue(Chunk(&random, 1), right.get());
  for (const Dictionary* dictionary : {static_cast<const Dictionary*>(nullptr), wrong.get()}) {
    const Status status = DecodeChunkValue(value, dictionary).status();
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(Message(status)), HasSubstr(std::to_string(right->id())));
  }
}

TEST(DictionaryTest, IsNotUsedForManyLines) {
  const auto dictionary = Trained();
  Random random(8);
  const auto small = EncodeLines(Chunk(&random, 10), 512'000, dictionary.get());
  const auto large = EncodeLines(Chunk(&random, 200), 512'000, dictionary.get());
  EXPECT_EQ(DictionaryIdOf(small.at(0).value), dictionary->id());
  EXPECT_EQ(DictionaryIdOf(large.at(0).value), 0u);
}

TEST(DictionaryTest, DoesNotLiftTheLimitsOfAFrame) {
  const auto dictionary = Trained();
  const std::string bomb((std::size_t{128} << 20) + 1, 'x');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_refCDict(context, dictionary->encoder());
  std::string frame(ZSTD_compressBound(bomb.size()), '\0');
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), bomb.data(), bomb.size()));
  ZSTD_freeCCtx(context);
  ASSERT_EQ(DictionaryIdOf(frame), dictionary->id());
  EXPECT_EQ(DecodeChunkValue(frame, dictionary.get()).status().code(), StatusCode::kDataLoss);
}

TEST(DictionaryTest, SurvivesEveryFlippedBitOfAFrame) {
  const auto dictionary = Trained();
  Random random(8);
  const Bytes value = EncodeChunkValue(Chunk(&random, 1), dictionary.get());
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    Bytes flipped = value;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    (void)DecodeChunkValue(flipped, dictionary.get());  // whatever it says
  }
  EXPECT_TRUE(DecodeChunkValue(value, dictionary.get()).ok());
}

TEST(DictionaryTest, RefusesWhatIsNone) {
  const Bytes good = Trained()->bytes();
  EXPECT_EQ(Dictionary::Load("").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Dictionary::Load(std::string(1000, 'x')).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Dictionary::Load(good.substr(0, 20)).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Dictionary::Load(good + std::string(kMaxDictionaryBytes, 'x')).status().code(),
            StatusCode::kDataLoss);
  EXPECT_TRUE(Dictionary::Load(good).ok());
}

TEST(DictionaryTrainerTest, MakesTheSameOfTheSameChunks) {
  EXPECT_EQ(Filled("WEB").Train(), Filled("WEB").Train());
}

TEST(DictionaryTrainerTest, MakesNoneOfWhatHasNothingInCommon) {
  Random random(3);
  DictionaryTrainer trainer;
  while (!trainer.IsReady()) {
    std::string line(200, '\0');
    for (char& c : line) c = static_cast<char>(' ' + random.Below(95));
    trainer.Add(line + '\n');
  }
  EXPECT_FALSE(trainer.Train().has_value());
}

TEST(DictionaryTrainerTest, MakesNoneOfAFewLongLines) {
  DictionaryTrainer trainer;
  Random random(3);
  while (!trainer.IsReady()) {
    std::string line(kMaxRawBytesWithDictionary - 1, '\0');
    for (char& c : line) c = static_cast<char>('a' + random.Below(26));
    trainer.Add(line + '\n');
  }
  EXPECT_FALSE(trainer.Train().has_value());
}

TEST(DictionaryTrainerTest, PassesOverChunksThatNeedNone) {
  DictionaryTrainer trainer;
  for (int i = 0; i < 100; ++i) trainer.Add(std::string(kMaxRawBytesWithDictionary, 'x') + '\n');
  EXPECT_FALSE(trainer.IsReady());
}

TEST(DictionaryCacheTest, NamesTheKeyOfWhatCannotBeUsed) {
  DictionaryCache cache;
  ChunkKey key = kPlace;
  key.number = 5;
  const auto text = [](const Status& status) { return std::string(Message(status)); };
  const Status missing = cache.Keep(key, NotFound("no such chunk")).status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(text(missing), HasSubstr("0:1:cell0:WEB:events:chunk5"));
  EXPECT_EQ(cache.Keep(key, Bytes("nonsense")).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(cache.Keep(key, Trained()->bytes()).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(cache.Find(key), nullptr);
}

TEST(DictionaryCacheTest, KeepsWhatWasUsedLast) {
  DictionaryCache cache;
  const auto dictionary = Trained();
  ChunkKey key = kPlace;
  key.number = dictionary->id();
  const auto at = [&key](std::size_t cell) {
    ChunkKey other = key;
    other.cell = fmt::format("cell{}", cell);
    return other;
  };
  for (std::size_t i = 0; i <= DictionaryCache::kMaxDictionaries; ++i) {
    ASSERT_TRUE(cache.Keep(at(i), dictionary->bytes()).ok());
    EXPECT_NE(cache.Find(at(0)), nullptr);
  }
  EXPECT_EQ(cache.Find(at(1)), nullptr);
}

// Chooses for small chunks until there is a dictionary, or for so many chunks.
std::shared_ptr<const Dictionary> ChooseUntilMade(DictionaryMaker* maker, int chunks) {
  Random random(9);
  for (int i = 0; i < chunks; ++i) {
    if (const auto chosen = maker->Choose(kPlace, Chunk(&random, 2))) return chosen;
    std::this_thread::yield();
  }
  return nullptr;
}

TEST(DictionaryMakerTest, OffersADictionaryOnlyOnceItIsStored) {
  std::map<std::string, Bytes> stored;
  std::atomic<bool> returned = false;
  DictionaryMaker maker({.store = [&](const ChunkKey& key, const Bytes& bytes) {
    Random random(1);
    EXPECT_EQ(maker.Choose(kPlace, Chunk(&random, 1)), nullptr);
    stored[ToString(key)] = bytes;
    returned = true;
    return OkStatus();
  }});
  const auto chosen = ChooseUntilMade(&maker, 100'000'000);
  ASSERT_NE(chosen, nullptr);
  EXPECT_TRUE(returned);
  EXPECT_EQ(stored.at(fmt::format("0:1:cell0:WEB:events:chunk{}", chosen->id())), chosen->bytes());
  EXPECT_EQ(maker.adopted(), 1u);
}

TEST(DictionaryMakerTest, OffersNoneThatCouldNotBeStored) {
  DictionaryMaker maker(
      {.store = [](const ChunkKey&, const Bytes&) { return Unavailable("away"); }});
  Random random(9);
  while (maker.failure().ok()) EXPECT_EQ(maker.Choose(kPlace, Chunk(&random, 2)), nullptr);
  EXPECT_EQ(ChooseUntilMade(&maker, 1000), nullptr);
  EXPECT_EQ(maker.adopted(), 0u);
}

ChunkKey PlaceOf(int number) {
  ChunkKey place = kPlace;
  place.subtype = fmt::format("b{}", number);
  return place;
}

// A shelf in memory that can be away. It counts.
struct Shelf {
  std::mutex mutex;
  std::map<ChunkKey, Bytes> stored;
  int finds = 0;
  int stores = 0;
  int failures_left = 0;

  Status Fail() {
    if (failures_left == 0) return OkStatus();
    --failures_left;
    return Unavailable("away");
  }
  DictionaryShelf Door() {
    return {.find = [this](const ChunkKey& place) -> StatusOr<DictionaryShelf::Dictionaries> {
              const std::lock_guard lock(mutex);
              ++finds;
              RETURN_IF_ERROR(Fail());
              DictionaryShelf::Dictionaries found;
              for (const auto& [key, bytes] : stored) {
                ChunkKey of = key;
                of.number = 0;
                if (of == place) found.push_back(*Dictionary::Load(bytes));
              }
              return found;
            },
            .store =
                [this](const ChunkKey& key, const Bytes& bytes) {
                  const std::lock_guard lock(mutex);
                  ++stores;
                  RETURN_IF_ERROR(Fail());
                  stored[key] = bytes;
                  return OkStatus();
                }};
  }
  void Put(const ChunkKey& place, const Dictionary& dictionary) {
    const std::lock_guard lock(mutex);
    ChunkKey key = place;
    key.number = dictionary.id();
    stored[key] = dictionary.bytes();
  }
};

const DictionaryMakerOptions kNoPause{.pause = std::chrono::milliseconds(0)};

TEST(DictionaryMakerTest, FindsWhatAnotherHasStoredLongBeforeItCouldTrainOne) {
  Shelf shelf;
  const auto known = Trained();
  shelf.Put(kPlace, *known);
  DictionaryMaker maker(shelf.Door());
  Random random(10);
  std::size_t bytes = 0;
  while (bytes < DictionaryMaker::kLookBytes) {
    const std::string chunk = Chunk(&random, 2);
    bytes += chunk.size();
    maker.Choose(kPlace, chunk);
  }
  while (maker.adopted() == 0) std::this_thread::yield();
  const auto chosen = maker.Choose(kPlace, Chunk(&random, 1));
  ASSERT_NE(chosen, nullptr);
  EXPECT_EQ(chosen->id(), known->id());
}

// Goes on until the maker has looked at the shelf so many times.
void ChooseUntilLooked(DictionaryMaker* maker, Shelf* shelf, int finds, const ChunkKey& place) {
  Random random(11);
  const auto looked = [&] {
    const std::lock_guard lock(shelf->mutex);
    return shelf->finds >= finds;
  };
  while (!looked()) maker->Choose(place, Chunk(&random, 2));
}

TEST(DictionaryMakerTest, StoresNoneThatIsHardlyBetterThanWhatIsThere) {
  Shelf shelf;
  const auto known = Trained();
  shelf.Put(kPlace, *known);
  DictionaryMaker maker(shelf.Door());
  ChooseUntilLooked(&maker, &shelf, 2, kPlace);      // the second time, it has seen enough to train
  ChooseUntilLooked(&maker, &shelf, 3, PlaceOf(1));  // and when it looks again, it is done with it
  const std::lock_guard lock(shelf.mutex);
  EXPECT_EQ(shelf.stores, 0);
}

TEST(DictionaryMakerTest, DoesNotUseWhatDoesNotSuitItsEvents) {
  Shelf shelf;
  DictionaryTrainer other;
  for (int i = 0; !other.IsReady(); ++i) {
    other.Add(fmt::format("<measurement station='north-{}' kelvin='{}'/>\n", i % 7, i * 31 % 400));
  }
  const auto wrong = *Dictionary::Load(other.Train().value());
  shelf.Put(kPlace, *wrong);
  DictionaryMaker maker(shelf.Door());
  const auto chosen = ChooseUntilMade(&maker, 100'000'000);
  ASSERT_NE(chosen, nullptr);
  EXPECT_NE(chosen->id(), wrong->id());
  EXPECT_EQ(shelf.stored.size(), 2u);
}

TEST(DictionaryMakerTest, CollectsWhileItLooks) {
  Shelf shelf;
  shelf.mutex.lock();  // it looks until this is released
  DictionaryMaker maker(shelf.Door());
  Random random(13);
  for (std::size_t bytes = 0; bytes < DictionaryTrainer::kSampleBytes;) {
    const std::string chunk = Chunk(&random, 2);
    bytes += chunk.size();
    EXPECT_EQ(maker.Choose(kPlace, chunk), nullptr);
  }
  shelf.mutex.unlock();
  while (maker.adopted() == 0) std::this_thread::yield();
  const std::lock_guard lock(shelf.mutex);
  EXPECT_EQ(shelf.stored.size(), 1u);
}

TEST(DictionaryMakerTest, TriesAgainWhatTheShelfDidNotTake) {
  Shelf shelf;
  shelf.failures_left = 3;
  DictionaryMaker maker(shelf.Door(), kNoPause);
  EXPECT_NE(ChooseUntilMade(&maker, 100'000'000), nullptr);
  EXPECT_EQ(maker.failures(), 3u);
  EXPECT_EQ(maker.failure().code(), StatusCode::kUnavailable);
}

TEST(DictionaryMakerTest, LeavesAnIdThatIsAnothersAlone) {
  std::atomic<int> stores = 0;
  DictionaryMaker maker({.store =
                             [&stores](const ChunkKey&, const Bytes&) {
                               ++stores;
                               return AlreadyExists("another's");
                             }},
                        kNoPause);
  Random random(9);
  while (maker.failures() == 0) maker.Choose(kPlace, Chunk(&random, 2));
  EXPECT_EQ(ChooseUntilMade(&maker, 2000), nullptr);
  EXPECT_EQ(stores, 1);
}

class HandClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  WallTime WallNow() const override { return {}; }
  Instant now{std::chrono::hours(1)};
};

TEST(DictionaryMakerTest, GivesAPlaceOfWhichNothingIsHeardToAnother) {
  Shelf shelf;
  const auto known = Trained();
  for (const int number : {0, 1, 2}) shelf.Put(PlaceOf(number), *known);
  HandClock clock;
  DictionaryMaker maker(shelf.Door(), {.clock = &clock, .max_held = 2});
  Random random(12);
  const auto fill = [&](int number) {
    for (std::size_t bytes = 0; bytes <= 2 * DictionaryMaker::kLookBytes;) {
      const std::string chunk = Chunk(&random, 2);
      bytes += chunk.size();
      maker.Choose(PlaceOf(number), chunk);
    }
  };
  const auto used = [&](int number) {
    return maker.Choose(PlaceOf(number), Chunk(&random, 1)) != nullptr;
  };
  fill(0);
  fill(1);
  while (maker.adopted() < 2) std::this_thread::yield();
  fill(2);
  EXPECT_FALSE(used(2));  // there is no room
  clock.now += DictionaryMaker::kIdle;
  EXPECT_TRUE(used(1));
  fill(2);
  while (maker.adopted() < 2) std::this_thread::yield();
  while (!used(2)) std::this_thread::yield();
  EXPECT_TRUE(used(1));
  EXPECT_FALSE(used(0));
}

}  // namespace
}  // namespace carillon
