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

namespace carillon {

// A connection of a plain blocking socket. Every read gives up after 20 s and fails the test.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  struct Response {
    int status = 0;  // 0: the connection ended before a whole head
    std::string head;
    std::string body;                                 // chunks put together
    bool whole = false;                               // as long as the head promised
    std::string Header(std::string_view name) const;  // empty: not there
  };

  bool Send(std::string_view bytes);
  // One response; `to_head` when it is the answer to a HEAD.
  Response Read(bool to_head = false);
  // Sends a request with the headers every request needs, and reads the answer.
  Response Ask(std::string_view method, std::string_view target, std::string_view body = {},
               std::string_view headers = {});
  // Whether the other side closes the connection; what it still sends is passed over.
  bool IsClosedByServer();
  int descriptor() const { return descriptor_; }

 private:
  bool Fill();
  bool TakeLine(std::string* line);
  bool TakeBytes(std::size_t size, std::string* out);
  bool TakeChunks(std::string* out);

  int descriptor_ = -1;
  std::string buffer_;
};

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
