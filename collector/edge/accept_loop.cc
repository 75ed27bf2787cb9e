#include "collector/edge/accept_loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "base/chunk_key.h"
#include "base/log.h"

namespace carillon {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr auto kRest = std::chrono::milliseconds(50);
constexpr int kMaxAcceptsAtOnce = 64;  // then others get their turn

int OpenReserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int AcceptFrom(tcp::acceptor* acceptor) {
  return ::accept4(acceptor->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

Status CannotListen(const tcp::endpoint& at, const Error& error) {
  return Unavailable("listening on {}: {}", EndpointText(at), error.message());
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
  Error error;
  const auto ip = asio::ip::make_address(host, error);
  if (error) return InvalidArgument("address '{}': '{}' is not an IP", address, host);
  ASSIGN_OR_RETURN(
      const std::uint64_t port,
      ParseDecimal("port", address.substr(colon + 1), std::numeric_limits<std::uint16_t>::max()));
  return tcp::endpoint(ip, static_cast<std::uint16_t>(port));
}

std::string EndpointText(const tcp::endpoint& endpoint) {
  const std::string ip = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", ip, endpoint.port())
                                    : fmt::format("{}:{}", ip, endpoint.port());
}

Status CheckPortIsFree(const tcp::endpoint& at) {
  if (at.port() == 0) return OkStatus();
  asio::io_context io;
  tcp::acceptor probe(io);
  Error error;
  probe.open(at.protocol(), error);
  if (!error) probe.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) probe.bind(at, error);
  return error ? CannotListen(at, error) : OkStatus();
}

AcceptLoop::AcceptLoop(asio::io_context* io, Handler handler, std::function<void()> shed)
    : io_(io), handler_(std::move(handler)), shed_(std::move(shed)), acceptor_(*io), rest_(*io) {}

AcceptLoop::~AcceptLoop() {
  if (reserve_ >= 0) ::close(reserve_);
}

StatusOr<std::shared_ptr<AcceptLoop>> AcceptLoop::Open(asio::io_context* io,
                                                       const AcceptOptions& options,
                                                       Handler handler,
                                                       std::function<void()> shed) {
  auto loop = std::shared_ptr<AcceptLoop>(new AcceptLoop(io, std::move(handler), std::move(shed)));
  RETURN_IF_ERROR(loop->Bind(options));
  return loop;
}

Status AcceptLoop::Bind(const AcceptOptions& options) {
  Error error;
  acceptor_.open(options.at.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.bind(options.at, error);
  if (!error) acceptor_.listen(options.backlog, error);
  if (!error) acceptor_.native_non_blocking(true, error);
  if (!error) endpoint_ = acceptor_.local_endpoint(error);
  reserve_ = OpenReserve();
  return error ? CannotListen(options.at, error) : OkStatus();
}

void AcceptLoop::Stop() {
  if (acceptor_.is_open()) (void)AcceptSome();  // the rest of a longer queue is reset
  Error ignored;                                // closed is closed
  acceptor_.close(ignored);
  rest_.cancel();
}

void AcceptLoop::Await() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](Error error) {
    if (error || !self->acceptor_.is_open()) return;
    if (self->AcceptSome()) {
      self->Await();
    } else {
      self->Rest();
    }
  });
}

bool AcceptLoop::AcceptSome() {
  for (int i = 0; i < kMaxAcceptsAtOnce; ++i) {
    const int descriptor = AcceptFrom(&acceptor_);
    if (descriptor >= 0) {
      shedding_ = false;
      tcp::socket socket(*io_);
      Error error;
      socket.assign(endpoint_.protocol(), descriptor, error);
      if (error) {
        ::close(descriptor);
        continue;
      }
      handler_(std::move(socket));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!ShedOne()) return false;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      LogError("edge: accept: error {}", errno);
      return false;
    }
  }
  return true;
}

bool AcceptLoop::ShedOne() {
  if (!std::exchange(shedding_, true)) {
    LogWarning("edge: out of file descriptors, connections are closed");
  }
  if (reserve_ >= 0) ::close(reserve_);
  const int descriptor = reserve_ >= 0 ? AcceptFrom(&acceptor_) : -1;
  if (descriptor >= 0) {
    ::close(descriptor);
    shed_();
  }
  reserve_ = OpenReserve();
  return descriptor >= 0;
}

void AcceptLoop::Rest() {
  rest_.expires_after(kRest);
  rest_.async_wait([self = shared_from_this()](Error error) {
    if (!error) self->Await();
  });
}

}  // namespace carillon
