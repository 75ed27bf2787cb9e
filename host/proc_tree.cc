#include "host/proc_tree.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace carillon {
namespace {

constexpr std::size_t kBlockBytes = 16 << 10;
constexpr std::string_view kSpace = " \t\n";

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

StatusOr<std::string> ProcTree::Read(std::string_view path) const {
  const std::string full = fmt::format("{}/{}", root_, path);
  const int descriptor = ::open(full.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Unavailable("{}: {}", full, std::strerror(errno));
  std::string text;
  int failed = 0;
  while (text.size() < kMaxProcFileBytes) {
    const std::size_t size = text.size();
    text.resize(size + kBlockBytes);
    const ssize_t got = ::read(descriptor, text.data() + size, kBlockBytes);
    failed = got < 0 ? errno : 0;
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0 || (failed != 0 && failed != EINTR)) break;
  }
  ::close(descriptor);
  if (failed != 0) return Unavailable("{}: {}", full, std::strerror(failed));
  return text;
}

StatusOr<std::vector<std::uint32_t>> ProcTree::Processes() const {
  std::vector<std::uint32_t> found;
  std::error_code error;
  std::filesystem::directory_iterator entry(root_, error);
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (IsNumber(name)) found.push_back(static_cast<std::uint32_t>(ToNumber(name)));
    if (found.size() == kMaxProcesses) break;
  }
  if (error) return Unavailable("{}: {}", root_, error.message());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::vector<std::string_view> SplitWords(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = text.find_first_not_of(kSpace);
  while (at != std::string_view::npos) {
    const std::size_t end = text.find_first_of(kSpace, at);
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

std::uint64_t ToNumber(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() ? value : 0;
}

double ToDecimal(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() ? value : 0;
}

}  // namespace carillon
