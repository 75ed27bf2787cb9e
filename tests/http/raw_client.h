#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

}  // namespace carillon
