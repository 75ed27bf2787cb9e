// carillond: a node of a Carillon cluster.
#include <signal.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "base/process_tuning.h"
#include "server/api/frame_calls.h"
#include "server/api/grpc_server.h"
#include "server/cluster_network.h"
#include "server/config.h"
#include "server/http/http_server.h"
#include "server/peer/peer_server.h"
#include "server/shell/server_core.h"

namespace carillon {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr auto kStopGrace = std::chrono::seconds(5);

ServerCoreOptions CoreOptions(const ServerConfig& config) {
  constexpr std::uint64_t kMiB = 1 << 20;
  ServerCoreOptions options;
  for (const std::string& directory : config.data) {
    options.directories.push_back(std::filesystem::absolute(directory).lexically_normal());
    std::string& path = options.directories.back();
    if (path.size() > 1 && path.back() == '/') path.pop_back();
  }
  options.name = config.name;
  options.rack = config.rack;
  options.node.max_moving = config.max_moving;
  options.node.sync.bytes_per_second = config.sync_mib_per_second * kMiB;
  options.node.sync.anti_entropy_period = std::chrono::seconds(config.anti_entropy_seconds);
  options.partition_bits = static_cast<std::uint32_t>(std::countr_zero(config.partitions));
  options.node.max_future_seconds = config.max_future_seconds;
  options.node.max_requests = config.max_requests;
  options.threads.read_threads = config.read_threads;
  options.threads.scrub_bytes_per_second = config.scrub_mib_per_second * kMiB;
  options.index.cache_bytes = config.index_cache_mib * kMiB;
  options.index.write_buffer_bytes = config.index_buffer_mib * kMiB;
  options.store.segment_bytes = config.segment_mib * kMiB;
  options.store.allocate_bytes = config.allocate_mib * kMiB;
  options.store.ballast_bytes = config.ballast_mib * kMiB;
  options.store.min_free = static_cast<double>(config.min_free_percent) / 100;
  options.store.watermark_free = static_cast<double>(config.watermark_free_percent) / 100;
  return options;
}

// Blocks the signals that stop a node in every thread, so that only Wait sees them.
sigset_t BlockStopSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "carillond: %s\n", std::string(Message(status)).c_str());
  return status.code() == StatusCode::kInvalidArgument ? kExitUsage : kExitFailed;
}

