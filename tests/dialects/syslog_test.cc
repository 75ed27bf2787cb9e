// Syslog and RELP.
#include <gtest/gtest.h>

#include "collector/dialects/relp_session.h"
#include "collector/dialects/syslog_session.h"

namespace carillon {
namespace {

class SyslogTest : public ::testing::Test {
 protected:
  Status Feed(std::string_view bytes, std::size_t piece = 1 << 30) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      effects_.clear();
      RETURN_IF_ERROR(session_.Feed(bytes.substr(at, piece), &effects_));
      for (StreamEffect& effect : effects_) Keep(std::get<StoreEvents>(effect).events);
    }
    return OkStatus();
  }
  void Keep(const EventBatch& events) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      const EventFields event = events.event(i);
      jsons_.emplace_back(event.json);
      streams_.emplace_back(event.stream);
      times_.push_back(event.time_us.value_or(-1));
    }
  }
  // The event of one message.
  std::string Json(std::string_view message) {
    jsons_.clear();
    streams_.clear();
    times_.clear();
    EXPECT_TRUE(Feed(fmt::format("{} {}", message.size(), message)).ok());
    return jsons_.size() == 1 ? jsons_[0] : "";
  }

  SyslogSession session_;
  std::vector<StreamEffect> effects_;
  std::vector<std::string> jsons_;
  std::vector<std::string> streams_;
  std::vector<std::int64_t> times_;
};

TEST_F(SyslogTest, ReadsRfc5424) {
  EXPECT_EQ(
      Json("<165>1 2023-11-14T22:13:20.003Z mymachine.example.com evntslog 12 ID47 "
           "[exampleSDID@32473 iut=\"3\" eventSource=\"App\\\"li\\]c\"][x@1] \xef\xbb\xbfhello"),
      R"({"facility":"local4","severity":"notice","hostname":"mymachine.example.com",)"
      R"("app_name":"evntslog","proc_id":"12","msg_id":"ID47","structured_data":)"
      R"({"exampleSDID@32473":{"iut":"3","eventSource":"App\"li]c"},"x@1":{}},)"
      R"("message":"hello"})");
  EXPECT_EQ(streams_[0], "evntslog");
  EXPECT_EQ(times_[0], 1700000000003000);
  EXPECT_EQ(Json("<14>1 - - - - - - "), R"({"facility":"user","severity":"info","message":""})");
  EXPECT_EQ(times_[0], -1);
}

TEST_F(SyslogTest, ReadsRfc3164Leniently) {
  EXPECT_EQ(
      Json("<34>Oct 11 22:14:15 mymachine su[7]: 'su root' failed"),
      R"({"facility":"auth","severity":"crit","timestamp":"Oct 11 22:14:15",)"
      R"("hostname":"mymachine","app_name":"su","proc_id":"7","message":"'su root' failed"})");
  EXPECT_EQ(streams_[0], "su");
  EXPECT_EQ(
      Json("<13>2023-11-14T22:13:20+00:00 h tag: m"),
      R"({"facility":"user","severity":"notice","hostname":"h","app_name":"tag","message":"m"})");
  EXPECT_EQ(times_[0], 1700000000000000);
  EXPECT_EQ(Json("<13>Oct  1 22:14:15 tag: m"),
            R"({"facility":"user","severity":"notice","timestamp":"Oct  1 22:14:15",)"
            R"("app_name":"tag","message":"m"})");
  EXPECT_EQ(Json("<14>Nov 14 22:13:20 h2 app2[9] hello"),
            R"({"facility":"user","severity":"info","timestamp":"Nov 14 22:13:20",)"
            R"("hostname":"h2","app_name":"app2","proc_id":"9","message":"hello"})");
  EXPECT_EQ(Json("<13>just words"),
            R"({"facility":"user","severity":"notice","message":"just words"})");
  EXPECT_EQ(Json("no priority"), R"({"message":"no priority"})");
  EXPECT_EQ(Json("<999>x"), R"({"message":"<999>x"})");
}

TEST_F(SyslogTest, NothingOfABrokenMessageIsLost) {
  for (const std::string_view message :
       {"<14>1 2023 h a p m - x", "<14>1 - h a p m [x", "<14>1 - h a p m [x y=\"1] z", "<14>1 - h",
        "<14>1 - h a p m [x y=\"1\"]z", "<14>1 ", "<14>1 - h a p m [x y] z=\"1\"]"}) {
    EXPECT_NE(Json(message).find(message.substr(message.size() - 2)), std::string::npos)
        << Json(message);
  }
  EXPECT_EQ(Json(std::string_view("<14>a\0\xff", 7)),
            "{\"facility\":\"user\",\"severity\":\"info\",\"message\":\"a\\u0000\xef\xbf\xbd\"}");
}

