#include "tools/carillon/output/progress.h"

#include <algorithm>

#include <fmt/format.h>

#include "tools/carillon/output/units.h"

namespace carillon {
namespace {

constexpr std::size_t kBarWidth = 24;
constexpr auto kDrawInterval = std::chrono::milliseconds(100);

std::string Bar(double done) {
  const auto filled = static_cast<std::size_t>(done * kBarWidth);
  std::string bar(filled, '=');
  if (filled < kBarWidth) bar += '>';
  bar.resize(kBarWidth, ' ');
  return fmt::format("[{}] {:3.0f}%  ", bar, done * 100);
}

}  // namespace

std::string FormatProgress(const LoadProgress& progress) {
  std::string line;
  if (progress.total > 0) {
    line = Bar(std::min(
        1.0, static_cast<double>(progress.position) / static_cast<double>(progress.total)));
  }
  line += fmt::format("{} events  {}/s  {}", FormatCount(progress.counts.events),
                      FormatCount(PerSecond(progress.counts.events, progress.seconds)),
                      FormatBytes(progress.counts.bytes));
  if (progress.counts.bad > 0) line += fmt::format("  {} bad", FormatCount(progress.counts.bad));
  return line;
}

bool DrawPacer::IsDue(Instant now) {
  if (last_.has_value() && now - *last_ < kDrawInterval) return false;
  last_ = now;
  return true;
}

}  // namespace carillon
