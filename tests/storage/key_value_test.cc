// What both key-value stores promise: RocksDB on real files, and memory.
#include "storage/key_value.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "storage/digest.h"
#include "storage/memory_key_value.h"
#include "storage/rocksdb_key_value.h"
#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

class KeyValueTest : public testing::TestWithParam<Ground> {
 protected:
  KeyValueTest() {
    if (GetParam() == Ground::kMachine) {
      factory_ = NewRocksdbFactory({.cache_bytes = 8 << 20, .write_buffer_bytes = 1 << 20});
    } else {
      factory_ = std::make_unique<MemoryKeyValueFactory>();
    }
    Open();
  }
  void Open() {
    store_.reset();
    auto opened = factory_->Open(directory());
    ASSERT_TRUE(opened.ok()) << ToString(opened.status());
    store_ = std::move(*opened);
  }
  std::string directory() const { return temporary_.path() + "/index"; }
  std::optional<Bytes> Get(Family family, std::string_view key) const {
    const auto value = store_->Get(family, key);
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : std::nullopt;
  }
  void Put(Family family, const Bytes& key, const Bytes& value) {
    KeyValueBatch batch;
    batch.Put(family, key, value);
    ASSERT_TRUE(store_->Write(batch).ok());
  }
  std::map<Bytes, Bytes> All(Family family) const {
    std::map<Bytes, Bytes> all;
    const auto cursor = store_->NewCursor(family);
    for (cursor->Seek(""); cursor->Valid(); cursor->Next()) {
      all.emplace(cursor->key(), cursor->value());
    }
    EXPECT_TRUE(cursor->status().ok());
    return all;
  }

  TemporaryDirectory temporary_;
  std::unique_ptr<KeyValueFactory> factory_;
  std::unique_ptr<KeyValueStore> store_;
};
INSTANTIATE_TEST_SUITE_P(, KeyValueTest, testing::Values(Ground::kSimulated, Ground::kMachine),
                         [](const auto& info) {
                           return info.param == Ground::kMachine ? "Rocksdb" : "Memory";
                         });

TEST_P(KeyValueTest, GetsWhatWasPutAndNothingElse) {
  Put(Family::kChunks, "a", "1");
  Put(Family::kChunks, Bytes("\0\xff", 2), "");
  EXPECT_EQ(Get(Family::kChunks, "a"), "1");
  EXPECT_EQ(Get(Family::kChunks, std::string_view("\0\xff", 2)), "");
  EXPECT_EQ(Get(Family::kChunks, "b"), std::nullopt);
}

TEST_P(KeyValueTest, FamiliesDoNotShareKeys) {
  Put(Family::kChunks, "k", "chunk");
  Put(Family::kMeta, "k", "meta");
  EXPECT_EQ(Get(Family::kChunks, "k"), "chunk");
  EXPECT_EQ(Get(Family::kMeta, "k"), "meta");
  EXPECT_EQ(Get(Family::kManifests, "k"), std::nullopt);
}

TEST_P(KeyValueTest, MultiGetAnswersInTheOrderOfTheKeys) {
  Put(Family::kChunks, "a", "1");
  Put(Family::kChunks, "c", "3");
  const auto values = store_->MultiGet(Family::kChunks, {"c", "b", "a", "c"});
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(*values, (std::vector<std::optional<Bytes>>{"3", std::nullopt, "1", "3"}));
  EXPECT_TRUE(store_->MultiGet(Family::kChunks, {})->empty());
}

TEST_P(KeyValueTest, ChangesOfABatchAreMadeInOrder) {
  Put(Family::kChunks, "b", "old");
  KeyValueBatch batch;
  batch.Put(Family::kChunks, "a", "1");
  batch.DeleteRange(Family::kChunks, "a", "c");
  batch.Put(Family::kChunks, "b", "new");
  batch.Put(Family::kChunks, "c", "3");
  batch.Delete(Family::kChunks, "c");
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(All(Family::kChunks), (std::map<Bytes, Bytes>{{"b", "new"}}));
}

TEST_P(KeyValueTest, ADeletedRangeDoesNotHoldItsEnd) {
  for (const char* key : {"a", "b", "c"}) Put(Family::kChunks, key, "x");
  KeyValueBatch batch;
  batch.DeleteRange(Family::kChunks, "a", "c");
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(All(Family::kChunks), (std::map<Bytes, Bytes>{{"c", "x"}}));
}

TEST_P(KeyValueTest, DigestsAreAdded) {
  KeyValueBatch batch;
  batch.MergeDigest("d", EncodeDigest(DigestOf("a", 1)));
  batch.MergeDigest("d", EncodeDigest(DigestOf("b", 2)));
  ASSERT_TRUE(store_->Write(batch).ok());
  batch.changes.clear();
  batch.MergeDigest("d", EncodeDigest(NegativeDigestOf("a", 1)));
  ASSERT_TRUE(store_->Write(batch).ok());
  EXPECT_EQ(*DecodeDigest(*Get(Family::kDigests, "d")), DigestOf("b", 2));
}

TEST_P(KeyValueTest, ACursorWalksInByteOrderFromWhereItSeeks) {
  for (const Bytes& key : {Bytes("b"), Bytes("\xff"), Bytes("a\0", 2), Bytes("a")}) {
    Put(Family::kChunks, key, "x");
  }
  const auto cursor = store_->NewCursor(Family::kChunks);
  std::vector<Bytes> keys;
  for (cursor->Seek(std::string_view("a\0", 2)); cursor->Valid(); cursor->Next()) {
    keys.emplace_back(cursor->key());
  }
  EXPECT_EQ(keys, (std::vector<Bytes>{Bytes("a\0", 2), "b", "\xff"}));
}

