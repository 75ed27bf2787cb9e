#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/status.h"
#include "server/http/session_host.h"

namespace carillon {

// "127.0.0.1:7481", "[::1]:0", "localhost:80". INVALID_ARGUMENT: anything but an IP and a port.
StatusOr<boost::asio::ip::tcp::endpoint> ParseEndpoint(std::string_view address);

// Accepts connections and starts a session for each; beyond the cap it says 503 and closes.
//
// Out of descriptors, it gives up one held in reserve to accept and close the connection at once,
// so that nobody waits in the backlog and the loop does not spin; when even that fails, it rests
// for kRest. Threads: any; all work is done on a strand.
class HttpListener : public std::enable_shared_from_this<HttpListener> {
 public:
  // Binds and listens. UNAVAILABLE: the system would not.
  static StatusOr<std::shared_ptr<HttpListener>> Open(boost::asio::io_context* io,
                                                      const boost::asio::ip::tcp::endpoint& at,
                                                      SessionHost* host);
  ~HttpListener();

  boost::asio::ip::tcp::endpoint endpoint() const { return endpoint_; }
  void Start();
  void Stop();

 private:
  HttpListener(boost::asio::io_context* io, SessionHost* host);
  Status Bind(const boost::asio::ip::tcp::endpoint& at);
  void Await();
  void AcceptAll();
  void Serve(int descriptor);
  bool ShedOne();  // false: there was nothing to close, or nothing to close it with
  void Rest();

  boost::asio::io_context* io_;
  SessionHost* host_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer rest_;
  boost::asio::ip::tcp::endpoint endpoint_;
  int reserve_ = -1;
  bool shedding_ = false;  // the last accept failed for want of descriptors
};

}  // namespace carillon
