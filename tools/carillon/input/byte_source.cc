#include "tools/carillon/input/byte_source.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carillon {
namespace {

constexpr std::string_view kGzipSuffix = ".gz";
constexpr std::string_view kZstdSuffix = ".zst";

class DescriptorSource final : public ByteSource {
 public:
  explicit DescriptorSource(int descriptor) : descriptor_(descriptor) {}
  ~DescriptorSource() override { ::close(descriptor_); }

  StatusOr<std::size_t> Read(char* to, std::size_t size) override {
    while (true) {
      const ssize_t got = ::read(descriptor_, to, size);
      if (got >= 0) {
        position_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) return Unavailable("read at byte {}: {}", position_, strerror(errno));
    }
  }
  std::uint64_t position() const override { return position_; }

 private:
  const int descriptor_;
  std::uint64_t position_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> ReadDescriptor(int descriptor) {
  return std::make_unique<DescriptorSource>(descriptor);
}

StatusOr<std::unique_ptr<ByteSource>> ReadFile(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return NotFound("{}: no such file", path);
    return Unavailable("{}: {}", path, strerror(errno));
  }
  struct stat info {};
  if (::fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    return InvalidArgument("{}: is a directory", path);
  }
  return ReadDescriptor(descriptor);
}

std::unique_ptr<ByteSource> UnpackBySuffix(const std::string& path,
                                           std::unique_ptr<ByteSource> source) {
  if (path.ends_with(kGzipSuffix)) return Gunzip(std::move(source));
  if (path.ends_with(kZstdSuffix)) return Unzstd(std::move(source));
  return source;
}

}  // namespace carillon
