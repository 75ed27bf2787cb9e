#include "server/http/http_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/strand.hpp>

#include "base/chunk_key.h"
#include "base/log.h"
#include "server/http/http_session.h"

namespace carillon {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kRest = std::chrono::milliseconds(50);
constexpr int kMaxAcceptsAtOnce = 64;  // then others get their turn
constexpr char kTooMany[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Length: 0\r\n\r\n";

int OpenReserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int AcceptFrom(tcp::acceptor* acceptor) {
  return ::accept4(acceptor->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace

StatusOr<tcp::endpoint> ParseEndpoint(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return InvalidArgument("address '{}' is not IP:PORT", address);
  }
  std::string host(address.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(host, error);
  if (error) return InvalidArgument("address '{}': '{}' is not an IP", address, host);
  ASSIGN_OR_RETURN(
      const std::uint64_t port,
      ParseDecimal("port", address.substr(colon + 1), std::numeric_limits<std::uint16_t>::max()));
  return tcp::endpoint(ip, static_cast<std::uint16_t>(port));
}

HttpListener::HttpListener(asio::io_context* io, SessionHost* host)
    : io_(io), host_(host), acceptor_(asio::make_strand(*io)), rest_(acceptor_.get_executor()) {}

HttpListener::~HttpListener() {
  if (reserve_ >= 0) ::close(reserve_);
}

StatusOr<std::shared_ptr<HttpListener>> HttpListener::Open(asio::io_context* io,
                                                           const tcp::endpoint& at,
                                                           SessionHost* host) {
  auto listener = std::shared_ptr<HttpListener>(new HttpListener(io, host));
  RETURN_IF_ERROR(listener->Bind(at));
  return listener;
}

Status HttpListener::Bind(const tcp::endpoint& at) {
  boost::system::error_code error;
  acceptor_.open(at.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(at, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor_.native_non_blocking(true, error);
  if (!error) endpoint_ = acceptor_.local_endpoint(error);
  reserve_ = OpenReserve();
  if (!error) return OkStatus();
  return Unavailable("listening on {}:{}: {}", at.address().to_string(), at.port(),
                     error.message());
}

void HttpListener::Start() {
  asio::dispatch(acceptor_.get_executor(), [self = shared_from_this()] { self->Await(); });
}

void HttpListener::Stop() {
  asio::dispatch(acceptor_.get_executor(), [self = shared_from_this()] {
    boost::system::error_code ignored;  // closed is closed
    self->acceptor_.close(ignored);
    self->rest_.cancel();
  });
}

void HttpListener::Await() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_wait(tcp::acceptor::wait_read,
                       [self = shared_from_this()](boost::system::error_code error) {
                         if (error) return;  // closed
                         self->AcceptAll();
                       });
}

void HttpListener::AcceptAll() {
  for (int i = 0; i < kMaxAcceptsAtOnce && acceptor_.is_open(); ++i) {
    const int descriptor = AcceptFrom(&acceptor_);
    if (descriptor >= 0) {
      shedding_ = false;
      Serve(descriptor);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!ShedOne()) return Rest();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      LogError("http: accept: error {}", errno);
      return Rest();
    }
  }
  Await();
}

void HttpListener::Serve(int descriptor) {
  tcp::socket socket(asio::make_strand(*io_));
  boost::system::error_code error;
  socket.assign(endpoint_.protocol(), descriptor, error);
  if (error) {
    ::close(descriptor);
    LogError("http: a connection could not be watched: {}", error.message());
    return host_->metrics()->CountConnection("http", false);
  }
  socket.set_option(tcp::no_delay(true), error);  // without it only slower
  auto session = HttpSession::New(std::move(socket), host_);
  const bool added = host_->Add(session);
  host_->metrics()->CountConnection("http", added);
  if (added) return session->Start();
  // Best effort: the connection is closed in any case.
  (void)::send(descriptor, kTooMany, sizeof(kTooMany) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool HttpListener::ShedOne() {
  if (!std::exchange(shedding_, true)) {
    LogWarning("http: out of file descriptors, connections are closed");
  }
  if (reserve_ >= 0) ::close(reserve_);
  const int descriptor = reserve_ >= 0 ? AcceptFrom(&acceptor_) : -1;
  if (descriptor >= 0) {
    ::close(descriptor);
    host_->metrics()->CountConnection("http", false);
  }
  reserve_ = OpenReserve();
  return descriptor >= 0;
}

void HttpListener::Rest() {
  rest_.expires_after(kRest);
  rest_.async_wait([self = shared_from_this()](boost::system::error_code) { self->Await(); });
}

}  // namespace carillon
