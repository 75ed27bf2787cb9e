#include "server/node/peer_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/peer/peer_samples.h"

namespace carillon {
namespace {

using testing::HasSubstr;

Bytes BytesOf(const PeerMessage& message) {
  return EncodePeerRequest(SampleSender(), message).Flatten();
}

// The head with its CRC as it ought to be, after the test has changed a byte of it.
Bytes WithRightCrc(Bytes bytes) {
  std::uint32_t head_bytes = 0;
  std::memcpy(&head_bytes, bytes.data() + 4, sizeof(head_bytes));
  if (head_bytes < 12 || head_bytes > bytes.size()) return bytes;
  const std::uint32_t crc = Crc32c(ByteSpan(bytes).substr(0, head_bytes - 4));
  std::memcpy(bytes.data() + head_bytes - 4, &crc, sizeof(crc));
  return bytes;
}

TEST(PeerCodecTest, BringsEveryRequestBack) {
  for (const PeerMessage& message : SampleRequests()) {
    const Bytes bytes = BytesOf(message);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, bytes.size()}) {
      const auto decoded = DecodePeerRequest(InPieces(bytes, piece));
      ASSERT_TRUE(decoded.ok()) << KindName(message) << ToString(decoded.status());
      EXPECT_EQ(decoded->message.index(), message.index());
      EXPECT_EQ(EncodePeerRequest(decoded->sender, decoded->message).Flatten(), bytes);
    }
  }
}

TEST(PeerCodecTest, BringsEveryReplyBack) {
  for (const PeerReply& reply : SampleReplies()) {
    const Bytes bytes = EncodePeerReply(reply).Flatten();
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, bytes.size()}) {
      const auto decoded = DecodePeerReply(InPieces(bytes, piece));
      ASSERT_TRUE(decoded.ok()) << ToString(decoded.status());
      EXPECT_EQ(decoded->value.index(), reply.value.index());
      EXPECT_EQ(decoded->status, reply.status);
      EXPECT_EQ(decoded->stale_sender, reply.stale_sender);
      EXPECT_EQ(decoded->copied_sender, reply.copied_sender);
      EXPECT_EQ(decoded->newer.hash, reply.newer.hash);
      EXPECT_EQ(EncodePeerReply(*decoded).Flatten(), bytes);
    }
  }
}

TEST(PeerCodecTest, BringsThePartsOfAPutBack) {
  const ReplicaPut put = SamplePut("the value of a chunk");
  const auto decoded = DecodePeerRequest(EncodePeerRequest(SampleSender(), put));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->sender.cluster, SampleSender().cluster);
  EXPECT_EQ(decoded->sender.node, SampleSender().node);
  EXPECT_EQ(decoded->sender.generation, 3u);
  EXPECT_EQ(decoded->sender.version, StateVersion(44));
  EXPECT_EQ(decoded->sender.boot, (BootId{.counter = 5, .id = 55}));
  const auto& back = std::get<ReplicaPut>(decoded->message);
  EXPECT_EQ(back.place.partition, put.place.partition);
  EXPECT_EQ(back.place.ring_position, put.place.ring_position);
  EXPECT_EQ(back.bucket, put.bucket);
  EXPECT_EQ(back.key, put.key);
  EXPECT_EQ(back.ttl_seconds, put.ttl_seconds);
  EXPECT_EQ(back.sync, put.sync);
}

TEST(PeerCodecTest, SharesTheBytesOfAPut) {
  const ReplicaPut put = SamplePut(Bytes(1000, 'v'));
  const Rope request = EncodePeerRequest(SampleSender(), put);
  const auto decoded = DecodePeerRequest(request);
  ASSERT_TRUE(decoded.ok());
  const auto& value = std::get<ReplicaPut>(decoded->message).value;
  ASSERT_EQ(value.pieces().size(), put.value.pieces().size());
  for (std::size_t i = 0; i < value.pieces().size(); ++i) {
    EXPECT_EQ(value.pieces()[i].view().data(), put.value.pieces()[i].view().data());
  }
}

