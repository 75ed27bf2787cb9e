#include "tests/sim/register/register_network.h"

namespace carillon {

RegisterNetwork::RegisterNetwork(Random* random)
    : random_(random),
      loss_percent_(random->OneIn(3) ? 0 : random->Below(25)),
      repeat_percent_(random->OneIn(3) ? 0 : random->Below(20)),
      late_percent_(random->OneIn(3) ? 0 : random->Below(20)) {}

std::optional<std::uint64_t> RegisterNetwork::Delay(std::size_t from, std::size_t to) {
  if (cut_[from][to] || random_->Below(100) < loss_percent_) return std::nullopt;
  if (random_->Below(100) < late_percent_)
    return random_->Below(random_->OneIn(4) ? 1'500'000 : 80'000);
  return 200 + random_->Below(8'000);
}

void RegisterNetwork::Split() {
  const std::uint64_t sides = random_->Next();
  for (std::size_t from = 0; from < kMaxNodes; ++from) {
    for (std::size_t to = 0; to < kMaxNodes; ++to) {
      cut_[from][to] = ((sides >> from) & 1) != ((sides >> to) & 1);
    }
  }
}

void RegisterNetwork::CutOneWay() {
  const std::size_t node = random_->Below(kMaxNodes);
  const bool hears = random_->OneIn(2);
  const std::uint64_t others = random_->Next();
  for (std::size_t other = 0; other < kMaxNodes; ++other) {
    if (other == node || ((others >> other) & 1) == 0) continue;
    (hears ? cut_[node][other] : cut_[other][node]) = true;
  }
}

void RegisterNetwork::Heal() {
  cut_ = {};
}

void RegisterNetwork::StopFaults() {
  Heal();
  loss_percent_ = 0;
  repeat_percent_ = 0;
  late_percent_ = 0;
}

}  // namespace carillon
