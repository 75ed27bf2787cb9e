#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/random.h"

namespace carillon {

// Which messages arrive, and when: loss, repetition, long delays, splits, ways that are cut in one
// direction only. Nodes are indexes.
class RegisterNetwork {
 public:
  static constexpr std::size_t kMaxNodes = 8;

  explicit RegisterNetwork(Random* random);

  // After how many microseconds a message arrives; nullopt: never. Ask again for a repetition.
  std::optional<std::uint64_t> Delay(std::size_t from, std::size_t to);
  bool Repeats() { return random_->Below(100) < repeat_percent_; }

  void Split();       // in two halves that hear nothing of each other
  void CutOneWay();   // a random node hears nothing of another, or of all
  void Heal();        // every way is open
  void StopFaults();  // from now on everything arrives soon

 private:
  Random* const random_;
  std::uint64_t loss_percent_;
  std::uint64_t repeat_percent_;
  std::uint64_t late_percent_;
  std::array<std::array<bool, kMaxNodes>, kMaxNodes> cut_{};  // [from][to]
};

}  // namespace carillon
