#pragma once

#include <cstdint>
#include <string>
#include <vector>

// The ring as text: a cell a partition, lettered (and coloured) by the member that is its primary.
// Pure.
namespace carillon {

struct RingCell {
  std::size_t member = 0;  // of the primary
  bool is_moving = false;  // shown as a small letter
};

// 'A' to 'Z', then '0' to '9', then '#'.
char MarkOf(std::size_t member);
// The mark in the member's colour; twelve colours, in turn.
std::string PaintedMark(std::size_t member, bool is_moving, bool color);

// Up to kMaxCircleCells partitions: a circle, clockwise from the top, with the `middle` lines (at
// most three short ones) inside; every partition has at least one cell. More: rows of 64. Lines end
// with '\n'. Requires: at least 8 cells.
inline constexpr std::size_t kMaxCircleCells = 64;
std::string DrawRing(const std::vector<RingCell>& cells, const std::vector<std::string>& middle,
                     bool color);

}  // namespace carillon
