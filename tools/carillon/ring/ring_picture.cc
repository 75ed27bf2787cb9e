#include "tools/carillon/ring/ring_picture.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace carillon {
namespace {

constexpr std::string_view kMarks = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr int kColors[] = {32, 34, 33, 35, 36, 31, 92, 94, 93, 95, 96, 91};
constexpr int kRadius = 8;          // in lines
constexpr double kThickness = 3.0;  // of the circle, in lines
constexpr std::size_t kBandCells = 64;

// The partition at a place of the circle; nullopt: none is drawn there. A character is half as wide
// as a line is high. The middle is between two lines, so that no partition falls between them.
std::optional<std::size_t> CellAt(int column, int line, std::size_t cells) {
  const double x = static_cast<double>(column - 2 * kRadius) / 2;
  const double y = static_cast<double>(line - kRadius) + 0.5;
  const double radius = std::hypot(x, y);
  if (radius > kRadius + 0.4 || radius < kRadius + 0.4 - kThickness) return std::nullopt;
  double turn = std::atan2(x, -y) / (2 * std::numbers::pi);
  if (turn < 0) turn += 1;
  return std::min(static_cast<std::size_t>(turn * static_cast<double>(cells)), cells - 1);
}

std::string Circle(const std::vector<RingCell>& cells, const std::vector<std::string>& middle,
                   bool color) {
  std::string out;
  const int first = kRadius - static_cast<int>(middle.size()) / 2;
  for (int line = 0; line < 2 * kRadius; ++line) {
    std::string text;
    std::size_t blank = 0;
    const std::size_t index = static_cast<std::size_t>(line - first);
    const bool has_text = line >= first && index < middle.size();
    const int text_size = has_text ? static_cast<int>(middle[index].size()) : 0;
    const int text_at = 2 * kRadius - (text_size - 1) / 2;
    for (int column = 0; column <= 4 * kRadius; ++column) {
      const auto cell = CellAt(column, line, cells.size());
      std::string mark;
      if (cell) {
        mark = PaintedMark(cells[*cell].member, cells[*cell].is_moving, color);
      } else if (column >= text_at && column < text_at + text_size) {
        mark = middle[index].substr(static_cast<std::size_t>(column - text_at), 1);
      }
      if (mark.empty()) {
        ++blank;
        continue;
      }
      text.append(std::exchange(blank, 0), ' ').append(mark);
    }
    out += text + "\n";
  }
  return out;
}

std::string Band(const std::vector<RingCell>& cells, bool color) {
  std::string out;
  for (std::size_t at = 0; at < cells.size(); at += kBandCells) {
    out += fmt::format("{:4}  ", at);
    for (std::size_t i = at; i < std::min(at + kBandCells, cells.size()); ++i) {
      out += PaintedMark(cells[i].member, cells[i].is_moving, color);
    }
    out += '\n';
  }
  return out;
}

}  // namespace

char MarkOf(std::size_t member) {
  return member < kMarks.size() ? kMarks[member] : '#';
}

std::string PaintedMark(std::size_t member, bool is_moving, bool color) {
  const char mark = MarkOf(member);
  const std::string text(
      1, is_moving ? static_cast<char>(std::tolower(static_cast<unsigned char>(mark))) : mark);
  if (!color) return text;
  return fmt::format("\033[{}m{}\033[0m", kColors[member % std::size(kColors)], text);
}

std::string DrawRing(const std::vector<RingCell>& cells, const std::vector<std::string>& middle,
                     bool color) {
  CHECK(cells.size() >= 8);
  if (cells.size() > kMaxCircleCells) return Band(cells, color);
  return Circle(cells, middle, color);
}

}  // namespace carillon
