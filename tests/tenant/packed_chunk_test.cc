#include "collector/tenant/packed_chunk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary_trainer.h"

namespace carillon {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

class PackedChunkTest : public ::testing::Test {
 protected:
  StatusOr<ChunkInfo> Check(const std::string& value, const std::string& crc = "",
                            std::int64_t epoch = kNow) {
    const std::string key = fmt::format("{}:1:cell0:WEB:app:chunk0", epoch);
    return CheckSentChunk({.key = key, .crc = crc, .value = value}, {.name = "acme"},
                          kNow * 1'000'000);
  }
  StatusCode Refusal(const std::string& value, const std::string& crc = "",
                     std::int64_t epoch = kNow) {
    return Check(value, crc, epoch).status().code();
  }

  const std::string lines_ = "{\"n\":1}\n{\"n\":2}\n";
  const std::string value_ = EncodeChunkValue(lines_);
};

TEST_F(PackedChunkTest, SaysWhatIsInIt) {
  const auto info = Check(value_, fmt::format("{:08x}", Crc32c(value_)));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(ToString(info->key), "1700000000:1:cell0:WEB:app:chunk0");
  EXPECT_EQ(info->events, 2u);
  EXPECT_EQ(info->raw_bytes, lines_.size());
  EXPECT_EQ(info->value_bytes, value_.size());
  EXPECT_EQ(info->value_crc, Crc32c(value_));
}

TEST_F(PackedChunkTest, IsRefusedWhenItsBytesAreNotWhatWasSaid) {
  EXPECT_EQ(Refusal(value_, "00000000"), StatusCode::kInvalidArgument);
  for (const char* crc : {"0", "xxxxxxxx", "0000000000"}) {
    EXPECT_EQ(Refusal(value_, crc), StatusCode::kInvalidArgument) << crc;
  }
}

TEST_F(PackedChunkTest, IsRefusedWhenNobodyCouldReadIt) {
  EXPECT_EQ(Refusal("no frame"), StatusCode::kInvalidArgument);
  EXPECT_EQ(Refusal(value_.substr(0, value_.size() - 1)), StatusCode::kInvalidArgument);
  for (const std::string lines : {"", "\n", "{oops\n", "[1]\n", "{\"n\":1}\n7\n"}) {
    EXPECT_EQ(Refusal(EncodeChunkValue(lines)), StatusCode::kInvalidArgument) << lines;
  }
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "{\"a\":";
  EXPECT_EQ(Refusal(EncodeChunkValue(deep + "1" + std::string(70, '}') + "\n")),
            StatusCode::kInvalidArgument);
}

// Nobody has looked at its events then.
TEST_F(PackedChunkTest, IsRefusedWhenItNeedsADictionary) {
  DictionaryTrainer trainer;
  for (int i = 0; !trainer.IsReady(); ++i) {
    trainer.Add(fmt::format(R"({{"page":"/index.html","agent":"Mozilla/5.0","n":{}}})", i) + '\n');
  }
  const auto dictionary = *Dictionary::Load(trainer.Train().value());
  const Status status = Check(EncodeChunkValue(lines_, dictionary.get())).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), ::testing::HasSubstr("needs the dictionary"));
}

TEST_F(PackedChunkTest, IsRefusedForAKeyThatIsNone) {
  for (const char* key :
       {"", "x", "1700000000:1:cell0:WEB:app:chunk01", "1700000000:1::WEB:app:chunk1"}) {
    EXPECT_EQ(CheckSentChunk({.key = key, .value = value_}, {}, kNow * 1'000'000).status().code(),
              StatusCode::kInvalidArgument)
        << key;
  }
}

TEST_F(PackedChunkTest, IsRefusedForASecondThatItsTenantDoesNotBelieve) {
  const Tenant tenant;
  EXPECT_TRUE(Check(value_, "", kNow - tenant.max_age_seconds).ok());
  EXPECT_TRUE(Check(value_, "", kNow + tenant.max_ahead_seconds).ok());
  EXPECT_EQ(Refusal(value_, "", kNow - tenant.max_age_seconds - 1), StatusCode::kInvalidArgument);
  EXPECT_EQ(Refusal(value_, "", kNow + tenant.max_ahead_seconds + 1), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carillon
