#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace carillon {

// Counting of one write: `homes` were asked, `wanted` acknowledgements make it durable. Pure.
class Quorum {
 public:
  // With fewer homes than acknowledgements wanted (a small cluster), all homes must acknowledge.
  Quorum(std::uint32_t wanted, std::uint32_t homes)
      : homes_(homes), wanted_(std::min(wanted, homes)) {}

  void CountAck() { ++acks_; }
  void CountFailure() { ++failures_; }

  bool IsMet() const { return acks_ >= wanted_; }
  // So many failed that it can no longer be met.
  bool IsLost() const { return homes_ - failures_ < wanted_; }
  std::uint32_t acks() const { return acks_; }

 private:
  std::uint32_t homes_;
  std::uint32_t wanted_;
  std::uint32_t acks_ = 0;
  std::uint32_t failures_ = 0;
};

}  // namespace carillon
