#include "server/shell/gossip_seal.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

Uuid Cluster(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[0] = number;
  return uuid;
}
GossipKey Key(std::uint8_t number) {
  GossipKey key{};
  key[0] = number;
  return key;
}
StatusCode CodeOf(const GossipSeal& seal, ByteSpan packet) {
  return seal.Open(packet).status().code();
}

class GossipSealTest : public testing::Test {
 protected:
  GossipSeal seal_{Cluster(1), {Key(1)}};
};

TEST_F(GossipSealTest, OpensWhatItSealed) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMaxGossipMessageBytes}) {
    const Bytes message(size, 'm');
    const Bytes packet = seal_.Seal(message);
    EXPECT_EQ(packet.size(), size + kGossipSealBytes);
    ASSERT_TRUE(seal_.Open(packet).ok());
    EXPECT_EQ(*seal_.Open(packet), message);
  }
}

TEST_F(GossipSealTest, NeverSealsTwiceAlikeAndHidesTheMessage) {
  EXPECT_NE(seal_.Seal("the same words"), seal_.Seal("the same words"));
  EXPECT_EQ(seal_.Seal("the same words").find("same"), Bytes::npos);
}

TEST_F(GossipSealTest, OpensNoPacketWithAFlippedBit) {
  const Bytes packet = seal_.Seal("hello");
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    Bytes flipped = packet;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(seal_.Open(flipped).ok()) << bit;
  }
}

TEST_F(GossipSealTest, RefusesSizesThatNoPacketHas) {
  const Bytes packet = seal_.Seal("");
  EXPECT_EQ(CodeOf(seal_, packet.substr(1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(seal_, ""), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(seal_, Bytes(kMaxGossipPacketBytes + 1, '\1')), StatusCode::kInvalidArgument);
}

TEST_F(GossipSealTest, OpensNothingOfAnotherClusterEvenWithItsKey) {
  const GossipSeal other(Cluster(2), {Key(1)});
  EXPECT_EQ(CodeOf(seal_, other.Seal("hello")), StatusCode::kUnauthenticated);
}

TEST_F(GossipSealTest, LosesNothingWhileKeysAreChanged) {
  GossipSeal other(Cluster(1), {Key(1)});
  const auto understand = [&] {
    EXPECT_TRUE(seal_.Open(other.Seal("a")).ok());
    EXPECT_TRUE(other.Open(seal_.Seal("b")).ok());
  };
  for (const std::vector<GossipKey>& keys :
       {std::vector{Key(1), Key(2)}, std::vector{Key(2), Key(1)}, std::vector{Key(2)}}) {
    ASSERT_TRUE(seal_.SetKeys(keys).ok());
    understand();
    ASSERT_TRUE(other.SetKeys(keys).ok());
    understand();
  }
  const GossipSeal old(Cluster(1), {Key(1)});
  EXPECT_EQ(CodeOf(seal_, old.Seal("hello")), StatusCode::kUnauthenticated);
}

TEST_F(GossipSealTest, KeepsItsKeysWhenNewOnesAreWrong) {
  EXPECT_EQ(seal_.SetKeys({}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(seal_.SetKeys({Key(1), Key(1)}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(seal_.SetKeys({Key(1), Key(2), Key(3), Key(4), Key(5)}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(seal_.Open(seal_.Seal("hello")).ok());
}

TEST_F(GossipSealTest, DerivesAKeyOfItsOwnForEachClusterWithoutOne) {
  EXPECT_EQ(LoopbackGossipKey(Cluster(1)), LoopbackGossipKey(Cluster(1)));
  EXPECT_NE(LoopbackGossipKey(Cluster(1)), LoopbackGossipKey(Cluster(2)));
}

TEST(GossipKeyTest, IsSixtyFourHexadecimalDigits) {
  const std::string text = "01" + std::string(62, '0');
  ASSERT_TRUE(ParseGossipKey(text).ok());
  EXPECT_EQ(*ParseGossipKey(text), Key(1));
  for (const std::string& wrong :
       {std::string(), text + "00", text.substr(2), "g" + text.substr(1)}) {
    EXPECT_EQ(ParseGossipKey(wrong).status().code(), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace carillon
