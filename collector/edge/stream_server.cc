#include "collector/edge/stream_server.h"

#include <unistd.h>

#include <thread>

#include "collector/edge/listener.h"
#include "collector/edge/stream_connection.h"

namespace carillon {
namespace {

constexpr auto kLook = std::chrono::milliseconds(5);

}  // namespace

class StreamServer::Runtime {
 public:
  Runtime(StreamServerOptions options, EdgeHost* host)
      : options_(std::move(options)), host_(host), loop_(host) {}

  Status Open() {
    ASSIGN_OR_RETURN(const SocketAddress at, ParseSocketAddress(options_.address));
    RETURN_IF_ERROR(CheckPortIsFree(at));
    ASSIGN_OR_RETURN(
        const auto listener,
        Listener::Open(
            &loop_, at, options_.backlog, [this](int descriptor) { Serve(descriptor); },
            [this] { host_->metrics()->CountConnection(false); }));
    address_ = listener->address();
    listener->Start();
    loop_.Start();
    started_ = true;
    return OkStatus();
  }

  const SocketAddress& address() const { return address_; }

  void Stop(Duration grace) {
    if (!std::exchange(started_, false)) return;
    host_->Drain();
    loop_.Drain();
    const Instant end = SystemClock().Now() + grace;
    while (host_->connections() > 0 && SystemClock().Now() < end) {
      std::this_thread::sleep_for(kLook);
    }
    while (host_->under_way() > 0) std::this_thread::sleep_for(kLook);
    loop_.Stop();
  }

 private:
  void Serve(int descriptor) {
    const bool taken = host_->TakeConnection();
    host_->metrics()->CountConnection(taken);
    if (!taken) {
      ::close(descriptor);
      return;
    }
    std::make_shared<StreamConnection>(descriptor, &loop_, &options_)->Start();
  }

  const StreamServerOptions options_;
  EdgeHost* const host_;
  EdgeLoop loop_;
  SocketAddress address_;
  bool started_ = false;
};

StatusOr<std::unique_ptr<StreamServer>> StreamServer::Start(StreamServerOptions options,
                                                            EdgeHost* host) {
  auto runtime = std::make_unique<Runtime>(std::move(options), host);
  RETURN_IF_ERROR(runtime->Open());
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(runtime)));
}

StreamServer::StreamServer(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
StreamServer::~StreamServer() {
  Stop(Duration(0));
}

std::string StreamServer::address() const {
  return ToString(runtime_->address());
}

void StreamServer::Stop(Duration grace) {
  runtime_->Stop(grace);
}

}  // namespace carillon
