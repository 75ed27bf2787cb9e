#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/status.h"

namespace carillon {

// "127.0.0.1:7490", "[::1]:0", "localhost:80". INVALID_ARGUMENT: anything but an IP and a port.
StatusOr<boost::asio::ip::tcp::endpoint> ParseEndpoint(std::string_view address);

struct AcceptOptions {
  boost::asio::ip::tcp::endpoint at;  // others with the same may listen, too (SO_REUSEPORT)
  int backlog = 8192;
};

// Accepts connections of one listening socket. Out of descriptors, it gives up one held in reserve
// to accept and close the connection at once, so that nobody waits in the backlog and the loop does
// not spin; when even that fails, it rests for a moment.
//
// Threads: that of `io`, except Open.
class AcceptLoop : public std::enable_shared_from_this<AcceptLoop> {
 public:
  using Handler = std::function<void(boost::asio::ip::tcp::socket)>;
  // Binds and listens. `shed` hears of each connection closed for want of descriptors.
  // UNAVAILABLE: the system would not.
  static StatusOr<std::shared_ptr<AcceptLoop>> Open(boost::asio::io_context* io,
                                                    const AcceptOptions& options, Handler handler,
                                                    std::function<void()> shed);
  ~AcceptLoop();

  boost::asio::ip::tcp::endpoint endpoint() const { return endpoint_; }
  void Start() { Await(); }
  // Takes those that wait already, and closes.
  void Stop();

 private:
  AcceptLoop(boost::asio::io_context* io, Handler handler, std::function<void()> shed);
  Status Bind(const AcceptOptions& options);
  void Await();
  // False: it has to rest.
  bool AcceptSome();
  bool ShedOne();
  void Rest();

  boost::asio::io_context* io_;
  const Handler handler_;
  const std::function<void()> shed_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer rest_;
  boost::asio::ip::tcp::endpoint endpoint_;
  int reserve_ = -1;
  bool shedding_ = false;  // the last accept failed for want of descriptors
};

// Whether somebody listens there already: SO_REUSEPORT would share the port with them in silence.
// UNAVAILABLE: yes.
Status CheckPortIsFree(const boost::asio::ip::tcp::endpoint& at);

// "127.0.0.1:80", "[::1]:80".
std::string EndpointText(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace carillon
