#include "ring/address_probe.h"

namespace carillon {

std::optional<GossipMessage> AddressProbe::Tick(Instant now) {
  if (is_over(now) || now < ask_at_) return std::nullopt;
  ask_at_ = now + kAskEvery;
  GossipMessage question;
  question.kind = GossipKind::kPing;
  question.to = self_;
  question.sequence = nonce_;
  return question;
}

void AddressProbe::Handle(const GossipMessage& message) {
  if (message.kind != GossipKind::kAck || message.to != NodeId()) return;
  if (message.from == self_ && message.sequence == nonce_) is_answered_ = true;
}

std::optional<GossipMessage> AnswerToProbe(const GossipMessage& message, const NodeId& self,
                                           const BootId& boot) {
  if (message.kind != GossipKind::kPing || message.from != NodeId() || message.to != self) {
    return std::nullopt;
  }
  GossipMessage answer;
  answer.kind = GossipKind::kAck;
  answer.from = self;
  answer.boot = boot;
  answer.sequence = message.sequence;
  return answer;
}

}  // namespace carillon
