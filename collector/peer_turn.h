#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.h"

namespace carillon {

// Whose turn it is, of several peers any of which will do: one after the other, but for those that
// did not answer lately. Such a one is left out for a while that doubles, and then tried once more;
// when all are, the one whose while ends first is taken.
//
// Pure. One caller at a time.
class PeerTurn {
 public:
  static constexpr Duration kFirstRest = std::chrono::milliseconds(250);
  static constexpr Duration kMaxRest = std::chrono::seconds(15);

  explicit PeerTurn(std::size_t peers) : peers_(peers) {}  // > 0

  std::size_t Next(Instant now);
  // It answered, whatever it said.
  void HandleAnswer(std::size_t peer);
  // It did not, or that it takes nothing now. Of several calls at once the first counts.
  void HandleFailure(std::size_t peer, Instant now);

 private:
  struct Peer {
    Instant rests_until{};
    Duration rest{0};    // the last one; 0: it answered since
    bool tried = false;  // once more, and its answer is waited for
  };
  std::vector<Peer> peers_;
  std::size_t next_ = 0;
};

}  // namespace carillon
