#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ring/cluster_view.h"

// What `ring transfers` and `ring commit --wait` say: bars, rates, time left. Pure.
namespace carillon {

// "[=====>    ]", `width` characters inside. Requires: 0 <= done <= 1.
std::string FormatBar(double done, std::size_t width);

// How many seconds the rest takes if it goes on as it did; nullopt: not known yet.
std::optional<double> SecondsLeft(std::uint64_t done, std::uint64_t total, double seconds);

// What one member said of its pulls, or why it said nothing.
struct MemberPulls {
  std::string name;
  std::string error;  // empty: it was asked, and answered
  std::vector<PullView> pulls;
  std::size_t waiting = 0;
  std::size_t foreign = 0;  // partitions it holds and is no home of
};

std::string TransfersText(const ClusterState& state, const std::vector<MemberPulls>& members);
std::string TransfersJson(const ClusterState& state, const std::vector<MemberPulls>& members);

// A change of the ring from its commit until nothing moves, looked at now and then.
class MoveProgress {
 public:
  // The first look: all that moves now is the whole.
  explicit MoveProgress(std::size_t moving) : total_(moving), left_(moving) {}

  // `moving` partitions wait or move, `seconds` after the first look. More than ever before: the
  // whole is that many.
  void Update(std::size_t moving, double seconds);

  // "[====>   ]  25%  10 of 40 partitions  about 1 min 20 s left"
  std::string Line() const;

 private:
  std::size_t total_;
  std::size_t left_;
  double seconds_ = 0;
};

}  // namespace carillon
