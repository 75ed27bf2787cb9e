#pragma once

#include "base/check.h"
#include "server/node/node.h"

// How the parts of Node (node.cc, node_peers.cc, node_ring.cc) run coordinators. For them alone.
namespace carillon {

template <typename Act>
void Node::Run(RequestId request, Act act) {
  const auto found = coordinators_.find(request.value());
  if (found == coordinators_.end()) return;
  Outbox out = OutboxOf(request);
  const bool done = std::visit(
      [&](auto& coordinator) {
        act(coordinator, &out);
        if constexpr (std::is_same_v<decltype(coordinator), PutCoordinator&>) {
          HandleAnswered(&coordinator);
        }
        return coordinator.done();
      },
      found->second);
  if (!done) return;
  const Coordinator ended = std::move(found->second);
  coordinators_.erase(found);
  Finish(request, ended);
}

template <typename C>
void Node::Begin(RequestId request, C coordinator) {
  const bool fresh = coordinators_.emplace(request.value(), std::move(coordinator)).second;
  CHECK(fresh);  // the shell never uses a request's id twice
  Run(request, [](auto& begun, Outbox* out) { begun.Start(out); });
}

// Hands a completion to the coordinator that waits for it, if it knows the kind.
template <typename Completion>
void Node::Deliver(RequestId request, Completion completion) {
  Run(request, [&](auto& coordinator, Outbox* out) {
    if constexpr (requires { coordinator.Handle(std::move(completion), out); }) {
      coordinator.Handle(std::move(completion), out);
    }
  });
}

}  // namespace carillon
