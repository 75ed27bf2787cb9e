#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/random.h"

namespace carillon {

// Which words between nodes arrive, and when: loss, repetition, long delays, splits, ways cut in
// one direction only, ways on which only small words pass. Nodes are numbers.
class ClusterNetwork {
 public:
  static constexpr std::size_t kMaxNodes = 16;

  // `is_bad`: what may happen to single words does. `is_slow`: they are only late, a little.
  ClusterNetwork(bool is_bad, bool is_slow, Random* random);

  // After how many microseconds a word arrives; nullopt: never.
  std::optional<std::uint64_t> Delay(std::size_t from, std::size_t to, bool is_large);
  bool Repeats() { return random_->Below(100) < repeat_percent_; }
  bool IsGood() const { return is_good_; }

  void Split();  // in two halves that hear nothing of each other
  void Isolate(std::size_t node);
  void CutOneWay(std::size_t node);  // it hears nothing of some, or they nothing of it
  void DropLarge(std::size_t node);  // from it or to it
  void Heal();                       // every way is open
  void StopFaults();                 // from now on everything arrives soon

 private:
  using Ways = std::array<std::array<bool, kMaxNodes>, kMaxNodes>;  // [from][to]

  Random* const random_;
  std::uint64_t loss_percent_ = 0;
  std::uint64_t repeat_percent_ = 0;
  std::uint64_t late_percent_ = 0;
  bool is_slow_ = false;
  bool is_good_ = true;
  Ways cut_{};
  Ways gray_{};
};

}  // namespace carillon
