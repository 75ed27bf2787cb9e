// Packets from anybody, as the cluster's own after they were opened: refused, or decoded to what
// encodes to the same bytes again; and the machine takes any of them, in any order.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "ring/gossip_codec.h"
#include "ring/swim.h"

namespace carillon {
namespace {

// In the corpus: the cluster is nil, the members are 1..4, and we are 1.
NodeId Node(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return NodeId(uuid);
}

void Try(std::string_view bytes) {
  const auto message = DecodeGossip(Uuid{}, bytes);
  if (!message.ok()) return;
  CHECK(GossipBytes(*message) <= kMaxGossipMessageBytes);
  const Bytes encoded = EncodeGossip(Uuid{}, *message);
  const auto again = DecodeGossip(Uuid{}, encoded);
  CHECK(again.ok());
  CHECK(*again == *message);

  Random random(1);
  Swim swim(Node(1), {.counter = 1, .id = 1}, SwimOptions{}, &random);
  Instant now{std::chrono::hours(1)};
  std::vector<SwimMember> members;
  for (std::uint8_t i = 1; i <= 4; ++i) members.push_back({.node = Node(i), .address = "h:1"});
  swim.SetMembers(now, members);
  SwimEffects effects;
  swim.Start(now, &effects);
  for (int i = 0; i < 8; ++i) {
    swim.HandlePacket(now, *message, &effects);
    CHECK(swim.Deadline().has_value());
    now = std::max(now, *swim.Deadline());
    swim.Tick(now, &effects);
  }
  for (const SwimEffect& effect : effects) {
    const auto* packet = std::get_if<SendPacket>(&effect);
    if (packet != nullptr) EncodeGossip(Uuid{}, packet->message);
  }
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  carillon::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
