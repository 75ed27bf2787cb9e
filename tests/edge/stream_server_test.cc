#include "collector/edge/stream_server.h"

#include <sys/socket.h>

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/dialects/relp_session.h"
#include "collector/dialects/syslog_session.h"
#include "tests/edge/edge_fixture.h"

namespace carillon {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class StreamServerTest : public EdgeTest {
 protected:
  template <typename Session>
  RawClient Serve(const std::string& tenant = "acme") {
    stream_.reset();
    stream_host_ = std::make_unique<EdgeHost>(
        EdgeHostOptions{.limits = {}, .reception = reception_.get(), .metrics = metrics_.get()});
    auto server = StreamServer::Start({.address = "127.0.0.1:0",
                                       .dialect = "test",
                                       .tenant = tenant,
                                       .make = [] { return std::make_unique<Session>(); }},
                                      stream_host_.get());
    EXPECT_TRUE(server.ok()) << ToString(server.status());
    stream_ = *std::move(server);
    const std::string address = stream_->address();
    stream_port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    return RawClient(stream_port_);
  }
  void TearDown() override {
    intake_.Release();
    stream_.reset();
    EdgeTest::TearDown();
  }
  // All that the server says until it has said `size` bytes or closes.
  static std::string Hear(const RawClient& client, std::size_t size) {
    std::string heard;
    char bytes[4096];
    while (heard.size() < size) {
      const auto got = ::recv(client.descriptor(), bytes, sizeof(bytes), 0);
      if (got <= 0) break;
      heard.append(bytes, static_cast<std::size_t>(got));
    }
    return heard;
  }
  static std::string Frame(int number, const std::string& text) {
    const std::string data = "<34>1 2026-01-01T00:00:00Z h app - - - " + text;
    return fmt::format("{} syslog {} {}\n", number, data.size(), data);
  }

  std::unique_ptr<EdgeHost> stream_host_;
  std::unique_ptr<StreamServer> stream_;
  std::uint16_t stream_port_ = 0;
};

TEST_F(StreamServerTest, AcknowledgesWhatIsKeptAndNotBefore) {
  RawClient client = Serve<RelpSession>();
  ASSERT_TRUE(client.Send("1 open 14 relp_version=0\n"));
  EXPECT_THAT(Hear(client, 10), HasSubstr("1 rsp"));
  intake_.Hold();
  ASSERT_TRUE(client.Send(Frame(2, "a")));
  ASSERT_TRUE(intake_.AwaitHeld(1));
  ASSERT_TRUE(client.Send(Frame(3, "b")));
  ASSERT_TRUE(intake_.AwaitHeld(2));
  char none = 0;
  EXPECT_LT(::recv(client.descriptor(), &none, 1, MSG_DONTWAIT), 0);
  intake_.Release();
  EXPECT_EQ(Hear(client, 28), "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
  EXPECT_THAT(intake_.events(), SizeIs(2));
}

TEST_F(StreamServerTest, ClosesUnacknowledgedWhatCannotBeKept) {
  RawClient client = Serve<RelpSession>();
  ASSERT_TRUE(client.Send("1 open 14 relp_version=0\n"));
  EXPECT_THAT(Hear(client, 10), HasSubstr("1 rsp"));
  intake_.Answer(ResourceExhausted("the spool is full"));
  ASSERT_TRUE(client.Send(Frame(2, "a")));
  EXPECT_EQ(Hear(client, 100), "");
}

TEST_F(StreamServerTest, TakesTheLastLineOfAClientThatEnds) {
  RawClient client = Serve<SyslogSession>();
  ASSERT_TRUE(client.Send("<34>1 - h app - - - one\n<34>1 - h app - - - two"));
  ::shutdown(client.descriptor(), SHUT_WR);
  EXPECT_TRUE(client.IsClosedByServer());
  std::string all;
  for (const std::string& event : intake_.events()) all += event;
  EXPECT_THAT(all, HasSubstr("one"));
  EXPECT_THAT(all, HasSubstr("two"));
  EXPECT_THAT(intake_.places()[0], HasSubstr("acme events"));
}

TEST_F(StreamServerTest, TakesNothingForATenantThatThereIsNot) {
  RawClient client = Serve<SyslogSession>("nobody");
  ASSERT_TRUE(client.Send("<34>1 - h app - - - one\n"));
  EXPECT_TRUE(client.IsClosedByServer());
  EXPECT_THAT(intake_.events(), SizeIs(0));
}

TEST_F(StreamServerTest, ClosesOnWhatItDoesNotUnderstand) {
  RawClient client = Serve<RelpSession>();
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(client.IsClosedByServer());
  RawClient next(stream_port_);
  ASSERT_TRUE(next.Send("1 open 14 relp_version=0\n"));
  EXPECT_THAT(Hear(next, 10), HasSubstr("1 rsp"));
}

TEST_F(StreamServerTest, AcknowledgesWhatIsUnderWayBeforeItStops) {
  RawClient client = Serve<RelpSession>();
  ASSERT_TRUE(client.Send("1 open 14 relp_version=0\n"));
  EXPECT_THAT(Hear(client, 10), HasSubstr("1 rsp"));
  intake_.Hold();
  ASSERT_TRUE(client.Send(Frame(2, "a")));
  ASSERT_TRUE(intake_.AwaitHeld(1));
  std::thread stopping([this] { stream_->Stop(std::chrono::seconds(20)); });
  intake_.Release();
  EXPECT_EQ(Hear(client, 15), "2 rsp 6 200 OK\n");
  stopping.join();
}

}  // namespace
}  // namespace carillon
