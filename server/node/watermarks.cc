#include "server/node/watermarks.h"

#include <algorithm>

namespace carillon {

void Watermarks::Hear(const HeardSeal& heard) {
  Writers& writers = writers_[{heard.bucket, heard.dc}];
  Writer& writer = writers[heard.seal.writer];
  writer.sealed = std::max(writer.sealed, heard.seal.epoch);
  writer.heard_at = std::max(writer.heard_at, heard.heard_at);
  if (writers.size() <= kMaxWriters) return;
  writers.erase(std::min_element(writers.begin(), writers.end(), [](const auto& a, const auto& b) {
    return a.second.heard_at < b.second.heard_at;
  }));
}

std::optional<Epoch> Watermarks::Least(const Writers& writers, std::uint64_t now_seconds) {
  std::optional<Epoch> least_live;
  std::optional<Epoch> greatest;
  for (const auto& [number, writer] : writers) {
    greatest = std::max(greatest.value_or(writer.sealed), writer.sealed);
    if (writer.heard_at + kWriterLifeSeconds < now_seconds) continue;
    least_live = std::min(least_live.value_or(writer.sealed), writer.sealed);
  }
  return least_live ? least_live : greatest;
}

std::optional<Epoch> Watermarks::Of(const std::string& bucket, const std::string& dc,
                                    std::uint64_t now_seconds) const {
  const auto found = writers_.find({bucket, dc});
  return found == writers_.end() ? std::nullopt : Least(found->second, now_seconds);
}

std::vector<std::pair<std::string, Epoch>> Watermarks::OfBucket(const std::string& bucket,
                                                                std::uint64_t now_seconds) const {
  std::vector<std::pair<std::string, Epoch>> marks;
  for (auto it = writers_.lower_bound({bucket, ""});
       it != writers_.end() && it->first.first == bucket; ++it) {
    if (const auto mark = Least(it->second, now_seconds))
      marks.emplace_back(it->first.second, *mark);
  }
  return marks;
}

std::vector<HeardSeal> Watermarks::SealsOf(const std::string& bucket) const {
  std::vector<HeardSeal> seals;
  for (auto it = writers_.lower_bound({bucket, ""});
       it != writers_.end() && it->first.first == bucket; ++it) {
    for (const auto& [number, writer] : it->second) {
      seals.push_back({.bucket = bucket,
                       .dc = it->first.second,
                       .seal = {.writer = number, .epoch = writer.sealed},
                       .heard_at = writer.heard_at});
    }
  }
  return seals;
}

bool Watermarks::IsComplete(const std::string& bucket, const std::string& dc, Epoch epoch,
                            std::uint64_t now_seconds) const {
  const std::optional<Epoch> mark = Of(bucket, dc, now_seconds);
  return mark && epoch <= *mark;
}

}  // namespace carillon
