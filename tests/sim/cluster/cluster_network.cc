#include "tests/sim/cluster/cluster_network.h"

#include <algorithm>

#include "tests/sim/cluster/event_queue.h"

namespace carillon {

ClusterNetwork::ClusterNetwork(const ClusterSettings& settings, Random* random)
    : random_(random),
      nodes_(std::max(kLeastNodes, settings.nodes_most)),
      late_ms_(settings.late_ms),
      late_news_ms_(settings.late_news_ms) {
  Heal();
  news_held_until_.resize(nodes_);
  if (!settings.cuts) return;
  loss_percent_ = random->OneIn(3) ? random->Below(12) : 0;
  repeat_percent_ = random->OneIn(2) ? random->Below(15) : 0;
  late_percent_ = random->OneIn(2) ? random->Below(15) : 0;
}

std::optional<std::uint64_t> ClusterNetwork::Delay(std::size_t from, std::size_t to,
                                                   bool is_large) {
  if (cut_[from][to] || (is_large && gray_[from][to])) return std::nullopt;
  if (random_->Below(100) < loss_percent_) return std::nullopt;
  if (random_->Below(100) < late_percent_) {
    return random_->Below(random_->OneIn(4) ? 4 * kSecond : 200 * kMillisecond);
  }
  if (late_ms_ != 0 && random_->OneIn(2)) return random_->Below(late_ms_ * kMillisecond);
  return 100 + random_->Below(2 * kMillisecond);
}

std::uint64_t ClusterNetwork::DelayOfNews(std::size_t to, bool is_home, std::uint64_t now) {
  if (now < news_held_until_[to]) {
    return news_held_until_[to] - now + random_->Below(2 * kMillisecond);
  }
  if (late_news_ms_ == 0) return 0;
  if (now >= laggards_until_) {
    laggards_ = random_->Next() & random_->Next();
    laggards_until_ = now + kSecond;
  }
  if (!is_home) return random_->Below(10 * late_news_ms_ * kMillisecond);
  if (((laggards_ >> to) & 1) == 0) return 0;
  return (late_news_ms_ / 2 + random_->Below(late_news_ms_ / 2)) * kMillisecond;
}

void ClusterNetwork::Split() {
  const std::uint64_t sides = random_->Next();
  for (std::size_t from = 0; from < nodes_; ++from) {
    for (std::size_t to = 0; to < nodes_; ++to) {
      cut_[from][to] = ((sides >> from) & 1) != ((sides >> to) & 1);
    }
  }
  is_good_ = false;
}

void ClusterNetwork::Isolate(std::size_t node) {
  for (std::size_t other = 0; other < nodes_; ++other) {
    cut_[node][other] = cut_[other][node] = other != node;
  }
  is_good_ = false;
}

void ClusterNetwork::CutOff(std::size_t node) {
  Isolate(node);
  cut_off_[node] = true;
}

void ClusterNetwork::CutBetween(std::size_t node, std::size_t other) {
  cut_[node][other] = cut_[other][node] = true;
  is_good_ = false;
}

void ClusterNetwork::CutOneWay(std::size_t node) {
  const bool hears = random_->OneIn(2);
  const std::uint64_t others = random_->Next();
  for (std::size_t other = 0; other < nodes_; ++other) {
    if (other == node || ((others >> other) & 1) == 0) continue;
    (hears ? cut_[node][other] : cut_[other][node]) = true;
  }
  is_good_ = false;
}

void ClusterNetwork::DropLarge(std::size_t node) {
  const bool sends = random_->OneIn(2);
  for (std::size_t other = 0; other < nodes_; ++other) {
    if (other != node) (sends ? gray_[node][other] : gray_[other][node]) = true;
  }
  is_good_ = false;
}

void ClusterNetwork::Heal() {
  cut_ = NoWays();
  cut_off_.assign(nodes_, false);
  gray_ = NoWays();
  is_good_ = true;
}

void ClusterNetwork::StopFaults() {
  Heal();
  loss_percent_ = 0;
  repeat_percent_ = 0;
  late_percent_ = 0;
  late_ms_ = 0;
  late_news_ms_ = 0;
  news_held_until_.assign(nodes_, 0);
}

}  // namespace carillon
