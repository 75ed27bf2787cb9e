// The calls about the ring: translation to the node's inputs, and of its answers.
#include <set>

#include "base/random.h"
#include "ring/change_plan.h"
#include "ring/staging.h"
#include "server/api/cluster_service.h"
#include "server/api/ring_change_call.h"
#include "server/api/ring_codec.h"
#include "server/api/unary_call.h"
#include "server/node/node_view.h"

namespace carillon {
namespace {

// The saved plan if `text` is empty, else the plan of that id.
StatusOr<Uuid> PlanNamed(const ClusterState& state, const std::string& text) {
  if (!text.empty()) return ParseUuid(text);
  if (!state.plan) return Aborted("no plan is saved: plan first");
  return state.plan->id;
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::GetClusterView(grpc::CallbackServerContext* context,
                                                         const v1::GetClusterViewRequest* request,
                                                         v1::GetClusterViewResponse* response) {
  const UnaryCall call("GetClusterView", context, metrics_);
  ClusterView view;
  node_->Look(
      [&](const Node& node) { view = ViewOf(node, SystemClock().Now(), request->history()); });
  ToProto(view, response);
  return call.Finish(OkStatus());
}

grpc::ServerUnaryReactor* ClusterService::StageChange(grpc::CallbackServerContext* context,
                                                      const v1::StageChangeRequest* request,
                                                      v1::StageChangeResponse* response) {
  const UnaryCall call("StageChange", context, metrics_);
  std::optional<StateVersion> expected;
  if (request->expected_version() != 0) expected = StateVersion(request->expected_version());
  std::set<NodeId> dead;
  node_->Look([&dead](const Node& node) {
    for (const Member& member : node.state().members) {
      if (node.ring().reachability().IsDead(member.node)) dead.insert(member.node);
    }
  });
  return ChangeState(
      node_, call, expected,
      [wanted = request->change(), dead](const ClusterState& state) -> StatusOr<ClusterState> {
        ASSIGN_OR_RETURN(const StagedChange change, FromProto(state, wanted));
        if (change.kind == StagedChange::Kind::kReplace && dead.contains(change.node)) {
          return WithDeadReplaced(state, change);
        }
        // One that is leaving and died before it had handed off what it held for others.
        const Member* member = state.FindMember(change.node);
        if (change.kind == StagedChange::Kind::kRemove && member != nullptr &&
            member->role == MemberRole::kLeaving) {
          return WithMemberForgotten(state, change.node);
        }
        return WithStaged(state, change);
      },
      response);
}

grpc::ServerUnaryReactor* ClusterService::ClearStaged(grpc::CallbackServerContext* context,
                                                      const v1::ClearStagedRequest* /*request*/,
                                                      v1::ClearStagedResponse* response) {
  const UnaryCall call("ClearStaged", context, metrics_);
  return ChangeState(node_, call, std::nullopt, WithStagedCleared, response);
}

grpc::ServerUnaryReactor* ClusterService::PlanChanges(grpc::CallbackServerContext* context,
                                                      const v1::PlanChangesRequest* request,
                                                      v1::PlanChangesResponse* response) {
  const UnaryCall call("PlanChanges", context, metrics_);
  const RequestId id = node_->NewRequest();
  PlanInput input{.request = id, .id = RandomUuid(), .save = !request->look(), .facts = {}};
  input.deadline = call.AnswerBy();
  node_->Look([&](const Node& node) { input.facts = PlanFactsOf(node); });
  input.facts.accept_loss = request->accept_loss();
  if (input.save) response->set_plan_id(ToString(input.id));
  node_->Ask(id, std::move(input), [call, response](const Answer& answer) {
    if (const auto* ring = std::get_if<RingAnswer>(&answer.value)) {
      ToProto(*ring->state, *ring->plan, response);
    }
    call.Finish(answer.status);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* ClusterService::CommitPlan(grpc::CallbackServerContext* context,
                                                     const v1::CommitPlanRequest* request,
                                                     v1::CommitPlanResponse* response) {
  const UnaryCall call("CommitPlan", context, metrics_);
  return ChangeState(
      node_, call, std::nullopt,
      [text = request->plan_id()](const ClusterState& state) -> StatusOr<ClusterState> {
        ASSIGN_OR_RETURN(const Uuid plan, PlanNamed(state, text));
        return WithPlanCommitted(state, plan);
      },
      response);
}

grpc::ServerUnaryReactor* ClusterService::PauseMoves(grpc::CallbackServerContext* context,
                                                     const v1::PauseMovesRequest* request,
                                                     v1::PauseMovesResponse* response) {
  const UnaryCall call("PauseMoves", context, metrics_);
  return ChangeState(
      node_, call, std::nullopt,
      [pause = request->pause()](const ClusterState& state) { return WithPaused(state, pause); },
      response);
}

grpc::ServerUnaryReactor* ClusterService::AbortMoves(grpc::CallbackServerContext* context,
                                                     const v1::AbortMovesRequest* /*request*/,
                                                     v1::AbortMovesResponse* response) {
  const UnaryCall call("AbortMoves", context, metrics_);
  return ChangeState(node_, call, std::nullopt, WithAborted, response);
}

grpc::ServerUnaryReactor* ClusterService::ForceRecover(grpc::CallbackServerContext* context,
                                                       const v1::ForceRecoverRequest* request,
                                                       v1::ForceRecoverResponse* response) {
  const UnaryCall call("ForceRecover", context, metrics_);
  if (request->survivors().empty()) return call.Finish(InvalidArgument("no survivor is named"));
  const RequestId id = node_->NewRequest();
  RecoverInput input{.request = id, .survivors = {}, .change = RandomUuid()};
  const SharedState state = node_->state();
  for (const std::string& survivor : request->survivors()) {
    const auto node = FindMemberNamed(*state, survivor);
    if (!node.ok()) return call.Finish(node.status());
    input.survivors.push_back(*node);
  }
  node_->Ask(id, std::move(input), [call, response](const Answer& answer) {
    if (const auto* ring = std::get_if<RingAnswer>(&answer.value)) {
      response->set_state_version(ring->state->version.value());
      response->set_generation(ring->state->generation);
      for (const PartitionId lost : ring->lost) response->add_lost_partitions(lost.value());
    }
    call.Finish(answer.status);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* ClusterService::RepairNode(grpc::CallbackServerContext* context,
                                                     const v1::RepairNodeRequest* /*request*/,
                                                     v1::RepairNodeResponse* response) {
  const UnaryCall call("RepairNode", context, metrics_);
  const RequestId id = node_->NewRequest();
  node_->Ask(id, RepairInput{.request = id}, [this, call, response](const Answer& answer) {
    node_->Look([&](const Node& node) {
      const std::size_t pulls = node.schedule().running() + node.schedule().waiting();
      response->set_pulls(static_cast<std::uint32_t>(pulls));
    });
    call.Finish(answer.status);
  });
  return call.reactor();
}

}  // namespace carillon
