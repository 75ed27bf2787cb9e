// What a hostile, slow, or greedy client meets.
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/edge/edge_fixture.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;

class EdgeLimitsTest : public EdgeTest {
 protected:
  // The answer to these bytes; the connection must end after it.
  int StatusOf(std::string_view bytes) {
    RawClient client(port_);
    EXPECT_TRUE(client.Send(bytes));
    const int status = client.Read().status;
    EXPECT_TRUE(client.IsClosedByServer());
    return status;
  }
};

TEST_F(EdgeLimitsTest, RefusesWhatIsMeantToBeUnderstoodTwoWays) {
  const std::string start = "POST /v1/events HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(StatusOf(start + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf(start + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf(start + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf(start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf(start + "Content-Length: 2, 2\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf(start + "Content-Length: -2\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf(start + "Transfer-Encoding: gzip\r\n\r\n{}"), 501);
  EXPECT_EQ(StatusOf(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400);
  EXPECT_EQ(StatusOf(start + "X-A: b\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(start + "Content-Length : 2\r\n\r\n{}"), 400);
  EXPECT_EQ(StatusOf("POST /v1/events HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(StatusOf("POST /v1/events HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(start + "Host: b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /livez\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
  EXPECT_EQ(StatusOf(std::string(1000, '\0')), 400);
  EXPECT_EQ(StatusOf("\x16\x03\x01\x02 a TLS hello\r\n\r\n"), 400);
  EXPECT_THAT(intake_.events(), IsEmpty());
}

TEST_F(EdgeLimitsTest, RefusesAHeaderThatIsTooLarge) {
  const std::string start = "GET /livez HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(StatusOf(start + "X-Filler: " + std::string(20'000, 'x')), 431);
  EXPECT_EQ(StatusOf("GET /" + std::string(20'000, 'x')), 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X-A: b\r\n";
  EXPECT_EQ(StatusOf(start + many + "\r\n"), 431);
}

TEST_F(EdgeLimitsTest, RefusesABodyThatIsTooLargeBeforeReadingIt) {
  const std::string start = "POST /v1/events HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(StatusOf(start + "Content-Length: 1048577\r\n\r\n"), 413);
  EXPECT_EQ(StatusOf(start + "Content-Length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(start + "Transfer-Encoding: chunked\r\n\r\n100001\r\n"), 413);
  EXPECT_EQ(StatusOf(start + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"), 413);
}

TEST_F(EdgeLimitsTest, TakesABodyOfTheLargestSize) {
  std::string body = "{\"a\":\"" + std::string((1u << 20) - 8, 'x') + "\"}";
  EXPECT_EQ(body.size(), 1u << 20);
  EXPECT_EQ(Post(body).status, 200);
  body += " ";
  EXPECT_EQ(Post(body).status, 413);
}

TEST_F(EdgeLimitsTest, ClosesAConnectionThatIsSilentOrSlow) {
  EdgeLimits limits;
  limits.header_timeout = milliseconds(100);
  limits.body_timeout = milliseconds(100);
  limits.min_body_bytes_per_second = 1u << 30;
  limits.idle_timeout = milliseconds(100);
  StartEdge(limits);
  RawClient silent(port_);
  EXPECT_TRUE(silent.IsClosedByServer());
  EXPECT_EQ(StatusOf("POST /v1/events HT"), 408);
  RawClient idle(port_);
  EXPECT_EQ(idle.Ask("GET", "/livez").status, 200);
  EXPECT_TRUE(idle.IsClosedByServer());
}

TEST_F(EdgeLimitsTest, RefusesABodyThatComesTooSlowly) {
  EdgeLimits limits;
  limits.body_timeout = milliseconds(1100);
  limits.min_body_bytes_per_second = 1024;
  StartEdge(limits);
  EXPECT_EQ(StatusOf("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"), 408);
}

TEST_F(EdgeLimitsTest, AsksForTheBodyOfThoseWhoWait) {
  RawClient client(port_);
  ASSERT_TRUE(
      client.Send("POST /v1/events HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                  "Content-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send("{}"));
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(EdgeLimitsTest, TurnsConnectionsBeyondTheLimitAway) {
  EdgeLimits limits;
  limits.max_connections = 1;
  StartEdge(limits);
  RawClient first(port_);
  EXPECT_EQ(first.Ask("GET", "/livez").status, 200);
  RawClient second(port_);
  EXPECT_EQ(second.Read().status, 503);
  EXPECT_EQ(first.Ask("GET", "/livez").status, 200);
}

TEST_F(EdgeLimitsTest, BoundsTheBytesOfAllBodies) {
  EdgeLimits limits;
  limits.max_bodies_bytes = 1000;
  StartEdge(limits);
  EXPECT_EQ(Post("{\"a\":\"" + std::string(900, 'x') + "\"}").status, 200);
  EXPECT_EQ(Post("{\"a\":\"" + std::string(2000, 'x') + "\"}").status, 503);
  EXPECT_EQ(Post("{\"a\":\"" + std::string(900, 'x') + "\"}").status, 200);
}

TEST_F(EdgeLimitsTest, StopsReadingAClientThatPipelinesTooMuch) {
  EdgeLimits limits;
  limits.max_pipelined = 4;
  StartEdge(limits);
  intake_.Hold();
  RawClient client(port_);
  const std::string one = "POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
  std::string all;
  for (int i = 0; i < 100; ++i) all += one;
  ASSERT_TRUE(client.Send(all));
  ASSERT_TRUE(intake_.AwaitHeld(4));
  EXPECT_EQ(host_->under_way(), 4u);
  intake_.Release();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.Read().status, 200) << i;
}

TEST_F(EdgeLimitsTest, RefusesACodingItDoesNotKnow) {
  EXPECT_EQ(Post("{}", "Content-Encoding: br\r\n").status, 415);
  EXPECT_EQ(Post("{}", "Content-Encoding: gzip\r\n").status, 400);
  EXPECT_EQ(Post("{}", "Content-Encoding: gzip, gzip\r\n").status, 415);
  EXPECT_EQ(Post("{}", "Content-Encoding: identity\r\n").status, 200);
}

}  // namespace
}  // namespace carillon
