#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "ring/cluster_state.h"
#include "server/api/unary_call.h"
#include "server/shell/node_loop.h"

namespace carillon {

using StateChange = std::function<StatusOr<ClusterState>(const ClusterState&)>;

// Proposes `change` and ends the call with the version it made. `expected`: as of RingChangeInput.
template <typename Response>
grpc::ServerUnaryReactor* ChangeState(NodeLoop* node, UnaryCall call,
                                      std::optional<StateVersion> expected, StateChange change,
                                      Response* response) {
  const RequestId id = node->NewRequest();
  node->Ask(id,
            RingChangeInput{.request = id,
                            .expected = expected,
                            .change = std::move(change),
                            .deadline = call.AnswerBy()},
            [call, response](const Answer& answer) {
              if (answer.status.ok()) response->set_state_version(answer.version.value());
              call.Finish(answer.status);
            });
  return call.reactor();
}

}  // namespace carillon
