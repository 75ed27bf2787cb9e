#include "tools/carillon/output/output.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace carillon {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;

}  // namespace

Status Output::Write(std::string_view bytes) {
  RETURN_IF_ERROR(failure_);
  if (buffer_.size() + bytes.size() >= kBufferBytes) RETURN_IF_ERROR(Flush());
  if (bytes.size() >= kBufferBytes) return WriteAll(bytes);
  buffer_.append(bytes);
  return OkStatus();
}

Status Output::Flush() {
  RETURN_IF_ERROR(failure_);
  const Status status = WriteAll(buffer_);
  buffer_.clear();
  return status;
}

Status Output::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      closed_ = true;
      return failure_ = Cancelled("nobody reads the output any more");
    } else if (errno != EINTR) {
      return failure_ = Unavailable("cannot write the output: {}", std::strerror(errno));
    }
  }
  return OkStatus();
}

}  // namespace carillon
