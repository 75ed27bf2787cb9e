#include "tools/carillon/verbs/load_input.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/carillon/output/output.h"

namespace carillon {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

StatusOr<int> OpenSpool() {
  const char* directory = std::getenv("TMPDIR");
  if (directory == nullptr || *directory == '\0') directory = "/tmp";
  const int spool = ::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (spool < 0) {
    return Unavailable("no temporary file for standard input in {}: {}", directory,
                       std::strerror(errno));
  }
  return spool;
}

Status CopyStandardInput(int spool) {
  const std::unique_ptr<ByteSource> source = ReadDescriptor(::dup(0));
  Output out(spool);
  std::vector<char> block(kBlockBytes);
  while (true) {
    ASSIGN_OR_RETURN(const std::size_t got, source->Read(block.data(), block.size()));
    if (got == 0) return out.Flush();
    RETURN_IF_ERROR(out.Write({block.data(), got}));
  }
}

}  // namespace

StatusOr<LoadInput> LoadInput::Prepare(const std::string& path, bool twice) {
  if (path != "-" || !twice) return LoadInput(path, -1);
  ASSIGN_OR_RETURN(const int spool, OpenSpool());
  LoadInput input(path, spool);
  RETURN_IF_ERROR(CopyStandardInput(spool));
  return input;
}

LoadInput::LoadInput(std::string path, int spool) : path_(std::move(path)), spool_(spool) {
  struct stat info {};
  if (path_ != "-" && ::stat(path_.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    size_bytes_ = static_cast<std::uint64_t>(info.st_size);
  }
}

LoadInput::LoadInput(LoadInput&& other) noexcept
    : path_(std::move(other.path_)),
      spool_(std::exchange(other.spool_, -1)),
      size_bytes_(other.size_bytes_) {}

LoadInput::~LoadInput() {
  if (spool_ >= 0) ::close(spool_);
}

StatusOr<std::unique_ptr<ByteSource>> LoadInput::Open() const {
  if (path_ == "-") {
    const int descriptor = ::dup(spool_ >= 0 ? spool_ : 0);
    if (descriptor < 0) return Unavailable("standard input: {}", std::strerror(errno));
    if (spool_ >= 0) (void)::lseek(descriptor, 0, SEEK_SET);  // a plain file: cannot fail
    return ReadDescriptor(descriptor);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> file, ReadFile(path_));
  return UnpackBySuffix(path_, std::move(file));
}

}  // namespace carillon
