#include "collector/peer_turn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/collector_client.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::ElementsAre;

class PeerTurnTest : public testing::Test {
 protected:
  std::vector<std::size_t> Next(int count) {
    std::vector<std::size_t> peers;
    for (int i = 0; i < count; ++i) peers.push_back(turn.Next(now));
    return peers;
  }
  Instant now = Instant() + 1000s;
  PeerTurn turn{3};
};

TEST_F(PeerTurnTest, EachComesInItsTurn) {
  EXPECT_THAT(Next(6), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST_F(PeerTurnTest, OneThatDidNotAnswerIsLeftOutForAWhile) {
  turn.HandleFailure(1, now);
  EXPECT_THAT(Next(4), ElementsAre(0, 2, 0, 2));
  now += PeerTurn::kFirstRest;
  EXPECT_THAT(Next(4), ElementsAre(0, 1, 2, 0)) << "it is tried once";
  EXPECT_THAT(Next(4), ElementsAre(2, 0, 2, 0)) << "and until it answers not again";
  turn.HandleAnswer(1);
  EXPECT_THAT(Next(3), ElementsAre(1, 2, 0));
}

TEST_F(PeerTurnTest, TheWhileDoubles) {
  turn.HandleFailure(1, now);
  Duration rest = PeerTurn::kFirstRest;
  for (int i = 0; i < 3; ++i) {
    now += rest;
    while (turn.Next(now) != 1) {
    }
    turn.HandleFailure(1, now);
    rest *= 2;
    now += rest - 1ms;
    EXPECT_THAT(Next(4), testing::Not(testing::Contains(1u)));
    now -= rest - 1ms;
  }
}

TEST_F(PeerTurnTest, ManyCallsThatFailTogetherCountAsOne) {
  for (int i = 0; i < 64; ++i) turn.HandleFailure(1, now);
  now += PeerTurn::kFirstRest;
  EXPECT_THAT(Next(3), testing::Contains(1u));
}

TEST_F(PeerTurnTest, WhenNoneAnswersTheOneThatRestedLongestIsTried) {
  turn.HandleFailure(2, now);
  now += 10ms;
  turn.HandleFailure(0, now);
  turn.HandleFailure(1, now);
  EXPECT_EQ(turn.Next(now), 2u);
}

TEST(CollectorClientTest, WhatACollectorSaysOfAChunkIsWhatTheSenderHears) {
  EXPECT_TRUE(StatusOfAnswer({.status = 201}).ok());
  EXPECT_EQ(StatusOfAnswer({.status = 400}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(StatusOfAnswer({.status = 403}).code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(StatusOfAnswer({.status = 413}).code(), StatusCode::kUnavailable);
  EXPECT_EQ(StatusOfAnswer({.status = 429}).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(StatusOfAnswer({.status = 503}).code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace carillon
