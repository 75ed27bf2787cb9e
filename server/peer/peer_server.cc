#include "server/peer/peer_server.h"

#include <unistd.h>

#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/log.h"
#include "frames/frame_connection.h"
#include "server/node/peer_codec.h"

namespace carillon {
namespace {

using boost::asio::ip::tcp;

// A connection and how much of it is at the sink.
struct Served {
  std::shared_ptr<FrameConnection> connection;
  std::atomic<std::size_t> under_way{0};
};

// A request at a sink, until the first reply or until the last handle on it is dropped.
class PendingFrame {
 public:
  PendingFrame(std::uint64_t id, std::shared_ptr<Served> served)
      : id_(id), served_(std::move(served)) {
    ++served_->under_way;
  }
  ~PendingFrame() { Refuse(Unavailable("the node stops")); }
  PendingFrame(const PendingFrame&) = delete;
  PendingFrame& operator=(const PendingFrame&) = delete;

  // Its end is counted as a request of `kind`, a literal. Before it is given away.
  void CountAs(std::string_view kind, Metrics* metrics) {
    kind_ = kind;
    metrics_ = metrics;
  }

  // The first of these counts.
  void Reply(Rope body, StatusCode code) { Finish(FrameKind::kReply, std::move(body), code); }
  void Refuse(const Status& status) {
    Finish(FrameKind::kRefusal, Rope(EncodeRefusal(status)), status.code());
  }

 private:
  void Finish(FrameKind kind, Rope body, StatusCode code) {
    if (ended_.exchange(true)) return;
    --served_->under_way;
    if (metrics_ != nullptr) {
      metrics_->ObserveRequest("peer", kind_, code, SystemClock().Now() - began_);
    }
    // Who does not take replies for so long gets no more.
    if (!served_->connection->Send(kind, id_, std::move(body))) {
      served_->connection->Close(ResourceExhausted("it does not take its replies"));
    }
  }

  const std::uint64_t id_;
  const std::shared_ptr<Served> served_;
  const Instant began_ = SystemClock().Now();
  std::string_view kind_;
  Metrics* metrics_ = nullptr;
  std::atomic<bool> ended_{false};
};

// One thread with its connections.
class Worker {
 public:
  Worker(PeerSink* sink, CallSink* calls, Metrics* metrics)
      : sink_(sink),
        calls_(calls),
        metrics_(metrics),
        work_(boost::asio::make_work_guard(io_)),
        thread_([this] { io_.run(); }) {}
  ~Worker() { Stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Take(int descriptor) {
    boost::asio::post(io_, [this, descriptor] { Serve(descriptor); });
  }

  void Stop() {
    boost::asio::post(io_, [this] {
      stopped_ = true;
      for (const auto& served : served_) {
        served->connection->Close(Unavailable("the node stops"));
      }
      work_.reset();
    });
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Serve(int descriptor) {
    tcp::socket socket(io_);
    boost::system::error_code error;
    // The family does not matter for what is done with it.
    socket.assign(tcp::v4(), descriptor, error);
    if (error || stopped_) {
      if (error) (void)::close(descriptor);
      return;
    }
    const auto served = std::make_shared<Served>();
    served->connection = FrameConnection::New(
        std::move(socket),
        {.max_body_bytes = kMaxPeerRequestBytes, .pause_above_bytes = PeerServer::kMaxUnsentBytes});
    served_.insert(served);
    served->connection->Start([this, served](Frame frame) { Handle(served, std::move(frame)); },
                              [this, served](const Status& why) {
                                if (why.code() != StatusCode::kUnavailable) {
                                  LogWarning("a connection of frames is closed: {}", ToString(why));
                                }
                                served_.erase(served);
                              });
  }

  void Handle(const std::shared_ptr<Served>& served, Frame frame) {
    const auto pending = std::make_shared<PendingFrame>(frame.id, served);
    const bool is_call = frame.kind == FrameKind::kCall;
    if (served->under_way > PeerServer::kMaxUnderWay) {
      pending->CountAs(is_call ? "call" : "busy", metrics_);
      return pending->Refuse(ResourceExhausted("too many requests at once"));
    }
    if (is_call) return HandleCall(pending, std::move(frame.body));
    auto decoded = frame.kind == FrameKind::kRequest
                       ? DecodePeerRequest(Rope(std::move(frame.body)))
                       : DataLoss("a reply where a request was due");
    pending->CountAs(decoded.ok() ? KindName(decoded->message) : "malformed", metrics_);
    if (!decoded.ok()) return pending->Refuse(decoded.status());
    sink_->HandlePeer(decoded->sender, std::move(decoded->message),
                      [pending](const PeerReply& reply) {
                        pending->Reply(EncodePeerReply(reply), reply.status.code());
                      });
  }

  // Whoever answers it counts it.
  void HandleCall(const std::shared_ptr<PendingFrame>& pending, SharedBytes body) {
    if (calls_ == nullptr) return pending->Refuse(Unimplemented("this server takes no clients"));
    calls_->HandleCall(std::move(body), [pending](StatusOr<Rope> response) {
      if (response.ok()) {
        pending->Reply(*std::move(response), StatusCode::kOk);
      } else {
        pending->Refuse(response.status());
      }
    });
  }

  PeerSink* const sink_;
  CallSink* const calls_;
  Metrics* const metrics_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  // Of the thread.
  std::unordered_set<std::shared_ptr<Served>> served_;
  bool stopped_ = false;
  std::thread thread_;
};

class PeerServerOnThreads final : public PeerServer {
 public:
  PeerServerOnThreads(PeerSink* sink, CallSink* calls, Metrics* metrics, std::size_t threads) {
    CHECK(threads > 0);
    for (std::size_t i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(sink, calls, metrics));
    }
  }
  ~PeerServerOnThreads() override { Stop(); }

  void Take(int connection) override { workers_[next_++ % workers_.size()]->Take(connection); }
  void Stop() override {
    const std::lock_guard lock(stop_mutex_);
    for (const auto& worker : workers_) worker->Stop();
  }

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<std::size_t> next_{0};
  std::mutex stop_mutex_;  // a thread is joined by one
};

}  // namespace

std::unique_ptr<PeerServer> PeerServer::Start(PeerSink* sink, CallSink* calls, Metrics* metrics,
                                              std::size_t threads) {
  return std::make_unique<PeerServerOnThreads>(sink, calls, metrics, threads);
}

}  // namespace carillon
