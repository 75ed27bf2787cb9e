#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/check.h"
#include "storage/file_system.h"

namespace carillon {
namespace {

Status ErrnoStatus(std::string_view what, std::string_view path, int error) {
  const std::string text =
      fmt::format("{} {}: {}", what, path, std::generic_category().message(error));
  switch (error) {
    case ENOENT:
      return MakeStatus(StatusCode::kNotFound, text);
    case EEXIST:
      return MakeStatus(StatusCode::kAlreadyExists, text);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return MakeStatus(StatusCode::kResourceExhausted, text);
    case EACCES:
    case EPERM:
      return MakeStatus(StatusCode::kPermissionDenied, text);
    default:
      return MakeStatus(StatusCode::kUnavailable, text);
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) (void)::close(fd_);  // best effort: whoever cares calls Close
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Status WriteAt(std::uint64_t offset, std::span<const ByteSpan> pieces) override {
    std::array<iovec, 1024> vectors;
    std::size_t next = 0;
    while (next < pieces.size()) {
      const std::size_t count = std::min(pieces.size() - next, vectors.size());
      for (std::size_t i = 0; i < count; ++i) {
        const ByteSpan piece = pieces[next + i];
        vectors[i] = {const_cast<char*>(piece.data()), piece.size()};
      }
      RETURN_IF_ERROR(WriteVectors(std::span(vectors.data(), count), &offset));
      next += count;
    }
    return OkStatus();
  }

  Status Sync() override {
    if (::fdatasync(fd_.get()) != 0) return ErrnoStatus("fdatasync", path_, errno);
    return OkStatus();
  }

  Status Allocate(std::uint64_t size) override {
    int result = 0;
    do {
      result = ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size));
    } while (result != 0 && errno == EINTR);
    if (result == 0) return OkStatus();
    if (errno != EOPNOTSUPP) return ErrnoStatus("fallocate", path_, errno);
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      return ErrnoStatus("ftruncate", path_, errno);
    }
    return OkStatus();
  }

  Status Truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      return ErrnoStatus("ftruncate", path_, errno);
    }
    return OkStatus();
  }

  Status PunchHole(std::uint64_t offset, std::uint64_t size) override {
    constexpr std::uint64_t kBlock = 4096;
    const std::uint64_t first = (offset + kBlock - 1) / kBlock * kBlock;
    const std::uint64_t limit = (offset + size) / kBlock * kBlock;
    if (first >= limit) return OkStatus();
    if (::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(first), static_cast<off_t>(limit - first)) != 0) {
      return ErrnoStatus("punch hole in", path_, errno);
    }
    return OkStatus();
  }

  Status Close() override {
    if (::close(fd_.Release()) != 0) return ErrnoStatus("close", path_, errno);
    return OkStatus();
  }

 private:
  // Writes all of `vectors` at `*offset` and moves it on; goes on after short writes.
  Status WriteVectors(std::span<iovec> vectors, std::uint64_t* offset) {
    while (!vectors.empty()) {
      const ssize_t written = ::pwritev(fd_.get(), vectors.data(), static_cast<int>(vectors.size()),
                                        static_cast<off_t>(*offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoStatus("write", path_, errno);
      *offset += static_cast<std::uint64_t>(written);
      auto left = static_cast<std::size_t>(written);
      while (!vectors.empty() && left >= vectors.front().iov_len) {
        left -= vectors.front().iov_len;
        vectors = vectors.subspan(1);
      }
      if (vectors.empty()) break;
      vectors.front().iov_base = static_cast<char*>(vectors.front().iov_base) + left;
      vectors.front().iov_len -= left;
      if (written == 0) return Unavailable("write {}: nothing was taken", path_);
    }
    return OkStatus();
  }

  Descriptor fd_;
  const std::string path_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  StatusOr<std::size_t> ReadAt(std::uint64_t offset, std::size_t size, char* out) const override {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t read =
          ::pread(fd_.get(), out + got, size - got, static_cast<off_t>(offset + got));
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) return ErrnoStatus("read", path_, errno);
      if (read == 0) break;
      got += static_cast<std::size_t>(read);
    }
    return got;
  }

  bool ReadAtOnce(std::uint64_t offset, std::size_t size, char* out) const override {
    const iovec into{.iov_base = out, .iov_len = size};
    return ::preadv2(fd_.get(), &into, 1, static_cast<off_t>(offset), RWF_NOWAIT) ==
           static_cast<ssize_t>(size);
  }

  StatusOr<std::uint64_t> Size() const override {
    struct stat status;
    if (::fstat(fd_.get(), &status) != 0) return ErrnoStatus("stat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  void DropCache() const override {
    (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED);  // advice: nothing depends on it
  }

 private:
  Descriptor fd_;
  const std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}

 private:
  Descriptor fd_;  // closing it ends the lock
};

StatusOr<int> Open(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus("open", path, errno);
  return fd;
}

class PosixFileSystem final : public FileSystem {
 public:
  StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_WRONLY | O_CREAT | O_EXCL));
    return std::make_unique<PosixWritableFile>(fd, path);
  }

  StatusOr<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_WRONLY));
    return std::make_unique<PosixWritableFile>(fd, path);
  }

  StatusOr<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDONLY));
    return std::make_unique<PosixReadableFile>(fd, path);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus("rename", from, errno);
    return OkStatus();
  }

  Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return ErrnoStatus("remove", path, errno);
    return OkStatus();
  }

  Status MakeDirectory(const std::string& path) override {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
      const std::string part = path.substr(0, slash);
      if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
        return ErrnoStatus("mkdir", part, errno);
      }
      if (slash == std::string::npos) return OkStatus();
    }
  }

  Status SyncDirectory(const std::string& path) override {
    ASSIGN_OR_RETURN(const int opened, Open(path, O_RDONLY | O_DIRECTORY));
    const Descriptor fd(opened);
    if (::fsync(fd.get()) != 0) return ErrnoStatus("fsync", path, errno);
    return OkStatus();
  }

  StatusOr<std::vector<std::string>> List(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return ErrnoStatus("list", path, errno);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    (void)::closedir(directory);  // read only: nothing to lose
    std::sort(names.begin(), names.end());
    return names;
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  StatusOr<DiskSpace> Space(const std::string& path) override {
    struct statvfs status;
    if (::statvfs(path.c_str(), &status) != 0) return ErrnoStatus("statvfs", path, errno);
    return DiskSpace{.total_bytes = status.f_blocks * status.f_frsize,
                     .free_bytes = status.f_bavail * status.f_frsize};
  }

  StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, Open(path, O_RDWR | O_CREAT));
    auto lock = std::make_unique<PosixFileLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return ErrnoStatus("lock", path, errno);
    return FailedPrecondition("{} is held by another process", path);
  }
};

}  // namespace

FileSystem* MachineFileSystem() {
  static PosixFileSystem files;
  return &files;
}

}  // namespace carillon