TEST(PeerCodecTest, SharesAValueOfAReplyThatComesInOnePiece) {
  const ReadReply read = SampleValues();
  const auto decoded =
      DecodePeerReply(EncodePeerReply({.version = StateVersion(1), .value = read}));
  ASSERT_TRUE(decoded.ok());
  const auto& back = std::get<ReadReply>(decoded->value);
  ASSERT_EQ(back.values.size(), read.values.size());
  EXPECT_EQ(back.values[0].value.view().data(), read.values[0].value.view().data());
  EXPECT_EQ(back.values[1].status, read.values[1].status);
  EXPECT_EQ(back.values[3].value.view(), "2nd");
}

TEST(PeerCodecTest, RefusesEveryCutAndWhatFollowsTheEnd) {
  for (const PeerMessage& message : SampleRequests()) {
    const Bytes bytes = BytesOf(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(DecodePeerRequest(Rope(bytes.substr(0, size))).status().code(),
                StatusCode::kDataLoss);
    }
    EXPECT_EQ(DecodePeerRequest(Rope(bytes + '\0')).status().code(), StatusCode::kDataLoss);
  }
  for (const PeerReply& reply : SampleReplies()) {
    const Bytes bytes = EncodePeerReply(reply).Flatten();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(DecodePeerReply(Rope(bytes.substr(0, size))).status().code(),
                StatusCode::kDataLoss);
    }
    EXPECT_EQ(DecodePeerReply(Rope(bytes + '\0')).status().code(), StatusCode::kDataLoss);
  }
}

TEST(PeerCodecTest, RefusesARequestWithAnyByteFlipped) {
  for (const PeerMessage& message : SampleRequests()) {
    const Bytes bytes = BytesOf(message);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x55);
      EXPECT_FALSE(DecodePeerRequest(Rope(flipped)).ok()) << KindName(message) << " at " << i;
    }
  }
}

// Even when the CRC of the head agrees with it.
TEST(PeerCodecTest, BelievesNothingThatItCannotSayAgain) {
  for (const PeerMessage& message : SampleRequests()) {
    const Bytes bytes = BytesOf(message);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x81);
      const auto decoded = DecodePeerRequest(Rope(WithRightCrc(flipped)));
      if (decoded.ok()) (void)EncodePeerRequest(decoded->sender, decoded->message);  // may CHECK
    }
  }
  for (const PeerReply& reply : SampleReplies()) {
    const Bytes bytes = EncodePeerReply(reply).Flatten();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x81);
      const auto decoded = DecodePeerReply(Rope(WithRightCrc(flipped)));
      if (decoded.ok()) (void)EncodePeerReply(*decoded);
    }
  }
}

TEST(PeerCodecTest, RefusesAPutWhoseValueIsDamaged) {
  Bytes bytes = BytesOf(SamplePut("the value of a chunk"));
  bytes.back() = 'K';
  const auto decoded = DecodePeerRequest(Rope(bytes));
  EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(ToString(decoded.status()), HasSubstr("1428415043:1:cell0:WEB:app:chunk4"));
}

