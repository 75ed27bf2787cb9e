#include "ring/register_codec.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "ring/register_acceptor.h"
#include "tests/ring/register_fixture.h"

namespace carillon {
namespace {

const Ballot kBallot{.counter = 7, .node = RegisterNode(3)};

std::vector<RegisterMessage> EveryMessage() {
  const SharedState state = Share(StateOf(2));
  const SharedState next = NextOf(state, "a");
  const RegisterHeader header = HeaderAfter(state);
  const VoteReply behind{.header = header,
                         .ballot = kBallot,
                         .verdict = Verdict::kBehind,
                         .newer = next,
                         .slot_hash = next.hash};
  const VoteReply yes{.header = header, .ballot = kBallot};
  return {PrepareRequest{.header = header, .ballot = kBallot},
          PrepareReply{.vote = yes, .accepted_ballot = kBallot, .accepted = next},
          PrepareReply{.vote = behind},
          AcceptRequest{.header = header, .ballot = kBallot, .value = next},
          AcceptReply{.vote = yes},
          AcceptReply{.vote = behind},
          FetchStateRequest{.header = header},
          FetchStateReply{.header = header},
          FetchStateReply{.header = header, .state = next},
          StateNotice{.header = header, .state = next}};
}

AcceptorState Acceptor() {
  const SharedState state = Share(StateOf(2));
  return {.slot = StateVersion(2),
          .previous = state.hash,
          .promised = {.counter = 9, .node = RegisterNode(1)},
          .accepted_ballot = kBallot,
          .accepted = NextOf(state, "a")};
}

TEST(RegisterCodecTest, BringsEveryMessageBack) {
  for (const RegisterMessage& message : EveryMessage()) {
    const Bytes bytes = EncodeRegisterMessage(message);
    const auto decoded = DecodeRegisterMessage(bytes);
    ASSERT_TRUE(decoded.ok()) << ToString(decoded.status());
    EXPECT_EQ(decoded->index(), message.index());
    EXPECT_EQ(EncodeRegisterMessage(*decoded), bytes);
  }
}

TEST(RegisterCodecTest, RefusesEveryCutAndWhatFollowsTheEnd) {
  for (const RegisterMessage& message : EveryMessage()) {
    const Bytes bytes = EncodeRegisterMessage(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(DecodeRegisterMessage(ByteSpan(bytes).substr(0, size)).status().code(),
                StatusCode::kDataLoss);
    }
    EXPECT_EQ(DecodeRegisterMessage(bytes + '\0').status().code(), StatusCode::kDataLoss);
  }
}

TEST(RegisterCodecTest, NeverCrashesOnAFlippedByte) {
  for (const RegisterMessage& message : EveryMessage()) {
    const Bytes bytes = EncodeRegisterMessage(message);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x55);
      const auto decoded = DecodeRegisterMessage(flipped);
      EXPECT_TRUE(!decoded.ok() || !EncodeRegisterMessage(*decoded).empty());
    }
  }
}

TEST(RegisterCodecTest, RefusesUnknownKindsFormatsAndSizes) {
  Bytes bytes = EncodeRegisterMessage(EveryMessage().front());
  bytes[1] = 7;
  EXPECT_EQ(DecodeRegisterMessage(bytes).status().code(), StatusCode::kDataLoss);
  bytes[1] = 0;
  bytes[0] = 2;
  EXPECT_EQ(DecodeRegisterMessage(bytes).status().code(), StatusCode::kDataLoss);
  bytes.assign(kMaxRegisterMessageBytes + 1, '\1');
  EXPECT_EQ(DecodeRegisterMessage(bytes).status().code(), StatusCode::kDataLoss);
}

TEST(AcceptorStateTest, ComesBackFromItsBytes) {
  for (const AcceptorState& state : {AcceptorState{}, Acceptor()}) {
    const auto decoded = DecodeAcceptorState(EncodeAcceptorState(state));
    ASSERT_TRUE(decoded.ok()) << ToString(decoded.status());
    EXPECT_EQ(EncodeAcceptorState(*decoded), EncodeAcceptorState(state));
  }
}

TEST(AcceptorStateTest, RefusesEveryCutAndWhatCannotBe) {
  const Bytes bytes = EncodeAcceptorState(Acceptor());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeAcceptorState(ByteSpan(bytes).substr(0, size)).status().code(),
              StatusCode::kDataLoss);
  }
  AcceptorState wrong = Acceptor();
  wrong.promised = {};  // below what was accepted
  EXPECT_EQ(DecodeAcceptorState(EncodeAcceptorState(wrong)).status().code(), StatusCode::kDataLoss);
  wrong = Acceptor();
  wrong.slot = StateVersion(5);
  EXPECT_EQ(DecodeAcceptorState(EncodeAcceptorState(wrong)).status().code(), StatusCode::kDataLoss);
}

// Without a cluster state, whose bytes have a version of their own.
TEST(RegisterGoldenTest, KeepsItsBytes) {
  AcceptorState state = Acceptor();
  state.previous = {.low = 1, .high = 2};
  state.accepted = {};
  state.accepted_ballot = {};
  const RegisterHeader header{.cluster = RegisterUuid(1, 1),
                              .generation = 3,
                              .slot = StateVersion(2),
                              .previous = {.low = 1, .high = 2}};
  const VoteReply vote{.header = header,
                       .ballot = kBallot,
                       .verdict = Verdict::kRefused,
                       .promised = state.promised};
  const Bytes bytes =
      EncodeAcceptorState(state) + EncodeRegisterMessage(PrepareReply{.vote = vote});
  const std::string path = CARILLON_TEST_DATA "/golden/register_v1.bin";
  if (std::getenv("CARILLON_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::stringstream golden;
  golden << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(golden.str(), bytes);
}

}  // namespace
}  // namespace carillon
