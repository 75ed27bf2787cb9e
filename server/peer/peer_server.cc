#include "server/peer/peer_server.h"

#include <unistd.h>

#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/log.h"
#include "server/node/peer_codec.h"
#include "server/peer/frame_connection.h"

namespace carillon {
namespace {

using boost::asio::ip::tcp;

// A connection and how much of it is at the sink.
struct Served {
  std::shared_ptr<FrameConnection> connection;
  std::atomic<std::size_t> under_way{0};
};

// A request at the sink, until the first reply or until the last handle on it is dropped.
class PeerCall {
 public:
  // `kind` is a literal.
  PeerCall(std::string_view kind, std::uint64_t id, std::shared_ptr<Served> served,
           Metrics* metrics)
      : kind_(kind),
        id_(id),
        served_(std::move(served)),
        metrics_(metrics),
        began_(SystemClock().Now()) {}
  ~PeerCall() {
    if (!ended_.exchange(true)) {
      const Status status = Unavailable("the node stops");
      Finish(FrameKind::kRefusal, Rope(EncodeRefusal(status)), status.code());
    }
  }
  PeerCall(const PeerCall&) = delete;
  PeerCall& operator=(const PeerCall&) = delete;

  void Answer(const PeerReply& reply) {
    if (ended_.exchange(true)) return;
    Finish(FrameKind::kReply, EncodePeerReply(reply), reply.status.code());
  }

 private:
  void Finish(FrameKind kind, Rope body, StatusCode code) {
    metrics_->ObserveRequest("peer", kind_, code, SystemClock().Now() - began_);
    --served_->under_way;
    // Who does not take replies for so long gets no more.
    if (!served_->connection->Send(kind, id_, std::move(body))) {
      served_->connection->Close(ResourceExhausted("it does not take its replies"));
    }
  }

  const std::string_view kind_;
  const std::uint64_t id_;
  const std::shared_ptr<Served> served_;
  Metrics* const metrics_;
  const Instant began_;
  std::atomic<bool> ended_{false};
};

// One thread with its connections.
class Worker {
 public:
  Worker(PeerSink* sink, Metrics* metrics)
      : sink_(sink),
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
    served->connection =
        FrameConnection::New(std::move(socket), {.max_body_bytes = kMaxPeerRequestBytes});
    served_.insert(served);
    served->connection->Start([this, served](Frame frame) { Handle(served, std::move(frame)); },
                              [this, served](const Status& why) {
                                if (why.code() != StatusCode::kUnavailable) {
                                  LogWarning("a connection of another node is closed: {}",
                                             ToString(why));
                                }
                                served_.erase(served);
                              });
  }

  void Handle(const std::shared_ptr<Served>& served, Frame frame) {
    if (served->under_way >= PeerServer::kMaxUnderWay) {
      return Refuse(*served, frame.id, "busy", ResourceExhausted("too many requests at once"));
    }
    auto decoded = frame.kind == FrameKind::kRequest
                       ? DecodePeerRequest(Rope(std::move(frame.body)))
                       : DataLoss("a reply where a request was due");
    if (!decoded.ok()) return Refuse(*served, frame.id, "malformed", decoded.status());
    ++served->under_way;
    const auto call =
        std::make_shared<PeerCall>(KindName(decoded->message), frame.id, served, metrics_);
    sink_->HandlePeer(decoded->sender, std::move(decoded->message),
                      [call](const PeerReply& reply) { call->Answer(reply); });
  }

  void Refuse(const Served& served, std::uint64_t id, std::string_view kind, const Status& status) {
    metrics_->ObserveRequest("peer", kind, status.code(), Duration::zero());
    (void)served.connection->Send(FrameKind::kRefusal, id, Rope(EncodeRefusal(status)));
  }

  PeerSink* const sink_;
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
  PeerServerOnThreads(PeerSink* sink, Metrics* metrics, std::size_t threads) {
    CHECK(threads > 0);
    for (std::size_t i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(sink, metrics));
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

std::unique_ptr<PeerServer> PeerServer::Start(PeerSink* sink, Metrics* metrics,
                                              std::size_t threads) {
  return std::make_unique<PeerServerOnThreads>(sink, metrics, threads);
}

}  // namespace carillon
