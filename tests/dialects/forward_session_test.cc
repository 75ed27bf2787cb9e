#include "collector/dialects/forward_session.h"

#include <gtest/gtest.h>

#include "tests/dialects/msgpack_samples.h"

namespace carillon {
namespace {

using namespace samples;  // NOLINT: words of the tests

const std::string kChunk = "p8n9gmxTQVC8/nh2wlKKeQ==";

class ForwardSessionTest : public ::testing::Test {
 protected:
  Status Feed(std::string_view bytes, std::size_t piece = 0) {
    effects_.clear();
    if (piece == 0) piece = bytes.size() + 1;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      RETURN_IF_ERROR(session_.Feed(bytes.substr(at, piece), &effects_));
    }
    return OkStatus();
  }
  const StoreEvents& Stored(std::size_t at = 0) { return std::get<StoreEvents>(effects_.at(at)); }
  static std::string ChunkOption(std::string_view chunk) {
    return Map(1) + Text("chunk") + Text(chunk);
  }
  static std::string AckOf(std::string_view chunk) { return Map(1) + Text("ack") + Text(chunk); }

  ForwardSession session_{ForwardOptions{}};
  std::vector<StreamEffect> effects_;
};

TEST_F(ForwardSessionTest, TakesAMessage) {
  ASSERT_TRUE(Feed(Array(3) + Text("app.web") + EventTime(1700000000, 123456789) + Map(1) +
                   Text("a") + Text("b"))
                  .ok());
  ASSERT_EQ(effects_.size(), 1u);
  const EventFields event = Stored().events.event(0);
  EXPECT_EQ(event.stream, "app.web");
  EXPECT_EQ(event.json, R"({"a":"b"})");
  EXPECT_EQ(event.time_us, 1700000000123456);
  EXPECT_EQ(event.id, "");
  EXPECT_EQ(Stored().acknowledgement, "");
}

TEST_F(ForwardSessionTest, AcknowledgesAChunkByteForByte) {
  // Fluentd's chunk ids end in a newline.
  ASSERT_TRUE(Feed(Array(4) + Text("t") + Seconds(5) + Map(0) + Map(2) + Text("size") + "\x01" +
                   Text("chunk") + Text(kChunk + "\n"))
                  .ok());
  EXPECT_EQ(Stored().acknowledgement, AckOf(kChunk + "\n"));
  EXPECT_EQ(Stored().refusal, "");
  EXPECT_EQ(Stored().events.event(0).id, kChunk + ":0");
}

TEST_F(ForwardSessionTest, TakesForwardMode) {
  ASSERT_TRUE(
      Feed(Array(3) + Text("t") + Array(2) + Entry(1, 10) + Entry(2, 20) + ChunkOption(kChunk))
          .ok());
  ASSERT_EQ(Stored().events.size(), 2u);
  EXPECT_EQ(Stored().events.event(1).json, R"({"n":20})");
  EXPECT_EQ(Stored().events.event(1).time_us, 2000000);
  EXPECT_EQ(Stored().events.event(1).id, kChunk + ":1");
}

TEST_F(ForwardSessionTest, TakesPackedEntriesAsBinAndAsText) {
  const std::string packed = Entry(1, 10) + Entry(2, 20) + Entry(3, 30);
  for (const int head : {0xdb, 0xc6}) {
    ASSERT_TRUE(Feed(Array(3) + Text("t") + Long(head, packed) + ChunkOption(kChunk)).ok());
    ASSERT_EQ(Stored().events.size(), 3u);
    EXPECT_EQ(Stored().events.event(2).json, R"({"n":30})");
  }
}

TEST_F(ForwardSessionTest, TakesSeveralCompressedMembers) {
  const std::string option = Map(3) + Text("compressed") + Text("gzip") + Text("chunk") +
                             Text(kChunk) + Text("eventEntryDataSize") + "\x02";
  ASSERT_TRUE(
      Feed(Array(3) + Text("t") + Long(0xc6, Gzip(Entry(1, 1)) + Gzip(Entry(2, 2))) + option).ok());
  ASSERT_EQ(Stored().events.size(), 2u);
  EXPECT_EQ(Stored().acknowledgement, AckOf(kChunk));
}

TEST_F(ForwardSessionTest, BytesMayBeCutAnywhere) {
  const std::string message =
      Array(3) + Text("t") + Array(2) + Entry(1, 10) + Entry(2, 20) + ChunkOption(kChunk);
  for (std::size_t piece = 1; piece < message.size(); ++piece) {
    ASSERT_TRUE(Feed(message + message, piece).ok());
    ASSERT_EQ(effects_.size(), 2u);
    EXPECT_EQ(Stored(1).events.size(), 2u);
  }
}

TEST_F(ForwardSessionTest, RejectsOneRecordAndTakesTheOthers) {
  const std::string deep =
      Array(2) + Seconds(1) + Map(1) + Text("a") + std::string(64, '\x91') + "\x01";
  const std::string number = Array(2) + Seconds(1) + "\x07";
  ASSERT_TRUE(
      Feed(Array(2) + Text("t") + Array(4) + Entry(1, 1) + deep + number + Entry(2, 2)).ok());
  const EventBatch& events = Stored().events;
  EXPECT_EQ(events.rejected(), 2u);
  EXPECT_EQ(events.rejection(1)->text, "entries[1]: nested deeper than 64 levels");
  EXPECT_EQ(events.rejection(2)->text, "entries[2]: a record that is no map");
  EXPECT_EQ(events.event(3).json, R"({"n":2})");
}

TEST_F(ForwardSessionTest, SplitsALargeMessageAndAcknowledgesItsLastPart) {
  std::string packed;
  for (std::size_t i = 0; i < kMaxEventsInRequest + 5; ++i) packed += Entry(1, 1);
  ASSERT_TRUE(Feed(Array(3) + Text("t") + Long(0xdb, packed) + ChunkOption(kChunk)).ok());
  ASSERT_EQ(effects_.size(), 2u);
  EXPECT_EQ(Stored(0).events.size(), kMaxEventsInRequest);
  EXPECT_EQ(Stored(0).acknowledgement, "");
  EXPECT_EQ(Stored(1).events.size(), 5u);
  EXPECT_EQ(Stored(1).events.event(4).id, kChunk + ":10004");
  EXPECT_EQ(Stored(1).acknowledgement, AckOf(kChunk));
}

TEST_F(ForwardSessionTest, AcknowledgesAnEmptyChunk) {
  ASSERT_TRUE(Feed(Array(3) + Text("t") + Array(0) + ChunkOption(kChunk)).ok());
  EXPECT_TRUE(Stored().events.empty());
  EXPECT_EQ(Stored().acknowledgement, AckOf(kChunk));
}

TEST_F(ForwardSessionTest, IgnoresHeartbeats) {
  ASSERT_TRUE(Feed(std::string_view("\0\xc0\0", 3)).ok());
  EXPECT_TRUE(effects_.empty());
}

TEST_F(ForwardSessionTest, RefusesWhatIsNoMessage) {
  const std::vector<std::string> bad = {
      Text("GET / HTTP/1.1"),
      Array(1) + Text("t"),
      Array(5) + Text("t") + "\x01\x01\x01\x01",
      Array(2) + "\x01\x01",
      Array(2) + Text("t") + "\x01",
      Byte(0xc1),
      Array(2) + Text("t") + Array(1) + "\x01",
      Array(3) + Text("t") + Array(0) + "\x01",
      Array(3) + Text("t") + Array(0) + Map(1) + Text("chunk") + "\x01",
      Array(2) + Text("t") + Long(0xdb, "\x92\x01"),
      Array(2) + Text("t") + Long(0xdb, "\xc1"),
      Array(3) + Text("t") + Long(0xdb, "x") + Map(1) + Text("compressed") + Text("gzip"),
      Array(3) + Text("t") + Long(0xdb, "") + Map(1) + Text("compressed") + Text("zip"),
      Array(3) + Text("t") + Array(0) + Map(1) + Text("chunk") + Long(0xdb, std::string(257, 'c')),
      Array(2) + Long(0xdb, std::string(513, 't')) + Array(0)};
  for (const std::string& bytes : bad) {
    ForwardSession session{ForwardOptions{}};
    const Status status = session.Feed(bytes, &effects_);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bytes;
    EXPECT_TRUE(Message(status).starts_with("forward: ")) << Message(status);
  }
  EXPECT_TRUE(effects_.empty());
  EXPECT_EQ(Feed(Array(2) + Text("t") + Byte(0xdd) + std::string(4, '\xff')).code(),
            StatusCode::kOutOfRange);
}

class ForwardHandshakeTest : public ::testing::Test {
 protected:
  static ForwardOptions WithKeys(std::vector<ForwardUser> users = {}) {
    return {.shared_keys = {"other", "secret"},
            .users = std::move(users),
            .server_host = "collector",
            .nonce = std::string(16, 'n'),
            .user_salt = std::string(16, 's')};
  }
  static std::string Ping(std::string_view key, std::string_view user = "",
                          std::string_view password = "", std::string_view host = "client") {
    return Array(6) + Text("PING") + Text(host) + Text("salt") +
           Text(Sha512Hex({"salt", host, std::string(16, 'n'), key})) + Text(user) +
           Text(user.empty() ? "" : Sha512Hex({std::string(16, 's'), user, password}));
  }
  static std::string Sent(const StreamEffect& effect) { return std::get<SendBytes>(effect).bytes; }
  std::vector<StreamEffect> effects_;
};

TEST_F(ForwardHandshakeTest, DigestIsSha512) {
  EXPECT_TRUE(Sha512Hex({"a", "bc"}).starts_with("ddaf35a193617abacc417349ae204131"));
}

TEST_F(ForwardHandshakeTest, TakesAClientThatKnowsASharedKey) {
  ForwardSession session(WithKeys());
  session.Begin(&effects_);
  EXPECT_EQ(Sent(effects_.at(0)), Array(2) + Text("HELO") + Map(3) + Text("nonce") + "\xc4\x10" +
                                      std::string(16, 'n') + Text("auth") +
                                      std::string("\xc4\0", 2) + Text("keepalive") + "\xc3");
  ASSERT_TRUE(
      session.Feed(Ping("secret") + Array(3) + Text("t") + Seconds(1) + Map(0), &effects_).ok());
  EXPECT_EQ(Sent(effects_.at(1)),
            Array(5) + Text("PONG") + "\xc3" + Text("") + Text("collector") +
                Text(Sha512Hex({"salt", "collector", std::string(16, 'n'), "secret"})));
  EXPECT_EQ(session.key(), "secret");
  EXPECT_EQ(std::get<StoreEvents>(effects_.at(2)).events.size(), 1u);
}

TEST_F(ForwardHandshakeTest, TakesAUserWithItsPassword) {
  ForwardSession session(WithKeys({{"ann", "a1"}, {"bob", "b2"}}));
  ASSERT_TRUE(session.Feed(Ping("secret", "bob", "b2"), &effects_).ok());
  EXPECT_EQ(session.key(), "bob");
}

TEST_F(ForwardHandshakeTest, TellsTheOthersWhyNot) {
  for (const std::string& ping :
       {Ping("wrong"), Ping("secret"), Ping("secret", "bob", "a1"), Ping("secret", "eve", "a1"),
        Ping("secret", "bob", "b2", "collector")}) {
    effects_.clear();
    ForwardSession session(WithKeys({{"ann", "a1"}, {"bob", "b2"}}));
    EXPECT_EQ(session.Feed(ping, &effects_).code(), StatusCode::kUnauthenticated);
    EXPECT_TRUE(Sent(effects_.at(0)).starts_with(Array(5) + Text("PONG") + "\xc2"));
    EXPECT_EQ(session.key(), "");
  }
}

TEST_F(ForwardHandshakeTest, TakesNoEventsBeforeIt) {
  ForwardSession session(WithKeys());
  EXPECT_EQ(session.Feed(Array(3) + Text("t") + Seconds(1) + Map(0), &effects_).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(effects_.empty());
}

}  // namespace
}  // namespace carillon
