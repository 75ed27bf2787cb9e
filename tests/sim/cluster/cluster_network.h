#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.h"
#include "tests/sim/cluster/cluster_settings.h"

namespace carillon {

// Which words between nodes arrive, and when: loss, repetition, long delays, splits, ways cut in
// one direction only, ways on which only small words pass. Nodes are numbers.
class ClusterNetwork {
 public:
  ClusterNetwork(const ClusterSettings& settings, Random* random);

  // After how many microseconds a word arrives; nullopt: never.
  std::optional<std::uint64_t> Delay(std::size_t from, std::size_t to, bool is_large);
  // By how much word of a new ring is later than other words, now.
  // Those that are no homes may be much later: nobody waits for them.
  std::uint64_t DelayOfNews(std::size_t to, bool is_home, std::uint64_t now);
  // Until then no word of a new ring reaches `node`.
  void HoldNews(std::size_t node, std::uint64_t until) { news_held_until_[node] = until; }
  bool Repeats() { return random_->Below(100) < repeat_percent_; }
  bool IsGood() const { return is_good_; }
  bool IsCutOff(std::size_t node) const { return cut_off_[node]; }

  void Split();  // in two halves that hear nothing of each other
  void Isolate(std::size_t node);
  void CutOff(std::size_t node);  // as Isolate, and clients know
  void CutBetween(std::size_t node, std::size_t other);
  void CutOneWay(std::size_t node);  // it hears nothing of some, or they nothing of it
  void DropLarge(std::size_t node);  // from it or to it
  void Heal();                       // every way is open
  void StopFaults();                 // from now on everything arrives soon

 private:
  using Ways = std::vector<std::vector<bool>>;    // [from][to]
  static constexpr std::size_t kLeastNodes = 16;  // there is room for so many that join

  Ways NoWays() const { return Ways(nodes_, std::vector<bool>(nodes_)); }

  Random* const random_;
  const std::size_t nodes_;
  std::uint64_t loss_percent_ = 0;
  std::uint64_t repeat_percent_ = 0;
  std::uint64_t late_percent_ = 0;
  std::uint64_t late_ms_ = 0;
  std::uint64_t late_news_ms_ = 0;
  std::uint64_t laggards_ = 0;  // a bit each
  std::uint64_t laggards_until_ = 0;
  std::vector<std::uint64_t> news_held_until_;
  bool is_good_ = true;
  Ways cut_;
  std::vector<bool> cut_off_;
  Ways gray_;
};

}  // namespace carillon
