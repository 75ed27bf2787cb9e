#include "collector/forward_client.h"

#include <signal.h>

#include <fstream>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/dialects/forward_session.h"
#include "collector/edge/stream_server.h"
#include "crunch/chunk_codec.h"
#include "tests/collector/test_certificate.h"
#include "tests/edge/edge_fixture.h"
#include "tests/sim/support/quiet_log.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// The edge of a collector, with forward on ports of its own.
class ForwardClientTest : public EdgeTest {
 protected:
  struct Server {
    std::unique_ptr<EdgeHost> host;
    std::unique_ptr<StreamServer> stream;
    std::string address;
  };

  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    QuietLog();
    EdgeTest::SetUp();
  }
  void TearDown() override {
    intake_.Release();
    client_.reset();
    servers_.clear();
    EdgeTest::TearDown();
  }

  // At `address`, or anywhere; its index.
  std::size_t Serve(const std::string& key = "", const TlsFiles* tls = nullptr,
                    const std::string& address = "127.0.0.1:0") {
    Server server;
    server.host = std::make_unique<EdgeHost>(EdgeHostOptions{
        .limits = {}, .tls = tls, .reception = reception_.get(), .metrics = metrics_.get()});
    const auto make = [key]() -> std::unique_ptr<StreamSession> {
      ForwardOptions options;
      if (!key.empty()) {
        options = {.shared_keys = {key}, .nonce = RandomSalt(), .user_salt = RandomSalt()};
      }
      return std::make_unique<ForwardSession>(std::move(options));
    };
    auto stream = StreamServer::Start(
        {.address = address, .dialect = "forward", .tenant = "acme", .make = make},
        server.host.get());
    EXPECT_TRUE(stream.ok()) << ToString(stream.status());
    server.stream = *std::move(stream);
    server.address = server.stream->address();
    servers_.push_back(std::move(server));
    return servers_.size() - 1;
  }
  std::string UrlOf(std::size_t server, const std::string& scheme = "forward://") const {
    return scheme + servers_[server].address;
  }
  // By all servers, so far.
  int ConnectionsAccepted() const {
    const std::string text = MetricsText();
    const std::string name = "\ncarillon_collector_connections_accepted_total ";
    return std::stoi(text.substr(text.find(name) + name.size())) - 1;  // that of the question
  }
  // It takes nothing any more; its address stays its own.
  void StopServer(std::size_t server) {
    servers_[server].stream.reset();
    servers_[server].host.reset();
  }

  std::string Write(const std::string& name, const std::string& text) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  void Dial(const SendConfig& config, const ForwardTimeouts& timeouts = {}) {
    client_.reset();
    auto client = ForwardClient::Open(config, 2, timeouts);
    ASSERT_TRUE(client.ok()) << ToString(client.status());
    client_ = *std::move(client);
  }
  Status Put(const std::string& lines, const std::string& subtype = "app") {
    const ChunkKey key{.epoch = Epoch(1'700'000'000),
                       .dc = "1",
                       .cell = "cell0",
                       .type = "web",
                       .subtype = subtype,
                       .number = 7};
    return client_->PutChunk("events", key, SharedBytes(EncodeChunkValue(lines))).status();
  }
  std::future<Status> PutLater(const std::string& lines) {
    return std::async(std::launch::async, [this, lines] { return Put(lines); });
  }

  std::vector<Server> servers_;
  std::unique_ptr<ForwardClient> client_;
};

