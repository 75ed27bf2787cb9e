#include "collector/edge/edge_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "collector/edge/edge_connection.h"
#include "collector/edge/listener.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxThreads = 256;
constexpr auto kLook = std::chrono::milliseconds(5);
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Length: 0\r\n\r\n";

void Serve(EdgeLoop* loop, int descriptor) {
  EdgeHost* host = loop->host();
  const bool taken = host->TakeConnection();
  host->metrics()->CountConnection(taken);
  if (taken) return std::make_shared<EdgeConnection>(descriptor, loop)->Start();
  // Whoever does not hear it sees the end.
  (void)!::send(descriptor, kTooMany.data(), kTooMany.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(descriptor);
}

}  // namespace

class EdgeServer::Runtime {
 public:
  explicit Runtime(EdgeHost* host) : host_(host) {}

  Status Open(SocketAddress at, std::size_t threads, int backlog) {
    RETURN_IF_ERROR(CheckPortIsFree(at));
    for (std::size_t i = 0; i < threads; ++i) {
      auto loop = std::make_unique<EdgeLoop>(host_);
      auto listener = Listener::Open(
          loop.get(), at, backlog, [loop = loop.get()](int descriptor) { Serve(loop, descriptor); },
          [host = host_] { host->metrics()->CountConnection(false); });
      RETURN_IF_ERROR(listener.status());
      at = address_ = (*listener)->address();  // with its port, for the others
      (*listener)->Start();
      loops_.push_back(std::move(loop));
    }
    for (const auto& loop : loops_) loop->Start();
    return OkStatus();
  }

  const SocketAddress& address() const { return address_; }

  void Stop(Duration grace) {
    if (loops_.empty()) return;
    host_->Drain();
    for (const auto& loop : loops_) loop->Drain();
    const Instant end = SystemClock().Now() + grace;
    while (host_->connections() > 0 && SystemClock().Now() < end) {
      std::this_thread::sleep_for(kLook);
    }
    while (host_->under_way() > 0) std::this_thread::sleep_for(kLook);
    for (const auto& loop : loops_) loop->Stop();
    loops_.clear();
  }

 private:
  EdgeHost* const host_;
  SocketAddress address_;
  std::vector<std::unique_ptr<EdgeLoop>> loops_;
};

StatusOr<std::unique_ptr<EdgeServer>> EdgeServer::Start(const EdgeServerOptions& options,
                                                        EdgeHost* host) {
  const std::size_t threads =
      options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  if (threads > kMaxThreads) {
    return InvalidArgument("{} threads, want 1..{}", threads, kMaxThreads);
  }
  ASSIGN_OR_RETURN(const SocketAddress at, ParseSocketAddress(options.address));
  auto runtime = std::make_unique<Runtime>(host);
  RETURN_IF_ERROR(runtime->Open(at, threads, options.backlog));
  return std::unique_ptr<EdgeServer>(new EdgeServer(std::move(runtime)));
}

EdgeServer::EdgeServer(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
EdgeServer::~EdgeServer() {
  Stop(Duration(0));
}

std::string EdgeServer::address() const {
  return ToString(runtime_->address());
}

void EdgeServer::Stop(Duration grace) {
  runtime_->Stop(grace);
}

}  // namespace carillon
