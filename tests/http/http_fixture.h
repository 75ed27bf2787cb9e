#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "server/http/http_server.h"
#include "server/shell/server_core.h"
#include "tests/http/raw_client.h"

namespace carillon {

// A node on a new directory, with its HTTP side on a port of its own.
class HttpTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  void StartServer(const HttpLimits& limits = {});

  std::uint16_t port() const { return server_->port(); }
  std::uint64_t now() const;

  // "EPOCH:1:cell0:TYPE:app:chunkN"
  static std::string Key(std::uint64_t epoch, std::uint64_t number, std::string_view type = "WEB");
  // Puts a chunk of these events and commits it.
  void Store(std::uint64_t epoch, std::uint64_t number, std::string_view ndjson,
             std::string_view type = "WEB");
  // Puts `value`, and commits it as holding `events`.
  void StoreValue(const std::string& key, const Bytes& value, std::uint64_t events);
  // The body of a commit of one chunk.
  static std::string CommitBody(const std::string& key, const Bytes& value, std::uint64_t events);

  std::string directory_;
  std::unique_ptr<ServerCore> core_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace carillon
