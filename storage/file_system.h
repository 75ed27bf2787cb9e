#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// The seam between storage and disks. Two implementations: the machine's own (posix_file_system.h)
// and the simulated one of the tests, which forgets, tears, flips, and fails.
//
// What is guaranteed after a crash: bytes written before a Sync of their file that returned OK;
// names created, renamed, or removed before a SyncDirectory of their directory that returned OK.
// Of the rest anything may be there, in any order, in part.
//
// Errors: NOT_FOUND (no such file), ALREADY_EXISTS, RESOURCE_EXHAUSTED (no space), UNAVAILABLE
// (the disk failed: EIO, read-only). Paths are absolute, parts joined with '/'.
namespace carillon {

// A file being written. Threads: one caller at a time.
class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes; errors of closing are lost, use Close

  // Writes `pieces`, one after the other, at `offset`. After an error any part of the range may
  // have been written. Cost: one pwritev for up to 1,024 pieces.
  virtual Status WriteAt(std::uint64_t offset, std::span<const ByteSpan> pieces) = 0;
  // Makes written bytes and the file's size survive a crash. After an error the state of unsynced
  // bytes is unknown and a second Sync proves nothing: the caller must stop.
  virtual Status Sync() = 0;
  // Reserves the disk space of [0, size) and makes the file at least `size` long, new bytes zero.
  // RESOURCE_EXHAUSTED: no space; the file is as before.
  virtual Status Allocate(std::uint64_t size) = 0;
  virtual Status Truncate(std::uint64_t size) = 0;
  // Gives the whole 4 KiB blocks inside [offset, offset + size) back to the disk; they read as
  // zeros. The size of the file stays.
  virtual Status PunchHole(std::uint64_t offset, std::uint64_t size) = 0;
  virtual Status Close() = 0;
};

// Threads: any, at once.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;

  // Reads `size` bytes at `offset` into `out`; fewer only at the end of the file.
  // Returns how many.
  virtual StatusOr<std::size_t> ReadAt(std::uint64_t offset, std::size_t size, char* out) const = 0;
  // The same, if all of it is in memory: false, with `out` as it may be, when a disk would have to
  // be waited for, and when it is not known, or fails.
  virtual bool ReadAtOnce(std::uint64_t /*offset*/, std::size_t /*size*/, char* /*out*/) const {
    return false;
  }
  virtual StatusOr<std::uint64_t> Size() const = 0;
  // Asks that the next reads come from the disk, not from memory. Best effort.
  virtual void DropCache() const = 0;
};

// Held until destroyed, or until the process ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DiskSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // for us, without what is reserved for root
};

// Threads: any, at once; but one writer a file.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // ALREADY_EXISTS: there is one of this name.
  virtual StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  virtual StatusOr<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path) = 0;
  virtual StatusOr<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) = 0;
  // Replaces `to` if it is there.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // With its parents; OK when it is there already. Parents are not synced.
  virtual Status MakeDirectory(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  // Names of files and directories in `path`, sorted, without "." and "..".
  virtual StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual StatusOr<DiskSpace> Space(const std::string& path) = 0;
  // Makes the file if need be. FAILED_PRECONDITION: somebody else holds it.
  virtual StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// Whole small files, in terms of the above.
//
// RESOURCE_EXHAUSTED: larger than `limit`.
StatusOr<Bytes> ReadWholeFile(FileSystem* files, const std::string& path, std::size_t limit);
// Writes `directory`/`name` so that a crash leaves the old bytes or the new: temporary file, sync,
// rename, sync of the directory.
Status ReplaceFile(FileSystem* files, const std::string& directory, const std::string& name,
                   ByteSpan bytes);

// The machine's own. Lives for ever.
FileSystem* MachineFileSystem();

}  // namespace carillon
