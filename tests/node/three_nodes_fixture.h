#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/node/node.h"

namespace carillon {

// The first node of a cluster of three: the test is its store, its disk, and the other two.
class ThreeNodesFixture : public testing::Test {
 protected:
  static constexpr std::uint64_t kNow = 1'700'000'000;
  static constexpr BootId kBoot{.counter = 5, .id = 55};

  static NodeId NodeOf(std::uint8_t number) {
    Uuid uuid;
    uuid.bytes[0] = number;
    return NodeId(uuid);
  }
  static ClusterState State() {
    ClusterState state = FirstState(NodeOf(9).value(), MemberOf(1), 3);
    for (const std::uint8_t number : {2, 3}) state.members.push_back(MemberOf(number));
    for (std::uint16_t p = 0; p < 8; ++p) state.placement[p].homes = {0, 1, 2};
    return state;
  }
  static Member MemberOf(std::uint8_t number) {
    return {.node = NodeOf(number),
            .name = fmt::format("n{}", number),
            .address = fmt::format("h:{}", number)};
  }

  void Start(SavedRing saved, std::vector<HeardSeal> seals = {}) {
    effects_.clear();
    node_ = std::make_unique<Node>(NodeOptions{.self = NodeOf(1), .boot = kBoot}, std::move(saved),
                                   std::move(seals), time_);
    Step(StartInput{});
  }
  void Start(std::vector<HeardSeal> seals = {}) {
    Start({.state = Share(State()), .acceptor = {}, .lives = {54, 55}}, std::move(seals));
  }

  void Step(Input input) { node_->Step(time_, std::move(input), &effects_); }
  // Lets time pass; wakes the node whenever it wants to be.
  void Pass(Duration by) {
    const Instant end = time_.now + by;
    for (auto due = node_->Deadline(); due && *due <= end; due = node_->Deadline()) {
      GoTo(std::max(*due, time_.now + std::chrono::milliseconds(1)));
      Step(TickInput{});
    }
    GoTo(end);
  }
  void GoTo(Instant now) {
    if (now <= time_.now) return;
    time_.wall += std::chrono::duration_cast<WallTime::duration>(now - time_.now);
    time_.now = now;
  }

  // The effects of kind T so far, taken out.
  template <typename T>
  std::vector<T> Take() {
    std::vector<T> taken;
    Effects kept;
    for (Effect& effect : effects_) {
      if (T* one = std::get_if<T>(&effect)) {
        taken.push_back(std::move(*one));
      } else {
        kept.push_back(std::move(effect));
      }
    }
    effects_ = std::move(kept);
    return taken;
  }
  // What other nodes are asked, of kind T, taken out.
  template <typename T>
  std::vector<AskPeer> TakeAsked() {
    std::vector<AskPeer> asked = Take<AskPeer>();
    std::erase_if(asked,
                  [](const AskPeer& one) { return !std::holds_alternative<T>(one.message); });
    return asked;
  }
  void Reply(const AskPeer& asked, PeerValue value) {
    Step(PeerReplied{.operation = asked.operation,
                     .reply = {.version = node_->state().version, .value = std::move(value)}});
  }
  void ReplyWith(const AskPeer& asked, Status status) {
    Step(PeerReplied{.operation = asked.operation,
                     .reply = {.status = std::move(status), .version = {}}});
  }
  // Ends every save there is; what was saved last of a dispute.
  std::optional<Dispute> EndSaves() {
    std::optional<Dispute> dispute;
    for (auto left = Take<SaveRing>(); !left.empty(); left = Take<SaveRing>()) {
      for (const SaveRing& save : left) {
        if (const auto* one = std::get_if<Dispute>(&save.what)) dispute = *one;
        Step(SavedDone{.operation = save.operation, .status = OkStatus()});
      }
    }
    return dispute;
  }
  // Node `number` says what is agreed on.
  void HearState(const SharedState& state, std::uint8_t number = 2) {
    Step(PeerRequest{
        .request = RequestId(900),
        .sender = SenderOf(number),
        .message = RegisterMessage(StateNotice{.header = HeaderAfter(state), .state = state})});
    EndSaves();
  }
  PeerSender SenderOf(std::uint8_t number, const BootId& boot = {}) const {
    return {.cluster = node_->state().cluster,
            .node = NodeOf(number),
            .generation = node_->state().generation,
            .version = node_->state().version,
            .boot = boot};
  }

  NodeTime time_{.now = Instant(std::chrono::seconds(5)),
                 .wall = WallTime(std::chrono::seconds(kNow))};
  std::unique_ptr<Node> node_;
  Effects effects_;
};

}  // namespace carillon
