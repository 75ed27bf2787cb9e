#include "server/http/http_server.h"

#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>

#include "base/log.h"
#include "server/http/http_listener.h"
#include "server/http/http_session.h"

namespace carillon {
namespace {

namespace asio = boost::asio;
constexpr std::size_t kMaxThreads = 16;

}  // namespace

// Members are declared in the order they start.
class HttpServer::Runtime {
 public:
  Runtime(ServerCore* core, const HttpServerOptions& options)
      : io_(std::make_unique<asio::io_context>(static_cast<int>(options.threads))),
        poster_(std::make_shared<HttpPoster>(io_.get())),
        host_(core, options.limits, poster_),
        work_(io_->get_executor()) {}
  ~Runtime() { Stop(); }

  Status Start(const asio::ip::tcp::endpoint& at, std::size_t threads) {
    ASSIGN_OR_RETURN(listener_, HttpListener::Open(io_.get(), at, &host_));
    endpoint_ = listener_->endpoint();
    listener_->Start();
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { io_->run(); });
    }
    return OkStatus();
  }

  void Stop() {
    const std::lock_guard lock(stop_mutex_);
    if (threads_.empty()) return;
    listener_->Stop();
    host_.Drain();
    for (const auto& session : host_.Sessions()) session->Drain();
    host_.WaitUntilEmpty(host_.limits().stop_grace);
    poster_->Close();
    io_->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    host_.Clear();
    // What was under way holds sessions, and they hold on to the host: it goes before the host.
    listener_.reset();
    work_.reset();
    io_.reset();
  }

  asio::ip::tcp::endpoint endpoint() const { return endpoint_; }

 private:
  std::unique_ptr<asio::io_context> io_;
  const std::shared_ptr<HttpPoster> poster_;
  SessionHost host_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<HttpListener> listener_;
  asio::ip::tcp::endpoint endpoint_;
  std::mutex stop_mutex_;
  std::vector<std::thread> threads_;
};

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                        ServerCore* core) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return InvalidArgument("{} HTTP threads, want 1..{}", options.threads, kMaxThreads);
  }
  ASSIGN_OR_RETURN(const auto endpoint, ParseEndpoint(options.address));
  if (!endpoint.address().is_loopback() && !options.insecure_public) {
    return FailedPrecondition("{} is public, and HTTP has neither TLS nor authentication",
                              options.address);
  }
  auto runtime = std::make_unique<Runtime>(core, options);
  RETURN_IF_ERROR(runtime->Start(endpoint, options.threads));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(runtime)));
}

HttpServer::HttpServer(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
HttpServer::~HttpServer() {
  Stop();
}

std::string HttpServer::address() const {
  const auto endpoint = runtime_->endpoint();
  const std::string ip = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), ip,
                     endpoint.port());
}

std::uint16_t HttpServer::port() const {
  return runtime_->endpoint().port();
}

void HttpServer::Stop() {
  runtime_->Stop();
}

}  // namespace carillon
