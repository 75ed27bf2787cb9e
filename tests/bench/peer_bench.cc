// What a request between nodes costs: 100 KB and 4 KB ReplicaPuts over loopback, 16 at once, both
// ends in this process. CPU seconds are of both.
#include <benchmark/benchmark.h>

#include <mutex>
#include <semaphore>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/checksum.h"
#include "base/process_tuning.h"
#include "base/process_usage.h"
#include "server/peer/peer_client.h"
#include "server/peer/peer_server.h"
#include "tests/peer/peer_samples.h"

namespace carillon {
namespace {

constexpr int kAtOnce = 16;

class Acknowledging final : public PeerSink {
 public:
  void HandlePeer(PeerSender /*sender*/, PeerMessage /*message*/,
                  std::function<void(PeerReply)> done) override {
    done({.version = StateVersion(1), .value = WriteReply{}});
  }
  void HandleGossip(GossipMessage /*message*/, std::string /*address*/) override {}
};

// A node on a port of its own.
class Node {
 public:
  Node() : server_(PeerServer::Start(&sink_, nullptr, &metrics_)), acceptor_(io_, Loopback()) {
    thread_ = std::thread([this] {
      while (true) {
        boost::system::error_code error;
        auto socket = acceptor_.accept(error);
        if (error) return;
        server_->Take(socket.release());
      }
    });
  }
  ~Node() {
    (void)::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
    server_->Stop();
  }
  std::string address() const {
    return fmt::format("127.0.0.1:{}", acceptor_.local_endpoint().port());
  }

 private:
  static boost::asio::ip::tcp::endpoint Loopback() {
    return {boost::asio::ip::address_v4::loopback(), 0};
  }
  Acknowledging sink_;
  Metrics metrics_;
  std::unique_ptr<PeerServer> server_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

void BM_ReplicaPut(benchmark::State& state) {
  TuneProcess();
  const auto size = static_cast<std::size_t>(state.range(0));
  const Node node;
  PeerClient client(SampleUuid(1), nullptr);
  ReplicaPut put = SamplePut("");
  const Bytes value(size, 'v');
  put.value = Rope(value);
  put.value_crc = Crc32c(value);
  std::counting_semaphore<kAtOnce> free(kAtOnce);
  const double began = OwnCpuSeconds();
  for (auto _ : state) {
    free.acquire();
    client.Ask({.operation = OperationId(1),
                .to = NodeId(SampleUuid(3)),
                .address = node.address(),
                .sender = SampleSender(),
                .message = put,
                .timeout = std::chrono::seconds(10)},
               [&](const PeerReply& reply) {
                 if (!reply.status.ok()) state.SkipWithError("not answered");
                 free.release();
               });
  }
  for (int i = 0; i < kAtOnce; ++i) free.acquire();
  const double cpu = OwnCpuSeconds() - began;
  const double bytes = static_cast<double>(state.iterations()) * static_cast<double>(size);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["cpu_s_per_GB"] = cpu / (bytes / 1e9);
  state.counters["cpu_us_each"] = cpu * 1e6 / static_cast<double>(state.iterations());
}
BENCHMARK(BM_ReplicaPut)->Arg(100'000)->Arg(4'000)->UseRealTime();

}  // namespace
}  // namespace carillon
