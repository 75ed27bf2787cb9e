#include "collector/peer_turn.h"

#include <algorithm>

namespace carillon {

std::size_t PeerTurn::Next(Instant now) {
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    const std::size_t peer = next_;
    next_ = (next_ + 1) % peers_.size();
    Peer& one = peers_[peer];
    if (one.rests_until > now) continue;
    // One that rested is tried once; until it has answered nobody else goes there.
    if (one.rest > Duration(0)) {
      one.rests_until = now + one.rest;
      one.tried = true;
    }
    return peer;
  }
  const auto first =
      std::min_element(peers_.begin(), peers_.end(),
                       [](const Peer& a, const Peer& b) { return a.rests_until < b.rests_until; });
  return static_cast<std::size_t>(first - peers_.begin());
}

void PeerTurn::HandleAnswer(std::size_t peer) {
  peers_[peer] = {};
}

void PeerTurn::HandleFailure(std::size_t peer, Instant now) {
  Peer& one = peers_[peer];
  // Calls that were under way when it failed say nothing new.
  if (one.rests_until > now && !one.tried) return;
  one.tried = false;
  one.rest = std::clamp<Duration>(one.rest * 2, kFirstRest, kMaxRest);
  one.rests_until = now + one.rest;
}

}  // namespace carillon