TEST(PeerCodecTest, HandsOverTheOtherValuesWhenOneOfAReplyIsDamaged) {
  Bytes bytes = EncodePeerReply({.version = StateVersion(1), .value = SampleValues()}).Flatten();
  bytes[bytes.size() - 4] = 'F';  // the last byte of "first"
  const auto decoded = DecodePeerReply(Rope(bytes));
  ASSERT_TRUE(decoded.ok());
  const auto& values = std::get<ReadReply>(decoded->value).values;
  EXPECT_EQ(values[0].status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(values[0].value.size(), 0u);
  EXPECT_EQ(values[3].value.view(), "2nd");
}

TEST(PeerCodecTest, RefusesUnknownFormatsAndKinds) {
  Bytes bytes = BytesOf(EchoRequest{.payload = "x"});
  bytes[2] = 15;
  EXPECT_EQ(DecodePeerRequest(Rope(WithRightCrc(bytes))).status().code(),
            StatusCode::kUnimplemented);
  bytes[1] = 2;
  EXPECT_EQ(DecodePeerRequest(Rope(WithRightCrc(bytes))).status().code(),
            StatusCode::kUnimplemented);
  EXPECT_EQ(DecodePeerReply(Rope(BytesOf(EchoRequest{}))).status().code(), StatusCode::kDataLoss);
}

TEST(PeerCodecTest, RefusesNamesAndKeysThatAreNone) {
  ReplicaPut put = SamplePut("v");
  put.bucket = "a/b";
  EXPECT_EQ(DecodePeerRequest(Rope(BytesOf(put))).status().code(), StatusCode::kDataLoss);
  SyncFetch fetch{.bucket = "events", .keys = {SampleKey(1)}};
  fetch.keys[0].cell = "";
  EXPECT_EQ(DecodePeerRequest(Rope(BytesOf(fetch))).status().code(), StatusCode::kDataLoss);
  const ReplicaScan scan{
      .bucket = "events", .partitions = {PartitionId(2), PartitionId(2)}, .max_chunks = 1};
  EXPECT_EQ(DecodePeerRequest(Rope(BytesOf(scan))).status().code(), StatusCode::kDataLoss);
}

TEST(PeerCodecTest, RefusesAScanOfNothingAndOneOfTooMuch) {
  const ReplicaScan good{.bucket = "events", .partitions = {PartitionId(2)}, .max_chunks = 1};
  EXPECT_TRUE(DecodePeerRequest(Rope(BytesOf(good))).ok());
  for (const std::size_t chunks : {std::size_t{0}, std::size_t{kMaxListedChunks} + 1}) {
    ReplicaScan scan = good;
    scan.max_chunks = chunks;
    EXPECT_EQ(DecodePeerRequest(Rope(BytesOf(scan))).status().code(), StatusCode::kDataLoss);
  }
  ReplicaScan nowhere = good;
  nowhere.partitions.clear();
  EXPECT_EQ(DecodePeerRequest(Rope(BytesOf(nowhere))).status().code(), StatusCode::kDataLoss);
}

TEST(PeerCodecTest, TakesTheLargestValueThereIs) {
  const ReplicaPut put = SamplePut(Bytes(kMaxChunkBytesLimit, 'v'));
  EXPECT_TRUE(DecodePeerRequest(EncodePeerRequest(SampleSender(), put)).ok());
}

TEST(PeerCodecTest, SendsAsManyValuesAsFit) {
  const SharedBytes large(Bytes(kMaxChunkBytesLimit, 'v'));
  const ReplicaValue value{.value = large, .value_crc = Crc32c(large.view())};
  const Rope bytes = EncodePeerReply({.value = ReadReply{.values = {value, value, value}}});
  EXPECT_LE(bytes.size(), kMaxPeerReplyBytes);
  const auto decoded = DecodePeerReply(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(std::get<ReadReply>(decoded->value).values.size(), 1u);
}

TEST(PeerCodecTest, SaysSoWhenAReplyIsTooLarge) {
  DigestsReply digests;
  digests.lines.resize(kMaxPeerLines + 1, {.bucket = "events"});
  const auto decoded =
      DecodePeerReply(EncodePeerReply({.version = StateVersion(9), .value = digests}));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(decoded->version, StateVersion(9));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(decoded->value));
}

TEST(PeerCodecTest, CutsTheTextOfALongError) {
  const auto decoded =
      DecodePeerReply(EncodePeerReply({.status = Internal("{}", std::string(5000, 'x'))}));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(Message(decoded->status).size(), kMaxPeerStatusBytes);
}

// Without a cluster state, whose bytes have a version of their own.
TEST(PeerGoldenTest, KeepsItsBytes) {
  Bytes bytes;
  for (const PeerMessage& message : SampleRequests()) {
    if (!std::holds_alternative<RegisterMessage>(message)) bytes += BytesOf(message);
  }
  for (const PeerReply& reply : SampleReplies()) {
    if (reply.newer || std::holds_alternative<StateReply>(reply.value)) continue;
    bytes += EncodePeerReply(reply).Flatten();
  }
  const std::string path = CARILLON_TEST_DATA "/golden/peer_v1.bin";
  if (std::getenv("CARILLON_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::stringstream golden;
  golden << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(golden.str(), bytes);
}

}  // namespace
}  // namespace carillon
