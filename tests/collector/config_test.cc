#include "collector/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/command_line.h"

namespace carillon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "carillon-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::string Write(const std::string& toml) const {
    const std::string path = directory_ + "/c.toml";
    std::ofstream(path) << toml;
    return path;
  }
  std::string ErrorOf(const std::string& toml) const {
    CollectorConfig config;
    Status status = LoadConfig(Write(toml), &config);
    if (status.ok()) status = Validate(config);
    return std::string(Message(status));
  }
  StatusOr<std::optional<CollectorCommand>> Parse(std::vector<std::string> words) {
    words.insert(words.begin(), "carillon-collector");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data(), &exit_code_);
  }

  std::string directory_;
  int exit_code_ = -1;
};

TEST_F(ConfigTest, SaysWhatIsWrongBetweenCollectors) {
  const std::string spool = "spool = '/x'\n";
  EXPECT_THAT(ErrorOf(spool + "ack = 'replicated'\n"), HasSubstr("[replica]"));
  EXPECT_THAT(ErrorOf(spool + "[replica]\nto = 'http://b:1'\n"), HasSubstr("key_file"));
  EXPECT_THAT(ErrorOf(spool + "[replica]\nto = 'http://b:1'\nkey_file = '/k'\n"),
              HasSubstr("name"));
  EXPECT_THAT(ErrorOf(spool + "[replica]\nlisten = '0.0.0.0:1'\nkey_file = '/k'\n"),
              HasSubstr("no TLS"));
  EXPECT_THAT(ErrorOf(spool + "[replica]\nname = 'a'\nlisten = '127.0.0.1:7491'\nkey_file = "
                              "'/k'\nto = ['http://b:1', 'http://127.0.0.1:7491']\n"),
              HasSubstr("http://127.0.0.1:7491 is this collector itself"));
  EXPECT_THAT(ErrorOf(spool + "[replica]\nname = 1\n"), HasSubstr("line 3: replica: name"));
  EXPECT_THAT(ErrorOf(spool + "[replica]\nfrom = 'x'\n"), HasSubstr("unknown key 'from'"));
  EXPECT_THAT(ErrorOf(spool + "[send]\nto = 'http://b:1'\n"), HasSubstr("key_file"));
  EXPECT_THAT(ErrorOf(spool + "[send]\nkey_file = '/k'\n"), HasSubstr("which collectors"));
  EXPECT_THAT(ErrorOf(spool + "open = 'acme'\nforward = '127.0.0.1:24224'\n[send]\nto = "
                              "['forward://a:1', 'forward://127.0.0.1:24224']\n"),
              HasSubstr("forward://127.0.0.1:24224 is this collector itself"));
  EXPECT_THAT(ErrorOf(spool + "http = '127.0.0.1:7490'\n[send]\nto = 'http://127.0.0.1:7490'\n"
                              "key_file = '/k'\n"),
              HasSubstr("is this collector itself"));
  EXPECT_EQ(ErrorOf(spool + "[send]\nto = 'b:1'\nkey_file = '/k'\n"), "");  // said when it is used
  const std::string forward = spool + "[send]\nto = 'forward://b:1'\n";
  EXPECT_EQ(ErrorOf(forward), "");
  EXPECT_EQ(ErrorOf(forward + "key_file = '/k'\ntag = 'a.{type}'\ncompress = 'gzip'\n"), "");
  EXPECT_THAT(ErrorOf(forward + "tag = '{x}'\n"), HasSubstr("send: tag: '{x}'"));
  EXPECT_THAT(ErrorOf(forward + "compress = 'zstd'\n"), HasSubstr("want 'gzip'"));
  EXPECT_THAT(ErrorOf(spool + "[send]\nto = ['forward://b:1', 'http://c:2']\nkey_file = '/k'\n"),
              HasSubstr("all by http, or all by forward"));
  EXPECT_THAT(ErrorOf(spool + "[send]\nto = 'http://c:2'\nkey_file = '/k'\ntag = 'a'\n"),
              HasSubstr("are for forward"));
  EXPECT_EQ(ErrorOf(spool + "ack = 'replicated'\n[replica]\nname = 'a'\nto = ['http://b:1', "
                            "'https://c:2']\nkey_file = '/k'\n"),
            "");
}

