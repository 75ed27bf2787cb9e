#pragma once

#include <memory>
#include <string>

#include "ring/cluster_view.h"

namespace carillon {

inline NodeId SampleNode(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return NodeId(uuid);
}

// Three members n1, n2, n3 and 8 partitions: p is at n1, n2, n3, beginning with p % 3.
inline ClusterState SampleState() {
  ClusterState state = FirstState(SampleNode(99).value(), {.node = SampleNode(1)}, 3);
  state.members.clear();
  for (std::uint8_t i = 1; i <= 3; ++i) {
    state.members.push_back({.node = SampleNode(i),
                             .name = "n" + std::to_string(i),
                             .address = "127.0.0.1:" + std::to_string(7000 + i),
                             .rack = "r" + std::to_string(i)});
  }
  for (std::uint16_t p = 0; p < 8; ++p) {
    state.placement[p] = {.homes = {static_cast<std::uint16_t>(p % 3),
                                    static_cast<std::uint16_t>((p + 1) % 3),
                                    static_cast<std::uint16_t>((p + 2) % 3)}};
  }
  return state;
}

inline ClusterView ViewOfState(ClusterState state) {
  ClusterView view;
  for (const Member& member : state.members) {
    view.health.push_back({.node = member.node});
    view.voters.push_back(member.node);
  }
  view.viewer = state.members.front().node;
  view.state = std::make_shared<const ClusterState>(std::move(state));
  return view;
}

}  // namespace carillon
