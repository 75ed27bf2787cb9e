// What a hostile, slow, or greedy client meets.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crunch/chunk_codec.h"
#include "tests/http/http_fixture.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST_F(HttpTest, RefusesAHeaderThatIsTooLarge) {
  RawClient client(port());
  const auto response =
      client.Ask("GET", "/livez", "", "X-Filler: " + std::string(20'000, 'x') + "\r\n");
  EXPECT_EQ(response.status, 431);
  EXPECT_TRUE(client.IsClosedByServer());
}

TEST_F(HttpTest, RefusesABodyThatIsTooLargeBeforeReadingIt) {
  RawClient client(port());
  ASSERT_TRUE(
      client.Send("PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 413);
  EXPECT_TRUE(client.IsClosedByServer());
}

TEST_F(HttpTest, RefusesAChunkedBodyThatGrowsTooLarge) {
  RawClient client(port());
  ASSERT_TRUE(
      client.Send("PUT /v1/buckets/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                  "\r\n\r\n5000\r\n" +
                  std::string(0x5000, ' ') + "\r\n0\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 413);
}

TEST_F(HttpTest, TakesAChunkedBody) {
  RawClient client(port());
  ASSERT_TRUE(client.Send("PUT /v1/chunks/" + Key(now(), 0) +
                          " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "3\r\nval\r\n2\r\nue\r\n0\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 201);
  EXPECT_EQ(client.Ask("GET", "/v1/chunks/" + Key(now(), 0)).status, 200);
}

// Beast ended the process when less than five bytes of the last chunk had come.
TEST_F(HttpTest, TakesALastChunkThatComesInPieces) {
  for (int round = 0; round < 5; ++round) {
    RawClient client(port());
    std::string start = "PUT /v1/buckets/pieces HTTP/1.1\r\nHost: a\r\n";
    start += "Transfer-Encoding: chunked\r\n\r\n0\r\n";
    for (const std::string_view piece :
         {std::string_view(start), std::string_view("\r"), std::string_view("\n")}) {
      ASSERT_TRUE(client.Send(piece));
      // What was sent before is read by then, if not for sure.
      for (int i = 0; i < 4; ++i) EXPECT_EQ(RawClient(port()).Ask("GET", "/livez").status, 200);
    }
    EXPECT_NE(client.Read().status, 0);
  }
}

TEST_F(HttpTest, AsksForTheBodyOfThoseWhoWait) {
  RawClient client(port());
  ASSERT_TRUE(client.Send("PUT /v1/chunks/" + Key(now(), 0) +
                          " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                          "Content-Length: 5\r\n\r\n"));
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send("value"));
  EXPECT_EQ(client.Read().status, 201);
}

TEST_F(HttpTest, RefusesRequestsThatTwoReadersCouldReadDifferently) {
  const struct {
    const char* request;
    int status;
  } cases[] = {
      {"PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
       "Content-Length: 3\r\n\r\n0\r\n\r\n",
       400},
      {"PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
       400},
      {"PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
       400},
      {"PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"GET /livez HTTP/1.1\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /livez HTTP/1.0\r\nHost: a\r\n\r\n", 505},
      {"GET /livez HTTP/1.1\nHost: a\n\n", 400},
      {"\x16\x03\x01 a TLS hello\r\n\r\n", 400},
  };
  for (const auto& wrong : cases) {
    RawClient client(port());
    ASSERT_TRUE(client.Send(wrong.request));
    const auto response = client.Read();
    EXPECT_EQ(response.status, wrong.status) << wrong.request << response.body;
    EXPECT_TRUE(client.IsClosedByServer()) << wrong.request;
  }
}

TEST_F(HttpTest, ClosesAConnectionWhoseHeaderDoesNotCome) {
  StartServer({.header_timeout = milliseconds(50)});
  RawClient silent(port());
  EXPECT_TRUE(silent.IsClosedByServer());
  RawClient slow(port());
  ASSERT_TRUE(slow.Send("GET /livez HTTP/1.1\r\nHo"));
  EXPECT_TRUE(slow.IsClosedByServer());
}

TEST_F(HttpTest, ClosesAConnectionWhoseBodyDoesNotCome) {
  StartServer({.body_timeout = milliseconds(50)});
  RawClient client(port());
  ASSERT_TRUE(client.Send("PUT /v1/chunks/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"));
  EXPECT_TRUE(client.IsClosedByServer());
}

TEST_F(HttpTest, ClosesAnIdleConnection) {
  StartServer({.idle_timeout = milliseconds(50)});
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/livez").status, 200);
  EXPECT_TRUE(client.IsClosedByServer());
}

TEST_F(HttpTest, TurnsConnectionsBeyondTheCapAway) {
  StartServer({.max_connections = 1});
  RawClient first(port());
  ASSERT_EQ(first.Ask("GET", "/livez").status, 200);
  RawClient second(port());
  EXPECT_TRUE(second.IsClosedByServer());
  EXPECT_EQ(first.Ask("GET", "/livez").status, 200);
}

TEST_F(HttpTest, RefusesMoreStreamsThanItHasRoomFor) {
  StartServer({.max_streams = 0});
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/v1/events").status, 429);
  EXPECT_EQ(client.Ask("GET", "/v1/seconds").status, 200);
}

TEST_F(HttpTest, RefusesBodiesBeyondItsMemory) {
  StartServer({.max_bodies_bytes = 4});
  RawClient client(port());
  EXPECT_EQ(client.Ask("PUT", "/v1/chunks/" + Key(now(), 0), "value").status, 429);
}

std::size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Events that do not compress: 24 chunks of 4 MiB are far more than a stream may hold.
class SlowReaderTest : public HttpTest {
 protected:
  static constexpr std::size_t kChunkBytes = std::size_t{4} << 20;
  static constexpr std::size_t kChunks = 24;

  void SetUp() override {
    HttpTest::SetUp();
    RawClient client(port());
    ASSERT_EQ(client.Ask("PUT", "/v1/buckets/events", R"({"max_chunk_bytes":8388608})").status,
              200);
    epoch_ = now() - 100;
    std::uint64_t random = 88172645463325252u;
    for (std::size_t i = 0; i < kChunks; ++i) {
      Bytes line(kChunkBytes, 0);
      for (char& c : line) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        c = static_cast<char>('!' + random % 64);
      }
      line.back() = '\n';
      Store(epoch_ + i, 0, line);
    }
  }

  std::uint64_t epoch_ = 0;
};

TEST_F(SlowReaderTest, GetsEverythingInTheEndAndCostsOnlyAWindow) {
  const std::size_t before = ResidentBytes();
  RawClient client(port(), 4096);
  ASSERT_TRUE(client.Send("GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n"));
  char first[1];
  ASSERT_EQ(::recv(client.descriptor(), first, 1, MSG_PEEK), 1);
  // Others are served meanwhile; when they are, the stream has long come to a stop.
  RawClient other(port());
  for (int i = 0; i < 50; ++i) ASSERT_EQ(other.Ask("GET", "/v1/seconds").status, 200);
  EXPECT_LT(ResidentBytes(), before + kChunks * kChunkBytes / 2);
  const auto response = client.Read();
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.body.size(), kChunks * kChunkBytes);
}

TEST_F(SlowReaderTest, IsCutOffWhenItStopsReading) {
  StartServer({.write_timeout = milliseconds(50)});
  RawClient client(port(), 4096);
  ASSERT_TRUE(client.Send("GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n"));
  // The server counts a connection less once it has given up: asking until then is no sleep.
  RawClient other(port());
  const auto open = [&] { return other.Ask("GET", "/metrics").body; };
  const Instant limit = SystemClock().Now() + std::chrono::seconds(20);
  while (open().find("carillon_connections{api=\"http\"} 1\n") == std::string::npos) {
    ASSERT_LT(SystemClock().Now(), limit);
  }
  EXPECT_FALSE(client.Read().whole);
}

// Takes every descriptor the process may have, and gives them back.
class AllDescriptors {
 public:
  AllDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit small = before_;
    small.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &small);
    int descriptor = -1;
    while ((descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
      taken_.push_back(descriptor);
    }
  }
  ~AllDescriptors() {
    Release(taken_.size());
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  void Release(std::size_t count) {
    for (; count > 0 && !taken_.empty(); --count) {
      ::close(taken_.back());
      taken_.pop_back();
    }
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_F(HttpTest, SurvivesRunningOutOfDescriptors) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs descriptors of its own to check a pointer";
#endif
  {
    AllDescriptors all;
    all.Release(1);
    RawClient client(port());  // the last descriptor: the server has none to accept with
    EXPECT_TRUE(client.IsClosedByServer());
  }
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/livez").status, 200);
  EXPECT_THAT(client.Ask("GET", "/metrics").body,
              HasSubstr(R"(carillon_connections_total{api="http",result="refused"} 1)"));
}

}  // namespace
}  // namespace carillon
