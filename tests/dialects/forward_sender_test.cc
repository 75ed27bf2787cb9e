#include "collector/dialects/forward_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/dialects/forward_session.h"
#include "collector/dialects/gzip_members.h"
#include "collector/dialects/msgpack_json.h"

namespace carillon {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'700'000'000;

std::string Packed(const std::string& json) {
  JsonDocument document;
  EXPECT_TRUE(document.Parse(json).ok()) << json;
  std::string packed;
  AppendMsgpackOf(document.root(), &packed);
  return packed;
}

std::string RoundTrip(const std::string& json) {
  const std::string packed = Packed(json);
  MsgpackReader reader(packed);
  std::string back;
  EXPECT_TRUE(reader.AppendJson(&back).ok()) << json;
  EXPECT_TRUE(reader.done()) << json;
  return back;
}

TEST(MsgpackJsonTest, WhatIsPackedIsReadAsItWas) {
  for (const std::string json :
       {R"({"a":1,"b":[true,false,null],"c":{"d":"e"}})", "{}", "[]", "0", "127", "128",
        "4294967295", "4294967296", "18446744073709551615", "-1", "-32", "-33", "-2147483648",
        "-2147483649", "-9223372036854775808", "1.5", "-0.25", "1e+300", R"("")"}) {
    EXPECT_EQ(RoundTrip(json), json);
  }
  EXPECT_EQ(RoundTrip(R"("\u00e4\n")"), "\"\u00e4\\n\"");
}

TEST(MsgpackJsonTest, LengthsAndCountsOfEverySizeAreReadAsTheyWere) {
  for (const std::size_t size : {15, 16, 31, 32, 255, 256, 65'535, 65'536, 70'000}) {
    const std::string text = "\"" + std::string(size, 'x') + "\"";
    EXPECT_EQ(RoundTrip(text), text) << size;
    std::string items = "[1";
    std::string members = R"({"0":1)";
    for (std::size_t i = 1; i < size; ++i) {
      items += ",1";
      members += fmt::format(R"(,"{}":1)", i);
    }
    EXPECT_EQ(RoundTrip(items + "]"), items + "]") << size;
    EXPECT_EQ(RoundTrip(members + "}"), members + "}") << size;
    std::string binary;
    AppendMsgpackBinary(text, &binary);
    EXPECT_EQ(MsgpackReader(binary).Next()->bytes, text) << size;
  }
}

TEST(MsgpackJsonTest, ANumberThatFitsNothingIsNotLost) {
  EXPECT_EQ(RoundTrip("18446744073709551616"), "18446744073709551616");  // 2^64, a double
  EXPECT_EQ(RoundTrip("1e999"), R"("1e999")");
  EXPECT_EQ(RoundTrip("-1e-999"), R"("-1e-999")");
}

// What a session has of messages that it was sent.
struct Heard {
  struct Event {
    std::string stream;
    std::string id;
    std::int64_t time_us = 0;
    std::string json;
  };
  std::vector<Event> events;
  std::vector<std::string> acknowledgements;
};

class ForwardWriterTest : public testing::Test {
 protected:
  std::vector<ForwardMessage> Write(const std::string& lines, bool gzip = false) {
    ForwardWriter writer({.id = "c1", .tag = "web.app", .second = kSecond, .gzip = gzip}, lines);
    std::vector<ForwardMessage> messages;
    while (true) {
      const auto message = writer.Next();
      EXPECT_TRUE(message.ok()) << ToString(message.status());
      if (!message.ok() || !message->has_value()) return messages;
      messages.push_back(**message);
    }
  }
  Heard Hear(const std::vector<ForwardMessage>& messages) {
    ForwardSession session{ForwardOptions{}};
    Heard heard;
    for (const ForwardMessage& message : messages) {
      std::vector<StreamEffect> effects;
      EXPECT_TRUE(session.Feed(message.bytes, &effects).ok());
      for (const StreamEffect& effect : effects) {
        const auto& stored = std::get<StoreEvents>(effect);
        for (std::size_t i = 0; i < stored.events.size(); ++i) {
          EXPECT_EQ(stored.events.rejection(i), nullptr);
          const EventFields event = stored.events.event(i);
          heard.events.push_back({std::string(event.stream), std::string(event.id),
                                  event.time_us.value_or(-1), std::string(event.json)});
        }
        if (!stored.acknowledgement.empty()) {
          heard.acknowledgements.push_back(stored.acknowledgement);
        }
      }
    }
    return heard;
  }
  std::int64_t MicrosOf(const std::string& timestamp) {
    const Heard heard = Hear(Write("{\"timestamp\":" + timestamp + "}\n"));
    EXPECT_EQ(heard.events.size(), 1u);
    const auto second = static_cast<std::int64_t>(kSecond) * 1'000'000;
    return heard.events.empty() ? -1 : heard.events[0].time_us - second;
  }
};

TEST_F(ForwardWriterTest, ASessionTakesTheEventsAndAcknowledgesThem) {
  for (const bool gzip : {false, true}) {
    const auto messages = Write("{\"n\":1}\n\n{\"n\":2,\"timestamp\":1700000000.25}\n", gzip);
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].id, "c1.0");
    const Heard heard = Hear(messages);
    ASSERT_EQ(heard.events.size(), 2u);
    EXPECT_EQ(heard.events[0].stream, "web.app");
    EXPECT_EQ(heard.events[0].id, "c1.0:0");
    EXPECT_EQ(heard.events[0].time_us, 1'700'000'000'000'000);
    EXPECT_EQ(heard.events[0].json, "{\"n\":1}");
    EXPECT_EQ(heard.events[1].id, "c1.0:1");
    EXPECT_EQ(heard.events[1].time_us, 1'700'000'000'250'000);
    EXPECT_EQ(heard.events[1].json, "{\"n\":2,\"timestamp\":1700000000.25}");
    ASSERT_EQ(heard.acknowledgements.size(), 1u);
    EXPECT_EQ(CheckForwardAck(heard.acknowledgements[0], "c1.0"), OkStatus());
    EXPECT_EQ(CheckForwardAck(heard.acknowledgements[0], "c1.1").code(),
              StatusCode::kInvalidArgument);
  }
}

TEST_F(ForwardWriterTest, TheTimeIsThatOfTheEventAsLongAsItIsOfTheChunksSecond) {
  EXPECT_EQ(MicrosOf("1700000000"), 0);
  EXPECT_EQ(MicrosOf("1700000000.123456"), 123'456);
  EXPECT_EQ(MicrosOf("1700000000123"), 123'000);
  EXPECT_EQ(MicrosOf("1700000000123456"), 123'456);
  EXPECT_EQ(MicrosOf("1700000000123456789"), 123'456);
  EXPECT_EQ(MicrosOf("\"2023-11-14T22:13:20.5Z\""), 500'000);
  EXPECT_EQ(MicrosOf("\"1700000000.75\""), 750'000);
  for (const char* other : {"1700000001.5", "1699999999.5", "-1", "1e999", "null", "\"soon\"",
                            "{\"a\":1}", "\"2023-11-14\""}) {
    EXPECT_EQ(MicrosOf(other), 0) << other;
  }
}

TEST_F(ForwardWriterTest, ALargeChunkGoesInSeveralMessagesAndAllOfItArrives) {
  std::string lines;
  for (int i = 0; i < 3000; ++i) {
    lines += fmt::format("{{\"n\":{},\"pad\":\"{}\"}}\n", i, std::string(1000, 'x'));
  }
  for (const bool gzip : {false, true}) {
    const auto messages = Write(lines, gzip);
    ASSERT_EQ(messages.size(), 3u);
    for (const ForwardMessage& message : messages) {
      EXPECT_LT(message.bytes.size(), kForwardEntriesBytes + 2000);
    }
    const Heard heard = Hear(messages);
    ASSERT_EQ(heard.events.size(), 3000u);
    for (int i = 0; i < 3000; ++i) {
      ASSERT_TRUE(heard.events[static_cast<std::size_t>(i)].json.starts_with(
          fmt::format("{{\"n\":{},", i)));
    }
    EXPECT_EQ(heard.events.back().id.substr(0, 5), "c1.2:");
    EXPECT_EQ(heard.acknowledgements.size(), 3u);
  }
}

TEST_F(ForwardWriterTest, TheSameChunkBecomesTheSameMessages) {
  const std::string lines = "{\"n\":1}\n{\"n\":2}\n";
  EXPECT_EQ(Write(lines)[0].bytes, Write(lines)[0].bytes);
}

TEST_F(ForwardWriterTest, WhatAReceiverWouldTakeForABombGoesUnpacked) {
  const std::string lines = "{\"pad\":\"" + std::string(3 << 20, 'x') + "\"}\n";
  const auto packed = Write(lines, true);
  ASSERT_EQ(packed.size(), 1u);
  EXPECT_GT(packed[0].bytes.size(), 3u << 20);
  EXPECT_EQ(Hear(packed).events.size(), 1u);
}

TEST_F(ForwardWriterTest, AChunkWithoutEventsIsNoMessage) {
  EXPECT_TRUE(Write("").empty());
  EXPECT_TRUE(Write("\n\n").empty());
}

TEST_F(ForwardWriterTest, WhatIsNoObjectIsNotSent) {
  for (const std::string lines : {"{\"n\":1}\n[2]\n", "{\"n\":\n", "7\n"}) {
    ForwardWriter writer({.id = "c1", .tag = "web", .second = 1}, lines);
    EXPECT_EQ(writer.Next().status().code(), StatusCode::kInvalidArgument) << lines;
  }
}

TEST(ForwardAckTest, WhatIsNoAcknowledgementIsNone) {
  using namespace std::string_literals;
  EXPECT_EQ(CheckForwardAck("\x81\xa3"s + "ack\xa2"s + "c1"s, "c1"), OkStatus());
  EXPECT_EQ(CheckForwardAck("\x82\xa1x\x01\xa3"s + "ack\xc4\x02"s + "c1"s, "c1"), OkStatus());
  for (const std::string& answer :
       {""s, "\xc0"s, "\x80"s, "\x81"s, "\x81\xa3"s + "ack"s, "\x81\xa3"s + "ack\xc0"s,
        "\x81\xa3"s + "nak\xa2"s + "c1"s, "\x91\xa2"s + "c1"s}) {
    EXPECT_EQ(CheckForwardAck(answer, "c1").code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(CheckForwardAck("\x92\xa4HELO\x80"s, "c1").code(), StatusCode::kUnauthenticated);
}

TEST(ForwardTagTest, IsMadeOfWhatTheEventsHaveInCommon) {
  const ForwardNames names{.bucket = "events", .type = "web", .subtype = "app"};
  EXPECT_EQ(ForwardTag(kForwardTag, names), "web.app");
  EXPECT_EQ(ForwardTag("carillon.{bucket}.{type}", names), "carillon.events.web");
  EXPECT_EQ(ForwardTag("fixed", names), "fixed");
  EXPECT_EQ(ForwardTag(kForwardTag, {.type = "web"}), "web");
  EXPECT_EQ(ForwardTag(kForwardTag, {}), "events");
}

TEST(ForwardTagTest, SaysWhatIsWrongWithAPattern) {
  for (const std::string_view good : {"{type}.{subtype}", "a-b_C.9", "{bucket}"}) {
    EXPECT_EQ(CheckForwardTag(good), OkStatus()) << good;
  }
  for (const std::string_view bad : {"", "{tag}", "{type", "a b", "a*", "a\n"}) {
    EXPECT_EQ(CheckForwardTag(bad).code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_THAT(std::string(Message(CheckForwardTag("x.{tag}"))), HasSubstr("'{tag}'"));
  EXPECT_FALSE(CheckForwardTag(std::string(kMaxForwardTagBytes + 1, 'a')).ok());
}

class ForwardLoginTest : public testing::Test {
 protected:
  Status Shake(const std::string& key, const std::string& host = "agent") {
    ForwardHandshake server(options_);
    const ForwardLogin login{.shared_key = key, .host = host, .salt = std::string(16, 's')};
    std::string nonce;
    ASSIGN_OR_RETURN(const std::string ping, AnswerHelo(server.Helo(), login, &nonce));
    std::string pong;
    (void)server.TakePing(ping, &pong);  // the PONG says it
    return CheckPong(pong, login, nonce);
  }
  ForwardOptions options_{
      .shared_keys = {"secret"}, .nonce = std::string(16, 'n'), .user_salt = std::string(16, 'u')};
};

TEST_F(ForwardLoginTest, WhoKnowsTheKeyIsLetIn) {
  EXPECT_EQ(Shake("secret"), OkStatus());
}

TEST_F(ForwardLoginTest, WhoDoesNotIsToldWhy) {
  const Status wrong = Shake("wrong");
  EXPECT_EQ(wrong.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(Message(wrong)), HasSubstr("shared_key mismatch"));
  EXPECT_EQ(Shake("secret", options_.server_host).code(), StatusCode::kUnauthenticated);
}

TEST_F(ForwardLoginTest, AServerThatAsksForAUserIsRefused) {
  options_.users = {{"ann", "a1"}};
  EXPECT_EQ(Shake("secret").code(), StatusCode::kUnauthenticated);
}

TEST_F(ForwardLoginTest, AServerThatDoesNotKnowTheKeyIsRefused) {
  const ForwardLogin login{.shared_key = "secret", .host = "agent", .salt = std::string(16, 's')};
  std::string pong;
  AppendMsgpackArray(5, &pong);
  AppendMsgpackText("PONG", &pong);
  AppendMsgpackBool(true, &pong);
  for (const char* text : {"", "server", "digest"}) AppendMsgpackText(text, &pong);
  EXPECT_EQ(CheckPong(pong, login, "nonce").code(), StatusCode::kUnauthenticated);
}

TEST_F(ForwardLoginTest, NoHandshakeInPiecesOrOfAnythingElseIsTaken) {
  ForwardHandshake server(options_);
  const std::string helo = server.Helo();
  const ForwardLogin login{.shared_key = "secret", .host = "agent", .salt = std::string(16, 's')};
  std::string nonce;
  const auto ping = AnswerHelo(helo, login, &nonce);
  ASSERT_TRUE(ping.ok());
  std::string pong;
  ASSERT_TRUE(server.TakePing(*ping, &pong).ok());
  for (std::size_t size = 0; size < helo.size(); ++size) {
    std::string other;
    EXPECT_FALSE(AnswerHelo(helo.substr(0, size), login, &other).ok()) << size;
  }
  for (std::size_t size = 0; size < pong.size(); ++size) {
    EXPECT_FALSE(CheckPong(pong.substr(0, size), login, nonce).ok()) << size;
  }
  EXPECT_EQ(AnswerHelo(pong, login, &nonce).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckPong(helo, login, nonce).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carillon
