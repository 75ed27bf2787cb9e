#include "tools/carillon/bench/local_cluster.h"

#include <thread>

#include "base/clock.h"
#include "client/cluster_admin.h"
#include "tools/carillon/one_ring.h"

namespace carillon {
namespace {

constexpr auto kRingTimeout = std::chrono::minutes(1);
constexpr auto kAskInterval = std::chrono::milliseconds(100);

Status AwaitRing(const std::vector<std::string>& endpoints) {
  ASSIGN_OR_RETURN(const auto admin, ClusterAdmin::Connect({.endpoints = endpoints}));
  const Instant deadline = SystemClock().Now() + kRingTimeout;
  StateVersion committed;
  Status why = OkStatus();
  while (SystemClock().Now() < deadline) {
    const auto done = AdvanceToOneRing(admin.get(), endpoints.size(), &committed);
    if (done.ok() && *done) return OkStatus();
    why = done.status();
    std::this_thread::sleep_for(kAskInterval);
  }
  if (why.ok()) why = DeadlineExceeded("not all nodes have joined");
  return Annotate(why, "the nodes have not become one ring");
}

}  // namespace

StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(std::size_t nodes,
                                                            const std::string& parent) {
  auto cluster = std::unique_ptr<LocalCluster>(new LocalCluster());
  ASSIGN_OR_RETURN(cluster->directory_, TemporaryDirectory::Make(parent));
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::string data = fmt::format("{}/node{}", cluster->directory_->path(), i + 1);
    std::vector<std::string> arguments = {ProgramDirectory() + "/carillond",
                                          "--name",
                                          fmt::format("node{}", i + 1),
                                          "--data",
                                          data,
                                          "--listen",
                                          "127.0.0.1:0",
                                          "--http",
                                          "127.0.0.1:0",
                                          "--log-level",
                                          "warning"};
    if (i > 0) arguments.insert(arguments.end(), {"--join", cluster->endpoints_.front()});
    ASSIGN_OR_RETURN(auto node, ChildProcess::Start(arguments, data + ".log"));
    cluster->endpoints_.push_back(node->address());
    cluster->nodes_.push_back(std::move(node));
  }
  RETURN_IF_ERROR(AwaitRing(cluster->endpoints_));
  return cluster;
}

LocalCluster::~LocalCluster() {
  for (const auto& node : nodes_) node->Terminate();  // all at once; then each is waited for
}

}  // namespace carillon
