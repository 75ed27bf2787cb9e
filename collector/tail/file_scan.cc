#include "collector/tail/file_scan.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "base/checksum.h"

namespace carillon {
namespace {

constexpr std::int64_t kNanos = 1'000'000'000;

std::int64_t NanosOf(const struct statx_timestamp& time) {
  return time.tv_sec * kNanos + time.tv_nsec;
}

bool IsPacked(std::string_view path) {
  constexpr std::string_view kSuffixes[] = {".gz", ".bz2", ".xz", ".zst", ".zip"};
  return std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                     [path](std::string_view suffix) { return path.ends_with(suffix); });
}

struct Found {
  FileIdentity identity;
  std::uint64_t size = 0;
};

// False: no regular file.
bool LookAt(int directory, const char* path, int flags, Found* found) {
  struct statx is {};
  constexpr unsigned kWanted = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_BTIME;
  if (::statx(directory, path, flags, kWanted, &is) != 0 || !S_ISREG(is.stx_mode)) return false;
  found->identity = {
      .device = std::uint64_t{is.stx_dev_major} << 32 | is.stx_dev_minor,
      .inode = is.stx_ino,
      .born_ns = (is.stx_mask & STATX_BTIME) != 0 ? NanosOf(is.stx_btime) : 0,
  };
  found->size = is.stx_size;
  return true;
}

// Head and end, of the file that is there when it is read. False: it has gone.
bool ReadEnds(SeenFile* seen) {
  Found found;
  const int descriptor = ::open(seen->path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool is_file = LookAt(descriptor, "", AT_EMPTY_PATH, &found);
  if (is_file) {
    seen->identity = found.identity;
    seen->size = found.size;
    const auto read = [descriptor](std::uint64_t offset, std::size_t size) {
      std::string bytes(size, '\0');
      const ssize_t got = ::pread(descriptor, bytes.data(), size, static_cast<off_t>(offset));
      bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      return bytes;
    };
    seen->head = read(0, std::min<std::uint64_t>(found.size, kTailHeadBytes));
    const std::size_t end = std::min<std::uint64_t>(found.size, kTailBeforeBytes);
    seen->end = read(found.size - end, end);
  }
  ::close(descriptor);
  return is_file;
}

void AddSeen(SeenFile seen, const TailFiles& files, std::vector<SeenFile>* all) {
  Found found;
  if (!LookAt(AT_FDCWD, seen.path.c_str(), 0, &found)) return;
  seen.identity = found.identity;
  seen.size = found.size;
  if (!files.IsOpen(seen.identity) && !ReadEnds(&seen)) return;
  all->push_back(std::move(seen));
}

}  // namespace

std::vector<SeenFile> ScanPatterns(const std::vector<TailPattern>& patterns,
                                   const TailFiles& files) {
  std::vector<SeenFile> all;
  for (const TailPattern& pattern : patterns) {
    glob_t matches{};
    if (::glob(pattern.paths.c_str(), GLOB_BRACE, nullptr, &matches) == 0) {
      const std::size_t count = std::min<std::size_t>(matches.gl_pathc, kMaxPathsOfPattern);
      for (std::size_t i = 0; i < count; ++i) {
        if (IsPacked(matches.gl_pathv[i])) continue;
        AddSeen({.path = matches.gl_pathv[i], .tail = pattern.tail}, files, &all);
      }
    }
    ::globfree(&matches);
  }
  return all;
}

std::vector<SeenFile> ScanSiblings(const TailFiles& files) {
  std::set<std::string> looked;
  std::vector<SeenFile> all;
  for (const TailFile* missed : files.Missed()) {
    if (!looked.insert(missed->path).second) continue;
    const std::filesystem::path path(missed->path);
    const std::string begin = path.filename();
    std::error_code error;
    std::filesystem::directory_iterator entry(path.parent_path(), error);
    std::size_t count = 0;
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
      if (++count > kMaxPathsOfPattern) break;
      const std::string name = entry->path().filename();
      if (!name.starts_with(begin) || IsPacked(name)) continue;
      AddSeen({.path = entry->path(), .sibling = true}, files, &all);
    }
  }
  return all;
}

std::optional<std::uint32_t> CrcBeforeOf(const SeenFile& seen, std::uint64_t offset) {
  const auto file = OpenFile::Open(seen.path, seen.identity);
  if (!file.ok()) return std::nullopt;
  const std::size_t before = BytesBefore(offset);
  std::string bytes;
  const Status read = file->Read(offset - before, before, &bytes);
  if (!read.ok() || bytes.size() < before) return std::nullopt;
  return Crc32c(bytes);
}

StatusOr<OpenFile> OpenFile::Open(const std::string& path, const FileIdentity& identity) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return NotFound("{}: {}", path, std::strerror(errno));
  OpenFile file(descriptor);
  Found found;
  if (!LookAt(descriptor, "", AT_EMPTY_PATH, &found) || found.identity != identity) {
    return NotFound("{}: another file by now", path);
  }
  return file;
}

OpenFile::OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

StatusOr<OpenFile::Size> OpenFile::Look() const {
  struct stat is {};
  if (::fstat(descriptor_, &is) != 0) return Unavailable("fstat: {}", std::strerror(errno));
  return Size{.bytes = static_cast<std::uint64_t>(is.st_size),
              .changed_ns = is.st_mtim.tv_sec * kNanos + is.st_mtim.tv_nsec};
}

Status OpenFile::Read(std::uint64_t offset, std::size_t size, std::string* out) const {
  out->resize(size);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t read =
        ::pread(descriptor_, out->data() + got, size - got, static_cast<off_t>(offset + got));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return Unavailable("pread: {}", std::strerror(errno));
    if (read == 0) break;
    got += static_cast<std::size_t>(read);
  }
  out->resize(got);
  return OkStatus();
}

}  // namespace carillon
