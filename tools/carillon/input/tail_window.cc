#include "tools/carillon/input/tail_window.h"

#include <algorithm>

#include "base/chunk_key.h"
#include "base/hash.h"

namespace carillon {

std::vector<ChunkInfo> TailWindow::TakeNew(const Second& second) {
  std::vector<ChunkInfo> fresh;
  if (second.epoch < first_) return fresh;
  std::set<std::uint64_t>& seen = seen_[second.epoch];
  for (const ChunkInfo& chunk : second.chunks) {
    if (!seen.insert(Hash64(ToString(chunk.key))).second) continue;
    ++remembered_;
    fresh.push_back(chunk);
  }
  while (remembered_ > limits_.max_remembered && seen_.size() > 1) {
    ForgetBefore(Epoch{seen_.begin()->first.value() + 1});
  }
  return fresh;
}

void TailWindow::Advance(Epoch now) {
  if (now.value() > limits_.look_back_seconds) {
    ForgetBefore(Epoch{now.value() - limits_.look_back_seconds});
  }
}

void TailWindow::ForgetBefore(Epoch epoch) {
  first_ = std::max(first_, epoch);
  while (!seen_.empty() && seen_.begin()->first < first_) {
    remembered_ -= seen_.begin()->second.size();
    seen_.erase(seen_.begin());
  }
}

}  // namespace carillon
