#include "tests/http/http_fixture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/checksum.h"
#include "crunch/chunk_codec.h"

namespace carillon {

void HttpTest::SetUp() {
  std::string pattern = (std::filesystem::temp_directory_path() / "carillon-http-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  ServerCoreOptions options;
  options.directories = {directory_ + "/data"};
  options.store.ballast_bytes = 0;
  options.store.min_free = 0;
  options.store.allocate_bytes = 1u << 20;
  options.threads.scrub_bytes_per_second = 0;
  auto core = ServerCore::Open(std::move(options));
  ASSERT_TRUE(core.ok()) << ToString(core.status());
  core_ = *std::move(core);
  StartServer();
}

void HttpTest::StartServer(const HttpLimits& limits) {
  server_.reset();
  auto server =
      HttpServer::Start({.address = "127.0.0.1:0", .threads = 2, .limits = limits}, core_.get());
  ASSERT_TRUE(server.ok()) << ToString(server.status());
  server_ = *std::move(server);
}

void HttpTest::TearDown() {
  server_.reset();
  core_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::uint64_t HttpTest::now() const {
  return WallSeconds(SystemClock().WallNow());
}

std::string HttpTest::Key(std::uint64_t epoch, std::uint64_t number, std::string_view type) {
  return fmt::format("{}:1:cell0:{}:app:chunk{}", epoch, type, number);
}

std::string HttpTest::CommitBody(const std::string& key, const Bytes& value, std::uint64_t events) {
  return fmt::format(R"({{"chunks":[{{"key":"{}","events":{},"raw_bytes":1000,)"
                     R"("value_bytes":{},"value_crc32c":"{:08x}"}}]}})",
                     key, events, value.size(), Crc32c(value));
}

void HttpTest::StoreValue(const std::string& key, const Bytes& value, std::uint64_t events) {
  RawClient client(port());
  const auto put = client.Ask("PUT", "/v1/chunks/" + key, value);
  ASSERT_EQ(put.status, 201) << put.body;
  const std::string second = key.substr(0, key.find(':')) + "-1";
  const auto commit = client.Ask("POST", "/v1/seconds/" + second, CommitBody(key, value, events));
  ASSERT_EQ(commit.status, 201) << commit.body;
}

void HttpTest::Store(std::uint64_t epoch, std::uint64_t number, std::string_view ndjson,
                     std::string_view type) {
  const auto events = static_cast<std::uint64_t>(std::count(ndjson.begin(), ndjson.end(), '\n'));
  StoreValue(Key(epoch, number, type), EncodeChunkValue(ndjson), events);
}

}  // namespace carillon
