#pragma once

#include <cstddef>
#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "server/http/session_host.h"

namespace carillon {

// One connection: reads a request, has it answered, writes the response, and again.
//
//   idle --first byte--> header --> body --> answering --> writing --> idle
//                                                             \--not kept alive--> lingering -->
//                                                             closed
//
// Every state but answering has a deadline. Threads: any; all work is done on the socket's strand.
class HttpSession {
 public:
  virtual ~HttpSession() = default;

  // `socket` is connected, and its executor is a strand. `host` outlives the session.
  static std::shared_ptr<HttpSession> New(boost::asio::ip::tcp::socket socket, SessionHost* host);

  virtual void Start() = 0;
  // Closes between requests: at once, or after the response under way.
  virtual void Drain() = 0;
};

}  // namespace carillon
