#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "client/client.h"
#include "ring/change_plan.h"
#include "ring/cluster_view.h"

namespace carillon {

// A change of the ring as an admin says it.
struct RingChange {
  StagedChange::Kind kind = StagedChange::Kind::kRebalance;
  std::string node;   // a member, by name or node id
  std::string other;  // of kReplace: who takes its place
  std::uint32_t weight = 0;
  std::string rack;
};

// A plan as a node made it. Members are those of `members`.
struct PlannedChange {
  std::string id;  // for Commit; empty: only a look
  std::vector<Member> members;
  ChangePlan plan;  // `targets` and `copies` are not filled in
};

struct Recovered {
  StateVersion version;
  std::uint64_t generation = 0;
  std::vector<PartitionId> lost;  // had no survivor: their data are gone
};

// What an admin, or a collector, asks of a cluster. Looking is tried again like any call of Client,
// on the next endpoint if need be; a change is sent once, to the endpoint that answered last,
// because a second one would be another change: after UNAVAILABLE or DEADLINE_EXCEEDED look whether
// it was made. FAILED_PRECONDITION says what stands in the way. Threads: any.
class ClusterAdmin {
 public:
  // Connects lazily. INVALID_ARGUMENT: a bad endpoint.
  static StatusOr<std::unique_ptr<ClusterAdmin>> Connect(ClientOptions options);
  virtual ~ClusterAdmin() = default;

  // What the node that answers sees, with the newest `history` records.
  virtual StatusOr<ClusterView> View(std::uint32_t history = 0) = 0;
  // Pulls what that node lacks of its partitions: how many pulls were begun or wait.
  virtual StatusOr<std::uint32_t> Repair() = 0;
  // The metrics of that node, in Prometheus' text format.
  virtual StatusOr<std::string> MetricsText() = 0;

  // Tenants and keys as the node that answers has them; nullopt: they are those of `known`, of
  // which only the cluster, the generation, and section.changed are looked at.
  virtual StatusOr<std::optional<RingTenants>> Tenants(const RingTenants& known = {}) = 0;

  // Each returns the version of the cluster state it made.
  virtual StatusOr<StateVersion> Stage(const RingChange& change) = 0;
  virtual StatusOr<StateVersion> ClearStaged() = 0;
  // `look`: it is not saved, and no version is made.
  virtual StatusOr<PlannedChange> Plan(bool look, bool accept_loss) = 0;
  // Empty: whatever is saved. ABORTED: another is, or none.
  virtual StatusOr<StateVersion> Commit(const std::string& plan_id) = 0;
  virtual StatusOr<StateVersion> Pause(bool pause) = 0;
  virtual StatusOr<StateVersion> AbortMoves() = 0;

  // As the functions of ring/tenant_change.h.
  virtual StatusOr<StateVersion> SetTenant(const std::string& name, const std::string& document,
                                           std::optional<StateVersion> expected) = 0;
  virtual StatusOr<StateVersion> RemoveTenant(const std::string& name,
                                              std::optional<StateVersion> expected) = 0;
  virtual StatusOr<StateVersion> CreateKey(const WriteKeyHash& hash, const WriteKeyRecord& key) = 0;
  virtual StatusOr<StateVersion> RevokeKey(const std::string& id, bool forget) = 0;

  // The node that answers makes a new generation of `survivors` (names or node ids).
  virtual StatusOr<Recovered> ForceRecover(const std::vector<std::string>& survivors) = 0;
};

}  // namespace carillon