TEST_F(SyslogTest, TakesBothFramingsCutAnywhere) {
  const std::string bytes = "<13>one\r\n6 <13>2\n<13>three\n\n7 <13>4\n5";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    session_ = SyslogSession();
    jsons_.clear();
    ASSERT_TRUE(Feed(bytes, piece).ok());
    ASSERT_EQ(jsons_.size(), 4u) << piece;
    EXPECT_NE(jsons_[0].find(R"("message":"one")"), std::string::npos);
    EXPECT_NE(jsons_[1].find(R"("message":"2")"), std::string::npos);
    EXPECT_NE(jsons_[3].find(R"("message":"4\n5")"), std::string::npos);
  }
}

TEST_F(SyslogTest, TakesALastLineWithoutItsEnd) {
  ASSERT_TRUE(Feed("<13>one\n<13>two").ok());
  ASSERT_EQ(jsons_.size(), 1u);
  effects_.clear();
  session_.End(&effects_);
  Keep(std::get<StoreEvents>(effects_.at(0)).events);
  EXPECT_NE(jsons_.at(1).find("two"), std::string::npos);
  ASSERT_TRUE(Feed("10 <13>").ok());
  effects_.clear();
  session_.End(&effects_);
  EXPECT_TRUE(effects_.empty());
}

TEST_F(SyslogTest, LimitsMessages) {
  EXPECT_EQ(Feed("9999999 <13>").code(), StatusCode::kOutOfRange);
  session_ = SyslogSession();
  EXPECT_EQ(Feed("12345678901 x").code(), StatusCode::kInvalidArgument);
  session_ = SyslogSession();
  EXPECT_EQ(Feed("12x").code(), StatusCode::kInvalidArgument);
  session_ = SyslogSession();
  EXPECT_EQ(Feed(std::string(kMaxSyslogBytes + 1, 'x')).code(), StatusCode::kOutOfRange);
  session_ = SyslogSession();
  EXPECT_TRUE(Feed(std::string(kMaxSyslogBytes, 'x') + "\n").ok());
}

class RelpTest : public ::testing::Test {
 protected:
  Status Feed(std::string_view bytes, std::size_t piece = 1 << 30) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      std::vector<StreamEffect> effects;
      const Status status = session_.Feed(bytes.substr(at, piece), &effects);
      for (StreamEffect& effect : effects) {
        const StoreEvents& store = std::get<StoreEvents>(effect);
        answers_ += store.acknowledgement;
        for (std::size_t i = 0; i < store.events.size(); ++i) {
          jsons_.emplace_back(store.events.event(i).json);
        }
      }
      RETURN_IF_ERROR(status);
    }
    return OkStatus();
  }
  // As rsyslog 8.2302's omrelp says it.
  static std::string Open() {
    const std::string data =
        "relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog";
    return fmt::format("1 open {} {}\n", data.size(), data);
  }
  static constexpr char kOpened[] =
      "1 rsp 60 200 OK\nrelp_version=0\nrelp_software=carillon\ncommands=syslog\n";

  RelpSession session_;
  std::string answers_;
  std::vector<std::string> jsons_;
};

TEST_F(RelpTest, AcknowledgesEachFrameHoweverTheBytesAreCut) {
  const std::string bytes = Open() + "2 syslog 7 <13>one\n3 syslog 9 <13>t\nwo \n4 close 0\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    session_ = RelpSession();
    answers_.clear();
    jsons_.clear();
    ASSERT_TRUE(Feed(bytes, piece).ok()) << piece;
    EXPECT_EQ(answers_,
              std::string(kOpened) + "2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 0\n0 serverclose 0\n");
    ASSERT_EQ(jsons_.size(), 2u);
    EXPECT_EQ(jsons_[1], R"({"facility":"user","severity":"notice","message":"t\nwo "})");
  }
}

TEST_F(RelpTest, FramesOfOnePieceAreKeptTogether) {
  ASSERT_TRUE(Feed(Open()).ok());
  std::vector<StreamEffect> effects;
  ASSERT_TRUE(session_.Feed("2 syslog 1 a\n3 syslog 1 b\n4 syslog 1", &effects).ok());
  ASSERT_EQ(effects.size(), 1u);
  const StoreEvents& store = std::get<StoreEvents>(effects[0]);
  EXPECT_EQ(store.events.size(), 2u);
  EXPECT_EQ(store.acknowledgement, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
  EXPECT_EQ(store.refusal, "");
}

TEST_F(RelpTest, RefusesWhatIsNoRelp) {
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\r\n", "x open 0\n", "1 open x\n", "1  0\n", "1 syslog 0\n",
        "1 open 3 abcd\n", "1234567890 open 0\n", "1 open 1234567890 \n",
        "11111111111111111111111111111111111111111111111111111111"}) {
    session_ = RelpSession();
    EXPECT_EQ(Feed(bytes).code(), StatusCode::kInvalidArgument) << bytes;
  }
  session_ = RelpSession();
  EXPECT_EQ(Feed("1 open 999999999 x").code(), StatusCode::kOutOfRange);
  session_ = RelpSession();
  answers_.clear();
  ASSERT_TRUE(Feed(Open() + "2 starttls 0\n").ok());
  EXPECT_EQ(answers_, std::string(kOpened) + "2 rsp 19 500 unknown command\n");
  EXPECT_FALSE(Feed("3 open 0\n").ok());
}

}  // namespace
}  // namespace carillon