TEST_P(KeyValueTest, ACursorDoesNotSeeLaterChanges) {
  Put(Family::kChunks, "a", "1");
  const auto cursor = store_->NewCursor(Family::kChunks);
  Put(Family::kChunks, "a", "2");
  Put(Family::kChunks, "b", "2");
  cursor->Seek("");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->value(), "1");
  cursor->Next();
  EXPECT_FALSE(cursor->Valid());
}

TEST_P(KeyValueTest, WhatWasFlushedIsThereWhenOpenedAgain) {
  Put(Family::kChunks, "a", "1");
  Put(Family::kMeta, "m", "2");
  ASSERT_TRUE(store_->Flush().ok());
  Open();
  EXPECT_EQ(Get(Family::kChunks, "a"), "1");
  EXPECT_EQ(Get(Family::kMeta, "m"), "2");
}

TEST_P(KeyValueTest, UnflushedBytesGrowAndAreNoneAfterAFlush) {
  Put(Family::kChunks, "a", Bytes(100'000, 'x'));
  EXPECT_GE(store_->UnflushedBytes(), 100'000u);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_LT(store_->UnflushedBytes(), 100'000u);
}

TEST_P(KeyValueTest, DestroyLeavesNothing) {
  Put(Family::kChunks, "a", "1");
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  ASSERT_TRUE(factory_->Destroy(directory()).ok());
  Open();
  EXPECT_EQ(Get(Family::kChunks, "a"), std::nullopt);
}

// Both are compared with a plain map under the same random changes.
TEST_P(KeyValueTest, AgreesWithAMap) {
  Random random(5);
  std::map<Bytes, Bytes> model;
  for (int round = 0; round < 60; ++round) {
    KeyValueBatch batch;
    for (int change = 0; change < 20; ++change) {
      const Bytes key = fmt::format("{:02}", random.Below(60));
      const Bytes value = fmt::format("{}", random.Next());
      if (random.OneIn(10)) {
        const Bytes limit = fmt::format("{:02}", random.Below(60));
        if (limit <= key) continue;
        batch.DeleteRange(Family::kChunks, key, limit);
        model.erase(model.lower_bound(key), model.lower_bound(limit));
      } else if (random.OneIn(3)) {
        batch.Delete(Family::kChunks, key);
        model.erase(key);
      } else {
        batch.Put(Family::kChunks, key, value);
        model[key] = value;
      }
    }
    ASSERT_TRUE(store_->Write(batch).ok());
    if (random.OneIn(5)) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    ASSERT_EQ(All(Family::kChunks), model) << "round " << round;
  }
}

// Copies the files of a store that still runs: what a crash of the process leaves. All that was
// flushed is there, and each batch is there in all families or in none.
TEST(RocksdbKeyValueTest, AfterACrashAllFamiliesAreOfOneMoment) {
  const TemporaryDirectory temporary;
  const auto factory = NewRocksdbFactory({.cache_bytes = 4 << 20, .write_buffer_bytes = 64 << 10});
  auto store = factory->Open(temporary.path() + "/index");
  ASSERT_TRUE(store.ok());
  int flushed = 0;
  for (int n = 1; n <= 300; ++n) {
    KeyValueBatch batch;
    for (const Family family : {Family::kChunks, Family::kManifests, Family::kMeta}) {
      batch.Put(family, fmt::format("{:04}", n), Bytes(family == Family::kChunks ? 500 : 5, 'x'));
    }
    ASSERT_TRUE((*store)->Write(batch).ok());
    if (n % 97 == 0) {
      ASSERT_TRUE((*store)->Flush().ok());
      flushed = n;
    }
    if (n % 50 != 0) continue;
    const std::string copy = fmt::format("{}/copy{}", temporary.path(), n);
    std::filesystem::copy(temporary.path() + "/index", copy,
                          std::filesystem::copy_options::recursive);
    const auto crashed = factory->Open(copy);
    ASSERT_TRUE(crashed.ok()) << ToString(crashed.status());
    std::map<Family, int> count;
    for (const Family family : {Family::kChunks, Family::kManifests, Family::kMeta}) {
      const auto cursor = (*crashed)->NewCursor(family);
      for (cursor->Seek(""); cursor->Valid(); cursor->Next()) ++count[family];
    }
    EXPECT_GE(count[Family::kChunks], flushed);
    EXPECT_EQ(count[Family::kChunks], count[Family::kManifests]);
    EXPECT_EQ(count[Family::kChunks], count[Family::kMeta]);
  }
}

TEST(RocksdbKeyValueTest, ADamagedTableIsDataLoss) {
  const TemporaryDirectory temporary;
  const std::string directory = temporary.path() + "/index";
  const auto factory = NewRocksdbFactory({.cache_bytes = 4 << 20, .write_buffer_bytes = 1 << 20});
  {
    auto store = factory->Open(directory);
    KeyValueBatch batch;
    for (int n = 0; n < 2000; ++n) batch.Put(Family::kChunks, fmt::format("{:05}", n), "value");
    ASSERT_TRUE((*store)->Write(batch).ok());
    ASSERT_TRUE((*store)->Flush().ok());
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 8000) continue;
    std::FILE* file = std::fopen(entry.path().c_str(), "r+b");
    ASSERT_NE(file, nullptr);
    std::fseek(file, 3000, SEEK_SET);
    std::fputs("damage", file);
    std::fclose(file);
  }
  EXPECT_EQ(factory->Open(directory).status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(factory->Destroy(directory).ok());
  EXPECT_TRUE(factory->Open(directory).ok());
}

}  // namespace
}  // namespace carillon
