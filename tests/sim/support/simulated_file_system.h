#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "storage/file_system.h"
#include "tests/sim/support/simulated_names.h"

namespace carillon {

enum class DiskCall : std::uint8_t {
  kCreate,
  kOpenWritable,
  kOpenReadable,
  kRead,
  kWrite,
  kSync,
  kAllocate,
  kTruncate,
  kPunchHole,
  kClose,
  kRename,
  kRemove,
  kMakeDirectory,
  kSyncDirectory,
  kList,
  kLock,
  kOther,  // of whoever shares the machine: see CountOperation
};
inline constexpr std::size_t kDiskCalls = 17;
std::string_view ToString(DiskCall call);

// A machine's disks in memory: they forget what was not synced, tear writes, flip bits, fill up,
// fail, and stop at any operation. The same calls and seeds give the same bytes.
//
// An *operation* is a call that may change a disk (reads, lists, and opening for reading are none).
// A crash ends every handle and lock: their calls are UNAVAILABLE from then on and change nothing.
//
// Threads: any, at once; what it does is repeatable when the calls come in one order.
class SimulatedFileSystem final : public FileSystem {
 public:
  StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  StatusOr<std::unique_ptr<WritableFile>> OpenWritable(const std::string& path) override;
  StatusOr<std::unique_ptr<ReadableFile>> OpenReadable(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status MakeDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  StatusOr<std::vector<std::string>> List(const std::string& path) override;
  bool Exists(const std::string& path) override;
  StatusOr<DiskSpace> Space(const std::string& path) override;
  StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

  // Operations so far, and calls of one kind so far.
  std::uint64_t operations() const;
  std::uint64_t calls(DiskCall call) const;
  // The machine dies after `operation` operations in all: every later call of any kind is
  // UNAVAILABLE and changes nothing, until Crash. Crash lifts it.
  void StopAfter(std::uint64_t operation);
  bool stopped() const;
  // For a part of the machine that has a disk of its own making (an index): one operation.
  // UNAVAILABLE when stopped, or the error injected for `call`.
  Status CountOperation(DiskCall call = DiskCall::kOther);

  // The machine restarts: unsynced bytes and names are left in the given manner.
  void Crash(CrashManner manner, Random* random);
  // Told of every crash, in the order of telling; for parts with disks of their own.
  void OnCrash(std::function<void(CrashManner, Random*)> listener);

  // The `nth` call of this kind from now on (1: the next), and `count` - 1 after it, return `code`.
  // A write that fails has written the first half of its bytes. A sync that fails has lost all
  // unsynced bytes of its file, though readers see them until the cache is dropped.
  void FailCalls(DiskCall call, std::uint64_t nth, StatusCode code = StatusCode::kUnavailable,
                 std::uint64_t count = 1);
  // Reads that touch [offset, limit) of `path` are UNAVAILABLE.
  void FailReads(const std::string& path, std::uint64_t offset, std::uint64_t limit);
  void ClearFaults();

  // Directories below `mount` are a disk of their own with so much space. Without any: 1 TiB.
  void SetCapacity(const std::string& mount, std::uint64_t total_bytes);

  // Damage, at once on the disk and in the cache. Require: there is such a file, and such a byte.
  void FlipBit(const std::string& path, std::uint64_t bit);
  void Overwrite(const std::string& path, std::uint64_t offset, ByteSpan bytes);
  void TruncateTo(const std::string& path, std::uint64_t size);
  // Removed at once and for good, with everything below it.
  void Lose(const std::string& path);

  // Looking, without being a call. Bytes: as a reader sees them.
  Bytes Content(const std::string& path) const;
  std::vector<std::string> Files() const;
  std::uint64_t AllocatedBytes(const std::string& path) const;

 private:
  friend class SimulatedWritableFile;
  friend class SimulatedReadableFile;
  friend class SimulatedFileLock;
  struct Fault {
    DiskCall call;
    std::uint64_t first;  // counted as calls_ counts
    std::uint64_t limit;
    StatusCode code;
  };
  struct BadRange {
    std::string path;
    std::uint64_t offset;
    std::uint64_t limit;
  };
  // What a handle holds on to.
  struct Handle {
    std::string path;
    std::shared_ptr<SimulatedBytes> file;
    std::uint64_t boot;
  };

  bool IsStopped() const { return stop_after_ && operations_ > *stop_after_; }
  // Counts the call; an error when stopped or injected. With mutex_ held, as all below.
  Status Begin(DiskCall call, const std::string& path);
  Status BeginFor(DiskCall call, const Handle& handle);
  StatusOr<Handle> Open(DiskCall call, const std::string& path);
  Status Write(const Handle& handle, std::uint64_t offset, std::span<const ByteSpan> pieces);
  Status Sync(const Handle& handle);
  Status Allocate(const Handle& handle, std::uint64_t size);
  Status Truncate(const Handle& handle, std::uint64_t size);
  Status Punch(const Handle& handle, std::uint64_t offset, std::uint64_t size);
  StatusOr<std::size_t> Read(const Handle& handle, std::uint64_t offset, std::size_t size,
                             char* out);
  Status NeedSpace(const Handle& handle, std::uint64_t offset, std::uint64_t limit) const;
  DiskSpace SpaceOf(const std::string& path) const;
  std::string MountOf(const std::string& path) const;
  SimulatedBytes* Need(const std::string& path) const;

  mutable std::mutex mutex_;
  SimulatedNames names_;
  std::uint64_t boot_ = 1;
  std::uint64_t operations_ = 0;
  std::optional<std::uint64_t> stop_after_;
  std::array<std::uint64_t, kDiskCalls> calls_{};
  std::vector<Fault> faults_;
  std::vector<BadRange> bad_ranges_;
  std::map<std::string, std::uint64_t> capacities_;  // by mount
  std::set<std::string> locked_;
  std::vector<std::function<void(CrashManner, Random*)>> crash_listeners_;
};

}  // namespace carillon
