#include "ring/gossip_codec.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

Uuid Id(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[0] = number;
  uuid.bytes[15] = number;
  return uuid;
}
constexpr std::uint8_t kCluster = 1;

GossipMessage Example() {
  const Rumor suspect{.node = NodeId(Id(4)),
                      .liveness = Liveness::kSuspect,
                      .boot = {.counter = 300, .id = 9},
                      .incarnation = 2,
                      .from = NodeId(Id(2))};
  const Rumor dead{.node = NodeId(Id(5)),
                   .liveness = Liveness::kDead,
                   .boot = {.counter = 1, .id = 8},
                   .incarnation = 0,
                   .from = {}};
  return {.kind = GossipKind::kPingRequest,
          .from = NodeId(Id(2)),
          .to = NodeId(Id(3)),
          .boot = {.counter = 7, .id = 0x1122334455667788},
          .incarnation = 1,
          .state = {.generation = 0, .version = StateVersion(200), .hash = {3, 4}},
          .sequence = 77,
          .target = NodeId(Id(4)),
          .rumors = {suspect, dead}};
}

StatusCode CodeOf(ByteSpan bytes) {
  return DecodeGossip(Id(kCluster), bytes).status().code();
}

TEST(GossipCodecTest, BringsEveryKindBack) {
  for (int kind = 1; kind <= static_cast<int>(GossipKind::kSyncAnswer); ++kind) {
    GossipMessage message = Example();
    message.kind = static_cast<GossipKind>(kind);
    if (message.kind != GossipKind::kPingRequest) message.target = {};
    const Bytes bytes = EncodeGossip(Id(kCluster), message);
    EXPECT_EQ(bytes.size(), GossipBytes(message));
    const auto decoded = DecodeGossip(Id(kCluster), bytes);
    ASSERT_TRUE(decoded.ok()) << ToString(decoded.status());
    EXPECT_EQ(*decoded, message);
  }
}

TEST(GossipCodecTest, WritesTheBytesItAlwaysWrote) {
  const Bytes bytes = EncodeGossip(Id(kCluster), Example());
  Bytes hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  EXPECT_EQ(hex,
            "0101010301000000000000000000000000000001"
            "02000000000000000000000000000002"
            "03000000000000000000000000000003"
            "0788776655443322110100c801"
            "030000000000000004000000000000004d000000"
            "0400000000000000000000000000000402"
            "0104000000000000000000000000000004ac02090000000000000002"
            "02000000000000000000000000000002"
            "0205000000000000000000000000000005010800000000000000"
            "00");
}

TEST(GossipCodecTest, RefusesEveryTruncationAndWhatIsLeftOver) {
  const Bytes bytes = EncodeGossip(Id(kCluster), Example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(CodeOf(bytes.substr(0, size)), StatusCode::kInvalidArgument) << size;
  }
  EXPECT_EQ(CodeOf(bytes + "x"), StatusCode::kInvalidArgument);
}

TEST(GossipCodecTest, RefusesAnotherClusterAndAnotherVersion) {
  Bytes bytes = EncodeGossip(Id(2), Example());
  EXPECT_EQ(CodeOf(bytes), StatusCode::kFailedPrecondition);
  bytes[0] = 2;
  EXPECT_EQ(CodeOf(bytes), StatusCode::kUnimplemented);
  bytes[0] = 0;
  EXPECT_EQ(CodeOf(bytes), StatusCode::kUnimplemented);
}

TEST(GossipCodecTest, RefusesNumbersOutOfTheirRange) {
  Bytes bytes = EncodeGossip(Id(kCluster), Example());
  bytes[3] = 0;
  EXPECT_EQ(CodeOf(bytes), StatusCode::kInvalidArgument);
  bytes[3] = 8;
  EXPECT_EQ(CodeOf(bytes), StatusCode::kInvalidArgument);
  GossipMessage message = Example();
  message.rumors = {Rumor{.node = NodeId(Id(4))}};
  bytes = EncodeGossip(Id(kCluster), message);
  bytes[bytes.size() - GossipBytes(message.rumors[0])] = 4;  // no such liveness
  EXPECT_EQ(CodeOf(bytes), StatusCode::kInvalidArgument);
}

TEST(GossipCodecTest, RefusesMoreThanAPacketBeforeLookingAtIt) {
  EXPECT_EQ(CodeOf(Bytes(kMaxGossipMessageBytes + 1, '\x01')), StatusCode::kInvalidArgument);
}

TEST(GossipCodecTest, FillsAPacketToTheBrim) {
  GossipMessage message = Example();
  message.rumors.clear();
  const Rumor rumor{.node = NodeId(Id(4)), .boot = {.counter = UINT64_MAX, .id = UINT64_MAX}};
  const std::size_t fit = (kMaxGossipMessageBytes - GossipBytes(message)) / GossipBytes(rumor);
  message.rumors.assign(fit, rumor);
  EXPECT_TRUE(DecodeGossip(Id(kCluster), EncodeGossip(Id(kCluster), message)).ok());
}

TEST(GossipCodecTest, SurvivesEveryFlippedByte) {
  const Bytes bytes = EncodeGossip(Id(kCluster), Example());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes flipped = bytes;
      flipped[at] = static_cast<char>(value);
      const auto decoded = DecodeGossip(Id(kCluster), flipped);
      EXPECT_TRUE(!decoded.ok() || GossipBytes(*decoded) <= kMaxGossipMessageBytes);
    }
  }
}

}  // namespace
}  // namespace carillon