// Asks a member to let this node in, until it does.
StatusOr<SharedState> Join(const std::string& seed, const Member& self) {
  constexpr auto kTimeout = std::chrono::seconds(5);
  constexpr int kTries = 60;
  StatusOr<SharedState> state = Unavailable("never asked");
  for (int i = 0; i < kTries; ++i) {
    state = AskToJoin(seed, Uuid{}, self, kTimeout);
    const bool again = state.status().code() == StatusCode::kUnavailable ||
                       state.status().code() == StatusCode::kDeadlineExceeded;
    if (!again) break;
    if (i == 0) LogWarning("joining at {}: {}; trying again", seed, ToString(state.status()));
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  if (!state.ok()) return Annotate(state.status(), fmt::format("joining at {}", seed));
  return state;
}

// A copy of a node's data directory that was started elsewhere must not pass for its restart.
Status CheckRunsOnce(const ClusterState& state, const NodeId& self, const std::string& address,
                     ClusterNetwork* network) {
  const Member* member = state.FindMember(self);
  if (member == nullptr || member->address.empty() || member->address == address) return OkStatus();
  if (!network->IsRunningAt(member->address, self)) return OkStatus();
  return FailedPrecondition(
      "{} runs at {}: the data directory given here is a copy of its own, and two must not be one "
      "node; destroy this copy, or stop that process first",
      member->name, member->address);
}

// Opens, serves until SIGTERM or SIGINT, stops in order: sockets, node, disk.
Status Serve(const ServerConfig& config) {
  const sigset_t signals = BlockStopSignals();
  const auto metrics = std::make_shared<Metrics>();
  // The port first: other nodes are told of it before there is a node.
  ASSIGN_OR_RETURN(auto acceptor, Acceptor::Listen({.address = config.listen,
                                                    .max_connections = config.max_connections},
                                                   metrics.get()));
  ClusterNetwork network(acceptor->address(), config.gossip_key);
  ServerCoreOptions core_options = CoreOptions(config);
  core_options.metrics = metrics;
  core_options.address = config.advertise.empty() ? acceptor->address() : config.advertise;
  core_options.open_peers = [&network](const Uuid& cluster) { return network.Open(cluster); };
  if (!config.join.empty()) {
    core_options.join = [&config](const Member& self) { return Join(config.join, self); };
  }
  // These outlive the node: it may hold a request of theirs to its end.
  std::unique_ptr<FrameCalls> calls;
  std::unique_ptr<PeerServer> peers;
  ASSIGN_OR_RETURN(const auto core, ServerCore::Open(core_options));
  RETURN_IF_ERROR(
      CheckRunsOnce(*core->node()->state(), core->self(), core_options.address, &network));
  network.Register(metrics.get());
  network.SetSink(core->node());
  std::unique_ptr<HttpServer> http;
  if (!config.http.empty()) {
    HttpServerOptions options;
    options.address = config.http;
    options.limits.max_connections = config.max_connections;
    options.insecure_public = config.insecure_listen_anywhere;
    ASSIGN_OR_RETURN(http, HttpServer::Start(options, core.get()));
  }
  calls = std::make_unique<FrameCalls>(core->node(), core->metrics());
  peers = PeerServer::Start(core->node(), calls.get(), core->metrics());
  ASSIGN_OR_RETURN(const auto grpc,
                   GrpcServer::Start(std::move(acceptor), core.get(), peers.get()));
  const StoreStats stats = core->store().stats();
  std::printf("carillond %s: node %s, cluster state %lu, %lu segments, %lu records recovered\n",
              config.name.c_str(), ToString(core->self().value()).c_str(),
              core->node()->state()->version.value(), stats.segments, stats.records_recovered);
  std::printf("grpc %s\n", grpc->address().c_str());
  if (http != nullptr) std::printf("http %s\n", http->address().c_str());
  std::printf("ready\n");
  std::fflush(stdout);
  network.LearnAddresses(*core->node()->state());
  core->node()->Start();
  const timespec look_every{.tv_sec = 2, .tv_nsec = 0};
  int received = -1;
  while ((received = ::sigtimedwait(&signals, nullptr, &look_every)) < 0) {
    network.LearnAddresses(*core->node()->state());
  }
  LogInfo("stopping on signal {}", received);
  if (http != nullptr) http->Stop();
  grpc->Stop(kStopGrace);
  peers->Stop();
  core->node()->Stop(kStopGrace);
  network.Stop();
  return core->Stop();
}

// --init: makes the data directories of a new cluster's first node, and says what to do next.
Status Init(const ServerConfig& config, const std::string& file) {
  const ServerCoreOptions options = CoreOptions(config);
  ASSIGN_OR_RETURN(const SharedState state, ServerCore::Prepare(options));
  const Member& member = state->members.front();
  std::printf("cluster %s: %zu partitions, one member\n", ToString(state->cluster).c_str(),
              state->partitions());
  std::printf("node %s %s in rack %s\n", member.name.c_str(), ToString(member.node.value()).c_str(),
              member.rack.c_str());
  std::string command = "carillond";
  if (!file.empty()) command += " --config " + file;
  for (const std::string& directory : options.directories) {
    std::printf("made %s\n", directory.c_str());
    command += " --data " + directory;
  }
  if (member.name != ServerConfig().name) command += " --name " + member.name;
  std::printf("start it:  %s\n", command.c_str());
  std::printf("others join:  carillond --data DIR --name NAME --join HOST:PORT\n");
  return OkStatus();
}

// What one run is for.
struct Purpose {
  bool check = false;
  bool print = false;
  bool init = false;
};

int Do(const ServerConfig& config, const std::string& file, const Purpose& what) {
  if (what.print) {
    std::fputs(DocumentConfig(config).c_str(), stdout);
    return 0;
  }
  if (const Status status = Validate(config); !status.ok()) return Fail(status);
  if (what.check) {
    std::puts("the configuration is good");
    return 0;
  }
  if (what.init && !config.join.empty()) {
    return Fail(
        InvalidArgument("--init makes a new cluster: a node that joins one needs no --init"));
  }
  StartLogging({.level = what.init ? LogLevel::kError : *ParseLogLevel(config.log_level),
                .json = config.log_json});
  const Status status = what.init ? Init(config, file) : Serve(config);
  return status.ok() ? 0 : Fail(status);
}

int Main(int argc, char** argv) {
  ServerConfig config;
  std::string file;
  Purpose what;
  std::optional<std::uint64_t> partitions;
  CLI::App app{
      "carillond: a node of Carillon, the distributed, time-bucketed event store.\n"
      "`carillond --data DIR` needs nothing else.",
      "carillond"};
  app.add_option("--config", file, "Read a TOML file first; flags given here win");
  std::vector<std::string> data;
  std::string listen, http, name, level, join, advertise, rack;
  app.add_option("--data", data, "Data directory; repeat for several disks");
  auto* listen_option =
      app.add_option("--listen", listen, "gRPC on HOST:PORT (default " + config.listen + ")");
  auto* http_option = app.add_option(
      "--http", http, "HTTP on HOST:PORT (default " + config.http + "); '' for none");
  app.add_option("--name", name, "Name of this node, for people (default " + config.name + ")");
  app.add_option("--join", join, "A new node: ask the member at HOST:PORT to be let in");
  app.add_option("--advertise", advertise,
                 "HOST:PORT at which others reach this node (default: as it listens)");
  app.add_option("--rack", rack, "Failure domain of a new node (default " + config.rack + ")");
  app.add_option("--log-level", level, "debug, info, warning, error (default info)");
  bool json = false, anywhere = false;
  app.add_flag("--log-json", json, "Log lines as JSON objects");
  app.add_flag("--insecure-listen-anywhere", anywhere,
               "Allow other than loopback without TLS and authentication");
  app.add_option(
      "--partitions", partitions,
      fmt::format("Of a new cluster: partitions of the ring, a power of two (default {})",
                  config.partitions));
  app.add_flag(
      "--init", what.init,
      "Make the data directory of a new cluster's first node, say what was made, and stop");
  app.add_flag("--check-config", what.check,
               "Check the configuration, say what is wrong, and stop");
  app.add_flag("--print-config", what.print,
               "Print every key with its meaning and its value, and stop");
  app.set_version_flag("--version", "carillond " CARILLON_VERSION);
  app.footer("Stops cleanly on SIGTERM and SIGINT. Exit codes: 0 stopped, 1 failed, 2 usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (!file.empty()) {
    if (const Status status = LoadConfig(file, &config); !status.ok()) return Fail(status);
  }
  if (!data.empty()) config.data = data;
  if (listen_option->count() > 0) config.listen = listen;
  if (http_option->count() > 0) config.http = http;
  if (!name.empty()) config.name = name;
  if (!level.empty()) config.log_level = level;
  if (!join.empty()) config.join = join;
  if (!advertise.empty()) config.advertise = advertise;
  if (!rack.empty()) config.rack = rack;
  if (partitions) config.partitions = *partitions;
  if (json) config.log_json = true;
  if (anywhere) config.insecure_listen_anywhere = true;
  return Do(config, file, what);
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  carillon::TuneProcess();
  return carillon::Main(argc, argv);
}
