#include <signal.h>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "client/client.h"
#include "proto/byte_buffer.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/child_node.h"

namespace carillon {
namespace {

struct Load {
  std::size_t value_bytes;
  std::uint64_t outstanding;
};
constexpr Load kLoads[] = {{4'000, 64}, {100'000, 32}, {500'000, 16}};
constexpr std::size_t kKeysPerGet = 16;
constexpr std::uint64_t kGetCallers = 4;

// Sends back what it gets, whatever the method: gRPC and nothing else.
class EchoCall final : public grpc::ServerGenericBidiReactor {
 public:
  EchoCall() { StartRead(&buffer_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWriteAndFinish(&buffer_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer buffer_;
};

class EchoService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* /*context*/) override {
    return new EchoCall();
  }
};

// A call of the generic client: everything it needs, until it is done.
struct EchoRequest {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
};

StatusOr<Measurement> MeasureEcho(const std::string& address, const SharedBytes& value,
                                  std::uint64_t outstanding, int pid, double seconds) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  grpc::GenericStub stub(channel);
  const double cpu = CpuSecondsOf(pid);
  ASSIGN_OR_RETURN(
      Measurement result,
      RunClosedLoop(outstanding, seconds, [&](std::uint64_t, std::function<void(Status)> done) {
        auto call = std::make_shared<EchoRequest>();
        call->request = ToByteBuffer(Rope(value));
        stub.UnaryCall(&call->context, "/echo/Echo", grpc::StubOptions(), &call->request,
                       &call->response, [call, done = std::move(done)](const grpc::Status& s) {
                         done(s.ok() ? OkStatus() : Unavailable("{}", s.error_message()));
                       });
      }));
  result.name = "bare gRPC echo";
  result.value_bytes = value.size();
  result.server_cpu_seconds = CpuSecondsOf(pid) - cpu;
  return result;
}

constexpr char kUnsynced[] = "unsynced";  // without the disk: what the path itself costs

ChunkKey KeyOf(std::uint64_t i, std::size_t size, Epoch now) {
  return {.epoch = now,
          .dc = "1",
          .cell = "c",
          .type = "BENCH",
          .subtype = std::to_string(size),
          .number = i};
}

StatusOr<Measurement> MeasurePut(Client* client, const std::string& bucket,
                                 const SharedBytes& value, std::uint64_t outstanding, Epoch now,
                                 int pid, double seconds) {
  const double cpu = CpuSecondsOf(pid);
  ASSIGN_OR_RETURN(
      Measurement result,
      RunClosedLoop(outstanding, seconds, [&](std::uint64_t i, std::function<void(Status)> done) {
        client->PutChunkAsync(
            bucket, KeyOf(i, value.size(), now), value,
            [done = std::move(done)](const StatusOr<PutReply>& reply) { done(reply.status()); });
      }));
  result.name = bucket == kUnsynced ? "PutChunk, sync=os" : "PutChunk, fsynced";
  result.value_bytes = value.size();
  result.server_cpu_seconds = CpuSecondsOf(pid) - cpu;
  return result;
}

// GetChunks of kKeysPerGet keys a call, `kOutstanding` / 4 callers at once.
StatusOr<Measurement> MeasureGet(Client* client, std::size_t size, std::uint64_t stored, Epoch now,
                                 int pid, double seconds) {
  const double cpu = CpuSecondsOf(pid);
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::pair<std::uint64_t, std::function<void(Status)>>> queue;
  bool stopping = false;
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [&] { return !queue.empty() || stopping; });
      if (queue.empty()) return;
      auto [i, done] = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      std::vector<ChunkKey> keys;
      for (std::size_t k = 0; k < kKeysPerGet; ++k) {
        keys.push_back(KeyOf((i * 7919 + k * 104'729) % stored, size, now));
      }
      Status failed = OkStatus();
      const Status status =
          client->GetChunks("events", keys, [&](const ChunkKey&, const StatusOr<Bytes>& value) {
            if (!value.ok()) failed = value.status();
          });
      done(status.ok() ? failed : status);
      lock.lock();
    }
  };
  for (std::uint64_t i = 0; i < kGetCallers; ++i) workers.emplace_back(work);
  auto result =
      RunClosedLoop(kGetCallers, seconds, [&](std::uint64_t i, std::function<void(Status)> done) {
        const std::lock_guard lock(mutex);
        queue.emplace_back(i, std::move(done));
        wake.notify_one();
      });
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_all();
  for (std::thread& worker : workers) worker.join();
  RETURN_IF_ERROR(result.status());
  result->name = fmt::format("GetChunks, {} keys a call", kKeysPerGet);
  result->value_bytes = size;
  result->operations *= kKeysPerGet;
  result->server_cpu_seconds = CpuSecondsOf(pid) - cpu;
  return result;
}

}  // namespace

Status ServeEcho() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return Unavailable("the echo server does not start");
  fmt::print("grpc 127.0.0.1:{}\nready\n", port);
  std::fflush(stdout);
  int received = 0;
  ::sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now());
  return OkStatus();
}

Status RunRpcBench(const BenchOptions& options, const Report& report) {
  ASSIGN_OR_RETURN(const auto directory, TemporaryDirectory::Make(options.directory));
  ASSIGN_OR_RETURN(const auto echo, ChildProcess::Start({ProgramDirectory() + "/carillon", "bench",
                                                         "--only", "echo-server"}));
  ASSIGN_OR_RETURN(
      const auto node,
      ChildProcess::Start({ProgramDirectory() + "/carillond", "--data", directory->path() + "/data",
                           "--listen", "127.0.0.1:0", "--http", "", "--log-level", "warning"}));
  ASSIGN_OR_RETURN(const auto client, Client::Connect({.endpoints = {node->address()}}));
  RETURN_IF_ERROR(client->CreateBucket(kUnsynced, {.sync = SyncMode::kOs}).status());
  for (const auto& [size, outstanding] : kLoads) {
    const SharedBytes value(Bytes(RandomBytes(size, size)));
    const Epoch now(WallSeconds(SystemClock().WallNow()));
    ASSIGN_OR_RETURN(Measurement echoed, MeasureEcho(echo->address(), value, outstanding,
                                                     echo->pid(), options.seconds));
    ASSIGN_OR_RETURN(Measurement unsynced, MeasurePut(client.get(), kUnsynced, value, outstanding,
                                                      now, node->pid(), options.seconds));
    ASSIGN_OR_RETURN(Measurement put, MeasurePut(client.get(), "events", value, outstanding, now,
                                                 node->pid(), options.seconds));
    ASSIGN_OR_RETURN(Measurement got, MeasureGet(client.get(), size, put.operations, now,
                                                 node->pid(), options.seconds));
    put.baseline_mb_per_second = unsynced.baseline_mb_per_second = got.baseline_mb_per_second =
        echoed.mb_per_second();
    report(echoed);
    report(unsynced);
    report(put);
    report(got);
  }
  return OkStatus();
}

}  // namespace carillon