TEST_F(ForwardClientTest, AChunkIsTakenWhenItsEventsAreKeptAndNotBefore) {
  Dial({.to = {UrlOf(Serve())}});
  intake_.Hold();
  std::future<Status> put = PutLater("{\"timestamp\":1700000000,\"n\":1,\"type\":\"web\"}\n");
  ASSERT_TRUE(intake_.AwaitHeld(1));
  EXPECT_EQ(put.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(client_->contact().answered, Instant());
  intake_.Release();
  EXPECT_EQ(put.get(), OkStatus());
  EXPECT_NE(client_->contact().answered, Instant());
  EXPECT_FALSE(client_->contact().failing);
  EXPECT_THAT(intake_.events(), ElementsAre("{\"timestamp\":1700000000,\"n\":1,\"type\":\"web\"}"));
  EXPECT_THAT(intake_.places(), ElementsAre("acme events web app"));
}

TEST_F(ForwardClientTest, AConnectionServesManyChunks) {
  Dial({.to = {UrlOf(Serve())}, .tag = "all.{type}", .compress = "gzip"});
  for (int i = 0; i < 20; ++i) ASSERT_EQ(Put(fmt::format("{{\"n\":{}}}\n", i)), OkStatus());
  EXPECT_THAT(intake_.events(), SizeIs(20));
  EXPECT_THAT(intake_.places(), Each("acme events all web"));
  EXPECT_LE(ConnectionsAccepted(), 2);
}

TEST_F(ForwardClientTest, ALargeChunkIsTakenWhenAllOfItIs) {
  Dial({.to = {UrlOf(Serve())}});
  std::string lines;
  for (int i = 0; i < 5000; ++i) {
    lines += fmt::format("{{\"n\":{},\"pad\":\"{}\"}}\n", i, std::string(1000, 'x'));
  }
  ASSERT_EQ(Put(lines), OkStatus());
  const auto events = intake_.events();
  ASSERT_EQ(events.size(), 5000u);
  for (std::size_t i = 0; i < events.size(); ++i) {
    ASSERT_THAT(events[i].substr(0, 12), HasSubstr(fmt::format("{{\"n\":{},", i)));
  }
}

TEST_F(ForwardClientTest, WhatAServerCannotKeepIsToBeTriedAgain) {
  Dial({.to = {UrlOf(Serve())}});
  intake_.Answer(ResourceExhausted("the spool is full"));
  const Status refused = Put("{\"n\":1}\n");
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(refused)), HasSubstr("no acknowledgement"));
  EXPECT_THAT(std::string(Message(refused)), HasSubstr(servers_[0].address));
  EXPECT_TRUE(client_->contact().failing);
  intake_.Answer(OkStatus());
  EXPECT_EQ(Put("{\"n\":1}\n"), OkStatus());
  EXPECT_FALSE(client_->contact().failing);
}

TEST_F(ForwardClientTest, AChunkThatIsNoneIsRefusedForGoodAndIsNobodysFault) {
  Dial({.to = {UrlOf(Serve())}});
  const ChunkKey key{.epoch = Epoch(1), .dc = "1", .cell = "c", .type = "web"};
  EXPECT_EQ(client_->PutChunk("events", key, SharedBytes("no zstd")).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("[1]\n").code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(client_->contact().failing);
  EXPECT_EQ(Put("{}\n"), OkStatus());
}

TEST_F(ForwardClientTest, ServersTakeTurnsAndOneThatIsAwayIsLeftOut) {
  const std::size_t first = Serve();
  const std::size_t second = Serve();
  Dial({.to = {UrlOf(first), UrlOf(second)}});
  for (int i = 0; i < 4; ++i) ASSERT_EQ(Put("{}\n"), OkStatus());
  EXPECT_GE(servers_[first].host->connections(), 1u);
  EXPECT_GE(servers_[second].host->connections(), 1u);
  StopServer(first);
  int failures = 0;
  for (int i = 0; i < 10; ++i) failures += Put("{}\n").ok() ? 0 : 1;
  EXPECT_EQ(failures, 1);  // then it rests
}

TEST_F(ForwardClientTest, AServerThatCameBackIsUsedAgain) {
  const std::size_t server = Serve();
  Dial({.to = {UrlOf(server)}});
  ASSERT_EQ(Put("{}\n"), OkStatus());
  StopServer(server);
  EXPECT_EQ(Put("{}\n").code(), StatusCode::kUnavailable);
  Serve("", nullptr, servers_[server].address);
  EXPECT_EQ(Put("{}\n"), OkStatus());
}

TEST_F(ForwardClientTest, ASharedKeyLetsIn) {
  Dial({.to = {UrlOf(Serve("the-key"))}, .key_file = Write("key", "the-key\n")});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Put("{}\n"), OkStatus());
}

TEST_F(ForwardClientTest, AnotherKeyOrNoneIsSaidToBeWrong) {
  const std::size_t server = Serve("the-key");
  Dial({.to = {UrlOf(server)}, .key_file = Write("key", "another\n")});
  Status refused = Put("{}\n");
  EXPECT_EQ(refused.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(Message(refused)), HasSubstr("shared_key mismatch"));
  Dial({.to = {UrlOf(server)}});
  refused = Put("{}\n");
  EXPECT_EQ(refused.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(Message(refused)), HasSubstr("asks for a shared key"));
  EXPECT_THAT(intake_.events(), SizeIs(0));
}

