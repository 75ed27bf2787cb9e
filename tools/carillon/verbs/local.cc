#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "tools/carillon/bench/child_node.h"
#include "tools/carillon/one_ring.h"
#include "tools/carillon/ring/local_layout.h"
#include "tools/carillon/ring/ring_status.h"
#include "tools/carillon/verbs/ring_verbs.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

constexpr auto kRingTimeout = std::chrono::minutes(2);  // for all to become one ring
constexpr auto kAskInterval = std::chrono::milliseconds(250);
constexpr auto kLookInterval = std::chrono::seconds(1);

struct LocalOptions {
  std::optional<std::uint64_t> nodes;
  std::optional<std::uint64_t> base_port;
  std::string data;
};

constexpr std::uint64_t kDefaultNodes = 3;
constexpr std::uint64_t kDefaultBasePort = 7480;

const VerbText kText = {
    .name = "local",
    .group = kForAdmins,
    .description = "Run a cluster of several nodes on this machine, until Ctrl-C",
    .examples =
        "Starts carillond N times on loopback, joins the nodes to one ring, and says how to reach\n"
        "them. DIR keeps the data, the logs, and in local.json the ports: started again it is the\n"
        "same cluster. For trying things out; one disk holds all copies.\n\n"
        "  carillon local --nodes 3 --data /tmp/three",
};

// What this machine runs, and whether it was a ring before.
struct Cluster {
  std::vector<LocalNode> nodes;
  bool is_new = false;
};

StatusOr<Cluster> FindCluster(const LocalOptions& options) {
  std::ifstream file(options.data + "/local.json", std::ios::binary);
  if (!file) {
    ASSIGN_OR_RETURN(auto nodes, MakeLocalNodes(options.nodes.value_or(kDefaultNodes),
                                                options.base_port.value_or(kDefaultBasePort)));
    return Cluster{.nodes = std::move(nodes), .is_new = true};
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSIGN_OR_RETURN(auto nodes, ParseLocalFile(text));
  if (options.nodes && *options.nodes != nodes.size()) {
    return InvalidArgument("{} holds a cluster of {} nodes", options.data, nodes.size());
  }
  if (options.base_port && *options.base_port != nodes.front().grpc) {
    return InvalidArgument("the cluster in {} has the ports from {} on", options.data,
                           nodes.front().grpc);
  }
  return Cluster{.nodes = std::move(nodes), .is_new = false};
}

using Children = std::vector<std::unique_ptr<ChildProcess>>;

StatusOr<Children> StartAll(const std::string& directory, const std::vector<LocalNode>& nodes,
                            const StopSignal& stop) {
  Children children;
  for (std::size_t i = 0; i < nodes.size() && !stop.IsRaised(); ++i) {
    const std::string log = fmt::format("{}/{}.log", directory, nodes[i].name);
    auto child = ChildProcess::Start(
        NodeArguments(ProgramDirectory() + "/carillond", directory, nodes, i), log);
    if (!child.ok())
      return Annotate(child.status(), fmt::format("{} (see {})", nodes[i].name, log));
    children.push_back(*std::move(child));
  }
  return children;
}

// Commits the joins of all nodes and waits until they own what they should.
Status MakeOneRing(const Session& session, ClusterAdmin* admin, std::size_t nodes,
                   StopSignal* stop) {
  const Instant deadline = SystemClock().Now() + kRingTimeout;
  Status why = OkStatus();
  StateVersion committed;
  while (SystemClock().Now() < deadline && !stop->IsRaised()) {
    const auto is_done = AdvanceToOneRing(admin, nodes, &committed);
    if (is_done.ok() && *is_done) return OkStatus();
    why = is_done.status();
    RETURN_IF_ERROR(FollowMoves(session, admin, committed, stop).status());
    if (stop->WaitUntil(SystemClock().Now() + kAskInterval)) break;
  }
  if (stop->IsRaised()) return Cancelled("stopped");
  if (why.ok()) why = DeadlineExceeded("not all nodes have joined");
  return Annotate(why, "the nodes have not become one ring");
}

Status Remember(const std::string& directory, const std::vector<LocalNode>& nodes) {
  const std::string path = directory + "/local.json";
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << LocalFile(nodes);
  file.close();
  return file ? OkStatus() : Unavailable("{} cannot be written", path);
}

Status PrintCluster(Session* session, const std::vector<LocalNode>& nodes) {
  if (session->json()) {
    RETURN_IF_ERROR(session->out().Write(LocalFile(nodes)));
    return session->out().Flush();
  }
  std::string text;
  for (const LocalNode& node : nodes) {
    text += fmt::format("{}  grpc {}  http http://127.0.0.1:{}\n", node.name, node.grpc_address(),
                        node.http);
  }
  text += fmt::format("CARILLON_ENDPOINT={}\nready; Ctrl-C stops all\n", EndpointsOf(nodes));
  RETURN_IF_ERROR(session->out().Write(text));
  return session->out().Flush();
}

// Until the signal. A node that ends is told once, and not started again.
ExitCode Watch(const std::vector<LocalNode>& nodes, Children* children, StopSignal* stop) {
  std::vector<bool> told(nodes.size(), false);
  while (!stop->WaitUntil(SystemClock().Now() + kLookInterval)) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (told[i] || !(*children)[i]->HasEnded()) continue;
      told[i] = true;
      if (!stop->IsRaised()) PrintError(fmt::format("{} has ended", nodes[i].name));
    }
  }
  const bool one_ended = std::find(told.begin(), told.end(), true) != told.end();
  return one_ended ? ExitCode::kPartial : ExitCode::kDone;
}

Outcome RunLocal(Session* session, LocalOptions options) {
  std::error_code error;
  options.data = std::filesystem::absolute(options.data, error).lexically_normal().string();
  std::filesystem::create_directories(options.data, error);
  if (error) return Unavailable("cannot make {}: {}", options.data, error.message());
  ASSIGN_OR_USAGE(const Cluster cluster, FindCluster(options));
  StopSignal stop;
  ASSIGN_OR_RETURN(Children children, StartAll(options.data, cluster.nodes, stop));
  if (stop.IsRaised()) return ExitCode::kPartial;
  session->options.endpoint = EndpointsOf(cluster.nodes);
  if (cluster.is_new) {
    ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
    RETURN_IF_ERROR(MakeOneRing(*session, admin, cluster.nodes.size(), &stop));
    RETURN_IF_ERROR(Remember(options.data, cluster.nodes));
  }
  RETURN_IF_ERROR(PrintCluster(session, cluster.nodes));
  const ExitCode code = Watch(cluster.nodes, &children, &stop);
  for (const auto& child : children) child->Terminate();  // all at once; then each is waited for
  return code;
}

}  // namespace

void AddLocal(CommandParser* parser, Session* session) {
  auto options = std::make_shared<LocalOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Value("--data", &options->data, "directory of the cluster; made if it is not there");
  verb.Value("--nodes", &options->nodes, "how many, up to 32 (3)");
  verb.Value("--base-port", &options->base_port, "first port; each node takes two (7480)");
  verb.OnRun([=]() -> Outcome {
    if (options->data.empty()) return UsageError(InvalidArgument("--data: say where"));
    return RunLocal(session, *options);
  });
}

}  // namespace carillon
