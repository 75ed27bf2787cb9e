#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ring/swim.h"

namespace carillon {

// Member `self` of a cluster of five: the test is the network and the four others.
class SwimTest : public testing::Test {
 protected:
  static constexpr BootId kBoot{.counter = 5, .id = 55};
  static constexpr BootId kPeerBoot{.counter = 3, .id = 33};

  static NodeId Node(std::uint8_t number) {
    Uuid uuid;
    uuid.bytes[15] = number;
    return NodeId(uuid);
  }
  static std::string AddressOf(std::uint8_t number) { return fmt::format("h:{}", number); }

  SwimTest() {
    std::vector<SwimMember> members;
    for (std::uint8_t i = 1; i <= 5; ++i) {
      members.push_back({.node = Node(i), .address = AddressOf(i), .life = {}});
    }
    swim_.SetMembers(now_, members);
    swim_.Start(now_, &effects_);
    for (std::uint8_t i = 2; i <= 5; ++i) Hear(From(i, GossipKind::kGossip));
    // The first rumors are told, so that nothing but the test's own story is left.
    answers_ = true;
    Run(std::chrono::seconds(10));
    answers_ = false;
    effects_.clear();
  }

  GossipMessage From(std::uint8_t number, GossipKind kind, std::uint32_t sequence = 0) const {
    return {.kind = kind,
            .from = Node(number),
            .to = Node(1),
            .boot = kPeerBoot,
            .incarnation = 0,
            .state = {},
            .sequence = sequence,
            .target = {},
            .rumors = {}};
  }
  static Rumor About(std::uint8_t number, Liveness liveness, std::uint32_t incarnation = 0) {
    return {.node = Node(number),
            .liveness = liveness,
            .boot = number == 1 ? kBoot : kPeerBoot,
            .incarnation = incarnation,
            .from = {}};
  }
  static Rumor Suspected(std::uint8_t number, std::uint8_t by, std::uint32_t incarnation = 0) {
    Rumor rumor = About(number, Liveness::kSuspect, incarnation);
    rumor.from = Node(by);
    return rumor;
  }

  void Hear(const GossipMessage& message) { swim_.HandlePacket(now_, message, &effects_); }
  void HearRumor(std::uint8_t from, const Rumor& rumor) {
    GossipMessage message = From(from, GossipKind::kGossip);
    message.rumors.push_back(rumor);
    Hear(message);
  }

  // Lets time pass, tick by tick. With answers_ everybody acknowledges at once but `silent_`.
  void Run(Duration time) {
    const Instant end = now_ + time;
    while (swim_.Deadline() && *swim_.Deadline() <= end) {
      now_ = std::max(now_, *swim_.Deadline());
      const std::size_t before = effects_.size();
      swim_.Tick(now_, &effects_);
      if (answers_) Answer(before);
    }
    now_ = end;
  }
  void Answer(std::size_t first) {
    const std::vector<GossipMessage> sent = Sent(first);
    for (const GossipMessage& message : sent) {
      const std::uint8_t number = message.to.value().bytes[15];
      if (message.kind == GossipKind::kPing && number != silent_) {
        Hear(From(number, GossipKind::kAck, message.sequence));
      }
      const bool nacks = helpers_nack_ && message.kind == GossipKind::kPingRequest;
      if (nacks) Hear(From(number, GossipKind::kNack, message.sequence));
    }
  }

  std::vector<GossipMessage> Sent(std::size_t first = 0) const {
    std::vector<GossipMessage> sent;
    for (std::size_t i = first; i < effects_.size(); ++i) {
      const auto* packet = std::get_if<SendPacket>(&effects_[i]);
      if (packet != nullptr) sent.push_back(packet->message);
    }
    return sent;
  }
  std::vector<GossipMessage> Sent(GossipKind kind) const {
    std::vector<GossipMessage> sent = Sent();
    std::erase_if(sent, [&](const GossipMessage& message) { return message.kind != kind; });
    return sent;
  }
  template <typename Effect>
  std::vector<Effect> All() const {
    std::vector<Effect> found;
    for (const SwimEffect& effect : effects_) {
      if (const auto* it = std::get_if<Effect>(&effect)) found.push_back(*it);
    }
    return found;
  }
  Liveness Believed(std::uint8_t number) const {
    return swim_.table().Find(Node(number))->liveness;
  }
  bool Told(const Rumor& rumor) const {
    for (const GossipMessage& message : Sent()) {
      for (const Rumor& told : message.rumors) {
        if (told == rumor) return true;
      }
    }
    return false;
  }
  // Nobody answers until a probe of somebody has been failed.
  void FailOneProbe() {
    const std::uint64_t failed = swim_.counters().probes_failed;
    while (swim_.counters().probes_failed == failed) Run(std::chrono::milliseconds(100));
  }

  Random random_{7};
  Instant now_{std::chrono::hours(1)};
  Swim swim_{Node(1), kBoot, SwimOptions{}, &random_};
  SwimEffects effects_;
  bool answers_ = false;
  bool helpers_nack_ = false;
  std::uint8_t silent_ = 0;
};

}  // namespace carillon