TEST_F(ForwardClientTest, AServerThatSaysNothingIsNotWaitedForWithoutEnd) {
  Dial({.to = {UrlOf(Serve())}, .key_file = Write("key", "the-key\n")}, {.handshake = 20ms});
  EXPECT_THAT(std::string(Message(Put("{}\n"))), HasSubstr("no HELO"));
  Dial({.to = {UrlOf(0)}}, {.ack = 20ms});
  intake_.Hold();
  const Status silent = Put("{}\n");
  EXPECT_EQ(silent.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(silent)), HasSubstr("no acknowledgement: it took too long"));
}

TEST_F(ForwardClientTest, WhoGoesWhileSomethingIsUnderWaySaysSo) {
  Dial({.to = {UrlOf(Serve())}});
  intake_.Hold();
  std::vector<std::promise<Status>> ends(5);
  for (auto& end : ends) {
    client_->PutChunkAsync("events", {}, SharedBytes(EncodeChunkValue("{}\n")),
                           [&end](const auto& reply) { end.set_value(reply.status()); });
  }
  ASSERT_TRUE(intake_.AwaitHeld(2));
  client_.reset();
  for (auto& end : ends) {
    EXPECT_EQ(end.get_future().get().code(), StatusCode::kUnavailable);
  }
}

TEST_F(ForwardClientTest, ByTlsToWhomeverTheCertificateIsOf) {
  const TestCertificate certificate("127.0.0.1");
  auto tls = TlsFiles::Open(Write("crt", certificate.certificate), Write("key", certificate.key));
  ASSERT_TRUE(tls.ok()) << ToString(tls.status());
  const std::size_t server = Serve("the-key", tls->get());
  const std::string key_file = Write("shared", "the-key\n");
  Dial({.to = {UrlOf(server, "forward+tls://")},
        .key_file = key_file,
        .ca_file = directory_ + "/crt"});
  std::string lines;
  for (int i = 0; i < 2000; ++i) lines += "{\"pad\":\"" + std::string(1000, 'x') + "\"}\n";
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Put(lines), OkStatus());
  EXPECT_THAT(intake_.events(), SizeIs(6000));
  EXPECT_LE(ConnectionsAccepted(), 2);
}

TEST_F(ForwardClientTest, WhoseCertificateIsNotBelievedGetsNothing) {
  const TestCertificate certificate("127.0.0.1");
  const TestCertificate other("127.0.0.2");
  for (const TestCertificate* one : {&certificate, &other}) {
    auto tls = TlsFiles::Open(Write("crt", one->certificate), Write("key", one->key));
    ASSERT_TRUE(tls.ok());
    const std::size_t server = Serve("", tls->get());
    // Of another authority, and of another host.
    const std::string ca = Write("ca", other.certificate);
    Dial({.to = {UrlOf(server, "forward+tls://")}, .ca_file = ca});
    const Status status = Put("{}\n");
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_THAT(std::string(Message(status)), HasSubstr("TLS: "));
    client_.reset();
    StopServer(server);
  }
  const std::size_t plain = Serve();
  Dial({.to = {UrlOf(plain, "forward+tls://")}, .ca_file = directory_ + "/ca"}, {.dial = 100ms});
  EXPECT_EQ(Put("{}\n").code(), StatusCode::kUnavailable);
  EXPECT_THAT(intake_.events(), SizeIs(0));
}

TEST_F(ForwardClientTest, SaysWhatIsWrongWithItsConfiguration) {
  const auto error = [](const SendConfig& config) {
    const Status status = ForwardClient::Open(config, 1).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(Message(status));
  };
  EXPECT_THAT(error({.to = {"http://a:1"}}), HasSubstr("want forward://HOST:PORT"));
  EXPECT_THAT(error({.to = {"forward://a:1"}, .tag = "{x}"}), HasSubstr("send: tag"));
  EXPECT_THAT(error({.to = {"forward://a:1"}, .key_file = "/nothing"}), HasSubstr("/nothing"));
  EXPECT_THAT(error({.to = {"forward+tls://a:1"}, .ca_file = "/nothing"}), HasSubstr("/nothing"));
}

}  // namespace
}  // namespace carillon