TEST_F(ConfigTest, KnowsWhereForwardGoes) {
  const auto plain = ParseForwardUrl("forward://log1.example:24224");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->host, "log1.example");
  EXPECT_EQ(plain->port, "24224");
  EXPECT_FALSE(plain->tls);
  const auto tls = ParseForwardUrl("forward+tls://[::1]:24224");
  ASSERT_TRUE(tls.ok());
  EXPECT_EQ(tls->host, "::1");
  EXPECT_TRUE(tls->tls);
  for (const char* bad : {"http://a:1", "forward://", "forward://a", "forward://:1", "forward://a:",
                          "forward://a:0", "forward://a:65536", "forward://a:1/x", "forward://a:x1",
                          "forward://::1:1", "forward://a b:1", "forward://u@a:1"}) {
    EXPECT_EQ(ParseForwardUrl(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST_F(ConfigTest, AKeyFileHasOneKeyInItsFirstLine) {
  EXPECT_EQ(*ReadKeyFile(Write("0123456789abcdef\nmore\n"), 16), "0123456789abcdef");
  for (const char* text : {"", "short\n", "with spaces in between\n"}) {
    EXPECT_FALSE(ReadKeyFile(Write(text), 16).ok()) << text;
  }
  EXPECT_FALSE(ReadKeyFile(directory_ + "/nothing", 16).ok());
}

TEST_F(ConfigTest, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("--spool"));
  EXPECT_THAT(ErrorOf("spool = \n"), HasSubstr("c.toml:1"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nspol = 1\n"), HasSubstr(":2: unknown key 'spol'"));
  EXPECT_THAT(ErrorOf("spool = 1\n"), HasSubstr("spool: want a string"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nmax_body_kib = 9000\n"), HasSubstr("want 1..8192"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nstale_percent = 'all'\n"), HasSubstr("a whole number"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nlog_json = 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nendpoint = [1]\n"), HasSubstr("array of strings"));
  EXPECT_THAT(ErrorOf("spool = '/x'\ntrusted_proxies = ['ten']\n"), HasSubstr("'ten'"));
  EXPECT_THAT(ErrorOf("spool = '/x'\ndc = 'a b'\n"), HasSubstr("dc"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nlog_level = 'loud'\n"), HasSubstr("loud"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nsyslog = '127.0.0.1:0'\n"), HasSubstr("stream_tenant"));
  EXPECT_EQ(ErrorOf("spool = '/x'\n[tenants.acme]\nbucket = 'x'\n"), "");
}

TEST_F(ConfigTest, ListensOnOtherThanLoopbackOnlyWhenThatIsSpelledOut) {
  for (const char* key : {"http", "admin", "forward", "syslog", "relp"}) {
    const std::string toml =
        std::string("spool = '/x'\nstream_tenant = 't'\n") + key + " = '0.0.0.0:1'\n";
    EXPECT_THAT(ErrorOf(toml), HasSubstr("--insecure-listen")) << key;
    EXPECT_EQ(ErrorOf(toml + "insecure_listen = true\n"), "") << key;
    EXPECT_THAT(ErrorOf(toml + "insecure_listen = true\nopen = 'acme'\n"),
                HasSubstr("without a key"))
        << key;
  }
  EXPECT_EQ(ErrorOf("spool = '/x'\nhttp = '0.0.0.0:1'\ntls_certificate = 'c'\ntls_key = 'k'\n"),
            "");
  EXPECT_THAT(ErrorOf("spool = '/x'\ntls_key = 'k'\n"), HasSubstr("come together"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nadmin = '0.0.0.0:1'\ntls_certificate = 'c'\ntls_key = 'k'\n"),
              HasSubstr("--insecure-listen"));
  EXPECT_THAT(ErrorOf("spool = '/x'\nhttp = '127.example.com:1'\n"), HasSubstr("loopback"));
  EXPECT_EQ(ErrorOf("spool = '/x'\nhttp = '[::1]:1'\n"), "");
}

TEST_F(ConfigTest, LaysFlagsOverTheFile) {
  const std::string path = Write("spool = '/file'\nhttp = '127.0.0.1:1'\ndc = 'east'\n");
  const auto command =
      Parse({"--config", path, "--spool", "/flag", "--endpoint", "a:1", "--endpoint", "b:2"});
  ASSERT_TRUE(command.ok() && command->has_value());
  EXPECT_EQ((*command)->kind, CollectorCommand::Kind::kRun);
  EXPECT_EQ((*command)->config.spool, "/flag");
  EXPECT_EQ((*command)->config.http, "127.0.0.1:1");
  EXPECT_EQ((*command)->config.dc, "east");
  EXPECT_THAT((*command)->config.endpoint, ElementsAre("a:1", "b:2"));
}

TEST_F(ConfigTest, KnowsItsCommands) {
  auto command = Parse({"key", "create", "acme"});
  ASSERT_TRUE(command.ok() && command->has_value());
  EXPECT_EQ((*command)->kind, CollectorCommand::Kind::kCreateKey);
  EXPECT_EQ((*command)->tenant, "acme");
  command = Parse({"config", "check", "--spool", "/x"});
  ASSERT_TRUE(command.ok() && command->has_value());
  EXPECT_EQ((*command)->kind, CollectorCommand::Kind::kCheckConfig);
  EXPECT_EQ((*command)->config.spool, "/x");
  command = Parse({"--frobnicate"});
  ASSERT_TRUE(command.ok());
  EXPECT_FALSE(command->has_value());
  EXPECT_EQ(exit_code_, 2);
}

TEST_F(ConfigTest, DocumentsEveryKeySoThatItCanBeReadAgain) {
  CollectorConfig config;
  config.spool = "/var/lib/carillon/spool";
  config.trusted_proxies = {"10.0.0.0/8"};
  config.max_body_kib = 77;
  CollectorConfig again;
  const Status status = LoadConfig(Write(DocumentConfig(config)), &again);
  ASSERT_TRUE(status.ok()) << ToString(status);
  EXPECT_EQ(DocumentConfig(again), DocumentConfig(config));
}

TEST_F(ConfigTest, TellsWhatIsToBeDoneWithDeadLetters) {
  const auto retry = Parse({"dead", "retry", "--spool", "/s", "k1", "k2"});
  ASSERT_TRUE(retry.ok() && retry->has_value());
  EXPECT_EQ((*retry)->kind, CollectorCommand::Kind::kDead);
  EXPECT_EQ((*retry)->dead.verb, DeadCommand::Verb::kRetry);
  EXPECT_THAT((*retry)->dead.keys, ElementsAre("k1", "k2"));
  EXPECT_EQ((*retry)->config.spool, "/s");
  const auto drop = Parse({"dead", "drop", "--tenant", "acme", "--spool", "/s"});
  EXPECT_EQ((*drop)->dead.verb, DeadCommand::Verb::kDrop);
  EXPECT_EQ((*drop)->dead.tenant, "acme");
  EXPECT_FALSE((*drop)->dead.all);
  EXPECT_TRUE(Parse({"dead", "drop", "--all"}).value()->dead.all);
  EXPECT_THAT(Parse({"dead", "show", "k"}).value()->dead.keys, ElementsAre("k"));
  EXPECT_EQ(Parse({"dead", "list"}).value()->dead.verb, DeadCommand::Verb::kList);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"dead"}, {"dead", "show"}, {"dead", "bury"}}) {
    EXPECT_FALSE(Parse(wrong).value().has_value());
    EXPECT_EQ(exit_code_, 2);
  }
}

}  // namespace
}  // namespace carillon
