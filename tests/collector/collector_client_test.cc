#include "collector/collector_client.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "crunch/chunk_codec.h"
#include "crunch/dictionary_trainer.h"

namespace carillon {
namespace {

Bytes ValueWithDictionary() {
  DictionaryTrainer trainer;
  for (int i = 0; !trainer.IsReady(); ++i) {
    trainer.Add(fmt::format(R"({{"page":"/index.html","agent":"Mozilla/5.0","n":{}}})", i) + '\n');
  }
  const auto dictionary = *Dictionary::Load(trainer.Train().value());
  return EncodeChunkValue("{\"page\":\"/index.html\",\"n\":1}\n", dictionary.get());
}

TEST(CollectorClientTest, DoesNotSendWhatNeedsADictionaryAndSaysThatItMayBeTriedAgain) {
  const std::string key_file = std::filesystem::path(testing::TempDir()) / "collector_client_key";
  std::ofstream(key_file) << "wk_0123456789\n";
  // Nobody is there: what is sent is UNAVAILABLE.
  const auto client = *CollectorClient::Open({.to = {"http://127.0.0.1:1"}, .key_file = key_file},
                                             /*max_in_flight=*/1);
  std::remove(key_file.c_str());
  const ChunkKey key{Epoch(100), "1", "cell0", "WEB", "", 7};
  const auto put = [&](Bytes value) {
    return client->PutChunk("events", key, SharedBytes(std::move(value))).status().code();
  };
  EXPECT_EQ(put(ValueWithDictionary()), StatusCode::kUnimplemented);
  EXPECT_EQ(put(EncodeChunkValue("{}\n")), StatusCode::kUnavailable);
  EXPECT_EQ(client->contact().failing, true);
}

}  // namespace
}  // namespace carillon
