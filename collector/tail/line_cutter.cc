#include "collector/tail/line_cutter.h"

#include <algorithm>

namespace carillon {
namespace {

std::size_t LeadingNuls(std::string_view line) {
  return std::min(line.find_first_not_of('\0'), line.size());
}

}  // namespace

CutResult CutLines(std::string_view bytes, std::uint64_t offset, bool in_cut_line,
                   const CutOptions& options) {
  CutResult result{.end = offset, .in_cut_line = in_cut_line};
  while (!bytes.empty() && result.lines.size() < options.max_lines) {
    const std::size_t newline = bytes.find('\n');
    const bool ends = newline != std::string_view::npos;
    const std::size_t size = ends ? newline : bytes.size();
    std::size_t taken = ends ? size + 1 : size;
    if (result.in_cut_line) {
      result.in_cut_line = !ends;
    } else {
      const std::size_t nuls = LeadingNuls(bytes.substr(0, size));
      std::string_view text = bytes.substr(nuls, size - nuls);
      const bool waits = !ends && !options.last && !text.empty();
      if (text.ends_with('\r')) text.remove_suffix(1);
      const bool cut = text.size() > options.max_line_bytes;
      if (waits && !cut) break;
      if (cut) {
        // Where it ends does not depend on how much of the rest is there.
        text = text.substr(0, options.max_line_bytes);
        taken = nuls + text.size();
        result.in_cut_line = true;
      }
      if (!text.empty()) {
        result.lines.push_back({.text = text, .end = result.end + taken, .cut = cut});
      }
    }
    bytes.remove_prefix(taken);
    result.end += taken;
  }
  return result;
}

}  // namespace carillon
