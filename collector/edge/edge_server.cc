#include "collector/edge/edge_server.h"

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

#include "collector/edge/accept_loop.h"
#include "collector/edge/edge_connection.h"

namespace carillon {
namespace {

using boost::asio::ip::tcp;

constexpr std::size_t kMaxThreads = 256;
constexpr auto kLook = std::chrono::milliseconds(5);
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Length: 0\r\n\r\n";

void Serve(EdgeLoop* loop, tcp::socket socket) {
  EdgeHost* host = loop->host();
  const bool taken = host->TakeConnection();
  host->metrics()->CountConnection(taken);
  if (taken) return std::make_shared<EdgeConnection>(std::move(socket), loop)->Start();
  boost::system::error_code ignored;  // whoever does not hear it sees the end
  socket.send(boost::asio::buffer(kTooMany.data(), kTooMany.size()), 0, ignored);
}

}  // namespace

class EdgeServer::Runtime {
 public:
  explicit Runtime(EdgeHost* host) : host_(host) {}

  Status Open(tcp::endpoint at, std::size_t threads, int backlog) {
    RETURN_IF_ERROR(CheckPortIsFree(at));
    for (std::size_t i = 0; i < threads; ++i) {
      auto loop = std::make_unique<EdgeLoop>(host_);
      auto accept = AcceptLoop::Open(
          &loop->io(), {.at = at, .backlog = backlog},
          [loop = loop.get()](tcp::socket socket) { Serve(loop, std::move(socket)); },
          [host = host_] { host->metrics()->CountConnection(false); });
      RETURN_IF_ERROR(accept.status());
      at = endpoint_ = (*accept)->endpoint();  // with its port, for the others
      loops_.push_back(std::move(loop));
      accepts_.push_back(*std::move(accept));
    }
    for (std::size_t i = 0; i < threads; ++i) {
      accepts_[i]->Start();
      loops_[i]->Start();
    }
    return OkStatus();
  }

  tcp::endpoint endpoint() const { return endpoint_; }

  void Stop(Duration grace) {
    if (loops_.empty()) return;
    host_->Drain();
    for (std::size_t i = 0; i < accepts_.size(); ++i) {
      loops_[i]->Post([accept = accepts_[i]] { accept->Stop(); });
      loops_[i]->Drain();
    }
    const Instant end = SystemClock().Now() + grace;
    while (host_->connections() > 0 && SystemClock().Now() < end) {
      std::this_thread::sleep_for(kLook);
    }
    while (host_->under_way() > 0) std::this_thread::sleep_for(kLook);
    for (const auto& loop : loops_) loop->Stop();
    accepts_.clear();
    loops_.clear();
  }

 private:
  EdgeHost* const host_;
  tcp::endpoint endpoint_;
  std::vector<std::unique_ptr<EdgeLoop>> loops_;
  std::vector<std::shared_ptr<AcceptLoop>> accepts_;
};

StatusOr<std::unique_ptr<EdgeServer>> EdgeServer::Start(const EdgeServerOptions& options,
                                                        EdgeHost* host) {
  const std::size_t threads =
      options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  if (threads > kMaxThreads) {
    return InvalidArgument("{} threads, want 1..{}", threads, kMaxThreads);
  }
  ASSIGN_OR_RETURN(const auto endpoint, ParseEndpoint(options.address));
  auto runtime = std::make_unique<Runtime>(host);
  RETURN_IF_ERROR(runtime->Open(endpoint, threads, options.backlog));
  return std::unique_ptr<EdgeServer>(new EdgeServer(std::move(runtime)));
}

EdgeServer::EdgeServer(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
EdgeServer::~EdgeServer() {
  Stop(Duration(0));
}

std::string EdgeServer::address() const {
  return EndpointText(runtime_->endpoint());
}

void EdgeServer::Stop(Duration grace) {
  runtime_->Stop(grace);
}

}  // namespace carillon
