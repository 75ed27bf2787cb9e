#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/ids.h"
#include "ring/boot_id.h"
#include "ring/gossip_message.h"

// Whether a node still runs at the address that the ring knows, asked by a process that was started
// as that node at another one: then one of the two data directories is a copy. Pure.
//
// The question is a kPing of nobody (the nil node): members take no notice of strangers, so that it
// says nothing of the asker, and a process of an older version does not answer.
namespace carillon {

class AddressProbe {
 public:
  static constexpr Duration kAskEvery = std::chrono::milliseconds(250);
  static constexpr Duration kWaitAtMost = std::chrono::milliseconds(1'500);

  // `nonce`: by chance; an answer must have it.
  AddressProbe(const NodeId& self, std::uint32_t nonce, Instant now)
      : self_(self), nonce_(nonce), ask_at_(now), ends_at_(now + kWaitAtMost) {}

  // The question, whenever it is due: at once, and every kAskEvery.
  std::optional<GossipMessage> Tick(Instant now);
  // When Tick is due next.
  Instant Deadline() const { return ask_at_ < ends_at_ ? ask_at_ : ends_at_; }
  void Handle(const GossipMessage& message);

  // Another process has answered as this node.
  bool is_answered() const { return is_answered_; }
  bool is_over(Instant now) const { return is_answered_ || now >= ends_at_; }

 private:
  const NodeId self_;
  const std::uint32_t nonce_;
  Instant ask_at_;
  const Instant ends_at_;
  bool is_answered_ = false;
};

// What `self`, in its life `boot`, answers to an AddressProbe's question for it; nullopt: this is
// none.
std::optional<GossipMessage> AnswerToProbe(const GossipMessage& message, const NodeId& self,
                                           const BootId& boot);

}  // namespace carillon
