#include "tools/carillon/input/reject_file.h"

#include <cerrno>
#include <cstring>

namespace carillon {

Status RejectFile::Failed() const {
  return Unavailable("reject file {}: {}", path_, std::strerror(errno));
}

Status RejectFile::Add(std::string_view source) {
  if (count_ == 0) file_.reset(std::fopen(path_.c_str(), "we"));
  if (file_ == nullptr) return Failed();
  ++count_;
  const bool written = std::fwrite(source.data(), 1, source.size(), file_.get()) == source.size() &&
                       std::fputc('\n', file_.get()) != EOF;
  return written ? OkStatus() : Failed();
}

Status RejectFile::Close() {
  if (file_ == nullptr) return OkStatus();
  return std::fclose(file_.release()) == 0 ? OkStatus() : Failed();
}

std::string DefaultRejectPath(std::string_view input) {
  if (input == "-") return "stdin.rejects";
  const std::size_t slash = input.rfind('/');
  if (slash != std::string_view::npos) input.remove_prefix(slash + 1);
  return std::string(input) + ".rejects";
}

}  // namespace carillon
