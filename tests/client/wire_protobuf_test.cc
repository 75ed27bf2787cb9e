#include <algorithm>
#include <string>

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include "carillon/v1/events.pb.h"

#include "base/random.h"
#include "proto/wire.h"

namespace carillon {
namespace {

// What protobuf's own classes make of our bytes, and we of theirs.
class WireProtobufTest : public ::testing::Test {
 protected:
  std::string Text() { return std::string(random_.Below(20), 'a') + std::to_string(Number()); }
  // Of every length, zero included.
  std::uint64_t Number() { return random_.OneIn(4) ? 0 : random_.Next() >> random_.Below(64); }
  std::uint32_t Number32() { return static_cast<std::uint32_t>(Number()); }

  Random random_{1};
};

TEST_F(WireProtobufTest, WritesRequestsAsProtobufDoes) {
  for (int i = 0; i < 1000; ++i) {
    wire::PutChunkRequest ours{.bucket = Text(),
                               .key = Text(),
                               .value_crc = Number32(),
                               .state_version = Number(),
                               .partition = Number32(),
                               .value = Rope(Text())};
    v1::PutChunkRequest theirs;
    theirs.set_bucket(ours.bucket);
    theirs.set_key(ours.key);
    theirs.set_value_crc32c(ours.value_crc);
    if (ours.state_version != 0) theirs.mutable_route()->set_state_version(ours.state_version);
    if (ours.partition != 0) theirs.mutable_route()->set_partition(ours.partition);
    theirs.set_value(ours.value.Flatten());
    EXPECT_EQ(wire::Encode(ours).Flatten(), theirs.SerializeAsString());
    const auto back = wire::DecodePutChunkRequest(Rope(theirs.SerializeAsString()));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(wire::Encode(*back).Flatten(), theirs.SerializeAsString());
  }
}

TEST_F(WireProtobufTest, WritesChunkAnswersAsProtobufDoes) {
  for (int i = 0; i < 1000; ++i) {
    wire::GetChunksResponse ours{.key = Text(),
                                 .code = Number32(),
                                 .message = Text(),
                                 .value_crc = Number32(),
                                 .value = Rope(Text())};
    v1::GetChunksResponse theirs;
    theirs.set_key(ours.key);
    theirs.set_code(ours.code);
    theirs.set_message(ours.message);
    theirs.set_value_crc32c(ours.value_crc);
    theirs.set_value(ours.value.Flatten());
    EXPECT_EQ(wire::Encode(ours).Flatten(), theirs.SerializeAsString());
    const auto back = wire::DecodeGetChunksResponse(Rope(theirs.SerializeAsString()));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(wire::Encode(*back).Flatten(), theirs.SerializeAsString());
  }
}

TEST_F(WireProtobufTest, WritesRangeItemsAsProtobufDoes) {
  for (int i = 0; i < 1000; ++i) {
    wire::ReadRangeResponse ours{.code = Number32(),
                                 .message = Text(),
                                 .epoch = Number(),
                                 .dc = Text(),
                                 .complete = random_.OneIn(2),
                                 .value = Rope(Text())};
    v1::ReadRangeResponse theirs;
    if (random_.OneIn(2)) {
      ours.chunk = ChunkInfo{.key = {Epoch(Number() & kMaxEpoch), "1", "c", "T", "s", 3},
                             .events = Number(),
                             .raw_bytes = Number(),
                             .value_bytes = Number32(),
                             .value_crc = Number32()};
      theirs.mutable_chunk()->set_key(ToString(ours.chunk->key));
      theirs.mutable_chunk()->set_events(ours.chunk->events);
      theirs.mutable_chunk()->set_raw_bytes(ours.chunk->raw_bytes);
      theirs.mutable_chunk()->set_value_bytes(ours.chunk->value_bytes);
      theirs.mutable_chunk()->set_value_crc32c(ours.chunk->value_crc);
    }
    theirs.set_code(ours.code);
    theirs.set_message(ours.message);
    theirs.set_epoch(ours.epoch);
    theirs.set_dc(ours.dc);
    theirs.set_complete(ours.complete);
    theirs.set_value(ours.value.Flatten());
    EXPECT_EQ(wire::Encode(ours).Flatten(), theirs.SerializeAsString());
    const auto back = wire::DecodeReadRangeResponse(Rope(theirs.SerializeAsString()));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(wire::Encode(*back).Flatten(), theirs.SerializeAsString());
  }
}

bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
}

// Whatever protobuf accepts of damaged messages we accept with the same meaning, and the other way
// round; but protobuf also checks UTF-8 and takes groups.
TEST_F(WireProtobufTest, ReadsDamagedMessagesAsProtobufDoes) {
  v1::PutChunkRequest sample;
  sample.set_bucket("events");
  sample.set_key("1:1:c:T::chunk0");
  sample.set_value_crc32c(0x01020304);
  sample.mutable_route()->set_state_version(300);
  sample.mutable_route()->set_partition(5);
  sample.set_value("value");
  const std::string whole = sample.SerializeAsString();
  google::protobuf::SetLogHandler(nullptr);  // it says each time that it refused
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = whole;
    damaged[random_.Below(damaged.size())] = static_cast<char>(random_.Below(128));
    v1::PutChunkRequest theirs;
    const auto ours = wire::DecodePutChunkRequest(Rope(damaged));
    if (!theirs.ParseFromString(damaged)) {
      EXPECT_TRUE(!ours.ok() || !IsAscii(ours->bucket + ours->key)) << ours->bucket << ours->key;
      continue;
    }
    if (!ours.ok()) {
      EXPECT_NE(ToString(ours.status()).find("wire type"), std::string::npos) << ours.status();
      continue;
    }
    ++accepted;
    EXPECT_EQ(ours->bucket, theirs.bucket());
    EXPECT_EQ(ours->key, theirs.key());
    EXPECT_EQ(ours->value_crc, theirs.value_crc32c());
    EXPECT_EQ(ours->state_version, theirs.route().state_version());
    EXPECT_EQ(ours->partition, theirs.route().partition());
    EXPECT_EQ(ours->value.Flatten(), theirs.value());
  }
  EXPECT_GT(accepted, 5'000);
}

}  // namespace
}  // namespace carillon
