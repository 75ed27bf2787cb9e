#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace carillon {

// Files of /proc, or of a copy of it. Threads: any.
class ProcTree {
 public:
  explicit ProcTree(std::string root) : root_(std::move(root)) {}

  // The whole of root/`path`, cut at kMaxProcFileBytes. UNAVAILABLE: cannot be read.
  StatusOr<std::string> Read(std::string_view path) const;
  // In ascending order, at most kMaxProcesses. UNAVAILABLE: the root cannot be listed.
  StatusOr<std::vector<std::uint32_t>> Processes() const;

 private:
  const std::string root_;
};

inline constexpr std::size_t kMaxProcFileBytes = 4 << 20;
inline constexpr std::size_t kMaxProcesses = 65'536;

std::vector<std::string_view> SplitLines(std::string_view text);
// At white space, of any length.
std::vector<std::string_view> SplitWords(std::string_view text);
// 0 for what is no number.
std::uint64_t ToNumber(std::string_view text);
double ToDecimal(std::string_view text);

// Growth of a counter since the last sample; 0 after a wrap or a restart.
inline std::uint64_t Growth(std::uint64_t now, std::uint64_t before) {
  return now > before ? now - before : 0;
}

}  // namespace carillon
