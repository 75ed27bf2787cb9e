#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

bool IsOperation(DiskCall call) {
  switch (call) {
    case DiskCall::kOpenReadable:
    case DiskCall::kOpenWritable:
    case DiskCall::kRead:
    case DiskCall::kList:
    case DiskCall::kClose:
      return false;
    case DiskCall::kCreate:
    case DiskCall::kWrite:
    case DiskCall::kSync:
    case DiskCall::kAllocate:
    case DiskCall::kTruncate:
    case DiskCall::kPunchHole:
    case DiskCall::kRename:
    case DiskCall::kRemove:
    case DiskCall::kMakeDirectory:
    case DiskCall::kSyncDirectory:
    case DiskCall::kLock:
    case DiskCall::kOther:
      return true;
  }
  return true;
}

std::vector<ByteSpan> FirstHalf(std::span<const ByteSpan> pieces) {
  std::size_t left = 0;
  for (const ByteSpan piece : pieces) left += piece.size();
  left /= 2;
  std::vector<ByteSpan> half;
  for (const ByteSpan piece : pieces) {
    half.push_back(piece.substr(0, left));
    left -= half.back().size();
  }
  return half;
}

}  // namespace

std::string_view ToString(DiskCall call) {
  static constexpr std::array<std::string_view, kDiskCalls> kNames = {"create",
                                                                      "open for writing",
                                                                      "open for reading",
                                                                      "read",
                                                                      "write",
                                                                      "sync",
                                                                      "allocate",
                                                                      "truncate",
                                                                      "punch",
                                                                      "close",
                                                                      "rename",
                                                                      "remove",
                                                                      "make directory",
                                                                      "sync directory",
                                                                      "list",
                                                                      "lock",
                                                                      "other"};
  return kNames[static_cast<std::size_t>(call)];
}

class SimulatedWritableFile final : public WritableFile {
 public:
  SimulatedWritableFile(SimulatedFileSystem* disk, SimulatedFileSystem::Handle handle)
      : disk_(disk), handle_(std::move(handle)) {}

  Status WriteAt(std::uint64_t offset, std::span<const ByteSpan> pieces) override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->Write(handle_, offset, pieces);
  }
  Status Sync() override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->Sync(handle_);
  }
  Status Allocate(std::uint64_t size) override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->Allocate(handle_, size);
  }
  Status Truncate(std::uint64_t size) override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->Truncate(handle_, size);
  }
  Status PunchHole(std::uint64_t offset, std::uint64_t size) override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->Punch(handle_, offset, size);
  }
  Status Close() override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->BeginFor(DiskCall::kClose, handle_);
  }

 private:
  SimulatedFileSystem* disk_;
  const SimulatedFileSystem::Handle handle_;
};

class SimulatedReadableFile final : public ReadableFile {
 public:
  SimulatedReadableFile(SimulatedFileSystem* disk, SimulatedFileSystem::Handle handle)
      : disk_(disk), handle_(std::move(handle)) {}

  StatusOr<std::size_t> ReadAt(std::uint64_t offset, std::size_t size, char* out) const override {
    const std::lock_guard lock(disk_->mutex_);
    return disk_->Read(handle_, offset, size, out);
  }
  StatusOr<std::uint64_t> Size() const override {
    const std::lock_guard lock(disk_->mutex_);
    RETURN_IF_ERROR(disk_->BeginFor(DiskCall::kOpenReadable, handle_));
    return handle_.file->size();
  }
  void DropCache() const override {
    const std::lock_guard lock(disk_->mutex_);
    if (handle_.boot == disk_->boot_) handle_.file->DropCache();
  }

 private:
  SimulatedFileSystem* disk_;
  const SimulatedFileSystem::Handle handle_;
};

class SimulatedFileLock final : public FileLock {
 public:
  SimulatedFileLock(SimulatedFileSystem* disk, std::string path, std::uint64_t boot)
      : disk_(disk), path_(std::move(path)), boot_(boot) {}
  ~SimulatedFileLock() override {
    const std::lock_guard lock(disk_->mutex_);
    if (boot_ == disk_->boot_) disk_->locked_.erase(path_);
  }

 private:
  SimulatedFileSystem* disk_;
  const std::string path_;
  const std::uint64_t boot_;
};

Status SimulatedFileSystem::Begin(DiskCall call, const std::string& path) {
  const bool operation = IsOperation(call);
  if (stop_after_ && (operations_ > *stop_after_ || (operation && operations_ == *stop_after_))) {
    operations_ = *stop_after_ + 1;
    return Unavailable("{} {}: the machine has stopped", ToString(call), path);
  }
  if (operation) ++operations_;
  const std::uint64_t number = calls_[static_cast<std::size_t>(call)]++;
  for (const Fault& fault : faults_) {
    if (fault.call == call && number >= fault.first && number < fault.limit) {
      return MakeStatus(fault.code, fmt::format("{} {}: injected", ToString(call), path));
    }
  }
  return OkStatus();
}

Status SimulatedFileSystem::BeginFor(DiskCall call, const Handle& handle) {
  if (handle.boot != boot_) {
    return Unavailable("{} {}: opened before the crash", ToString(call), handle.path);
  }
  return Begin(call, handle.path);
}

StatusOr<std::unique_ptr<WritableFile>> SimulatedFileSystem::Create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kCreate, path));
  if (names_.Find(path) != nullptr) return AlreadyExists("create {}: there is one", path);
  if (!names_.IsDirectory(ParentOf(path))) return NotFound("create {}: no such directory", path);
  auto file = std::make_shared<SimulatedBytes>();
  names_.Add(path, {file});
  return std::make_unique<SimulatedWritableFile>(this, Handle{path, std::move(file), boot_});
}

StatusOr<SimulatedFileSystem::Handle> SimulatedFileSystem::Open(DiskCall call,
                                                                const std::string& path) {
  RETURN_IF_ERROR(Begin(call, path));
  const SimulatedEntry* entry = names_.Find(path);
  if (entry == nullptr) return NotFound("open {}: no such file", path);
  if (entry->file == nullptr) return Unavailable("open {}: a directory", path);
  return Handle{path, entry->file, boot_};
}

StatusOr<std::unique_ptr<WritableFile>> SimulatedFileSystem::OpenWritable(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Handle handle, Open(DiskCall::kOpenWritable, path));
  return std::make_unique<SimulatedWritableFile>(this, std::move(handle));
}

StatusOr<std::unique_ptr<ReadableFile>> SimulatedFileSystem::OpenReadable(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Handle handle, Open(DiskCall::kOpenReadable, path));
  return std::make_unique<SimulatedReadableFile>(this, std::move(handle));
}

Status SimulatedFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kRename, from));
  const SimulatedEntry* entry = names_.Find(from);
  if (entry == nullptr) return NotFound("rename {}: no such file", from);
  if (entry->file == nullptr) return Unavailable("rename {}: a directory", from);
  if (!names_.IsDirectory(ParentOf(to))) return NotFound("rename to {}: no such directory", to);
  if (names_.IsDirectory(to)) return Unavailable("rename to {}: a directory", to);
  if (from != to) names_.Rename(from, to);
  return OkStatus();
}

Status SimulatedFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kRemove, path));
  if (names_.Find(path) == nullptr) return NotFound("remove {}: no such file", path);
  if (names_.IsDirectory(path) && !names_.IsEmpty(path)) {
    return Unavailable("remove {}: not empty", path);
  }
  names_.Remove(path);
  return OkStatus();
}

Status SimulatedFileSystem::MakeDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kMakeDirectory, path));
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    const SimulatedEntry* entry = names_.Find(part);
    if (entry != nullptr && entry->file != nullptr) {
      return Unavailable("mkdir {}: {} is a file", path, part);
    }
    if (entry == nullptr) names_.Add(part, {});
    if (slash == std::string::npos) return OkStatus();
  }
}

Status SimulatedFileSystem::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kSyncDirectory, path));
  if (!names_.IsDirectory(path)) return NotFound("sync {}: no such directory", path);
  names_.SyncDirectory(path);
  return OkStatus();
}

StatusOr<std::vector<std::string>> SimulatedFileSystem::List(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kList, path));
  if (!names_.IsDirectory(path)) return NotFound("list {}: no such directory", path);
  return names_.List(path);
}

bool SimulatedFileSystem::Exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return !IsStopped() && names_.Find(path) != nullptr;
}

StatusOr<DiskSpace> SimulatedFileSystem::Space(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (IsStopped()) return Unavailable("statvfs {}: the machine has stopped", path);
  if (names_.Find(path) == nullptr) return NotFound("statvfs {}: no such file", path);
  return SpaceOf(path);
}

StatusOr<std::unique_ptr<FileLock>> SimulatedFileSystem::Lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Begin(DiskCall::kLock, path));
  if (!names_.IsDirectory(ParentOf(path))) return NotFound("lock {}: no such directory", path);
  if (names_.Find(path) == nullptr) names_.Add(path, {std::make_shared<SimulatedBytes>()});
  if (!locked_.insert(path).second) {
    return FailedPrecondition("{} is held by another process", path);
  }
  return std::make_unique<SimulatedFileLock>(this, path, boot_);
}

Status SimulatedFileSystem::Write(const Handle& handle, std::uint64_t offset,
                                  std::span<const ByteSpan> pieces) {
  Status status = BeginFor(DiskCall::kWrite, handle);
  if (handle.boot != boot_ || IsStopped()) return status;
  std::uint64_t limit = offset;
  for (const ByteSpan piece : pieces) limit += piece.size();
  if (status.ok()) status = NeedSpace(handle, offset, limit);
  const std::vector<ByteSpan> taken =
      status.ok() ? std::vector<ByteSpan>(pieces.begin(), pieces.end()) : FirstHalf(pieces);
  Bytes bytes;
  for (const ByteSpan piece : taken) bytes.append(piece);
  if (status.ok() || NeedSpace(handle, offset, offset + bytes.size()).ok()) {
    handle.file->Write(offset, bytes);
  }
  return status;
}

Status SimulatedFileSystem::Sync(const Handle& handle) {
  const Status status = BeginFor(DiskCall::kSync, handle);
  if (handle.boot != boot_ || IsStopped()) return status;
  status.ok() ? handle.file->Sync() : handle.file->LoseUnsynced();
  return status;
}

Status SimulatedFileSystem::Allocate(const Handle& handle, std::uint64_t size) {
  RETURN_IF_ERROR(BeginFor(DiskCall::kAllocate, handle));
  RETURN_IF_ERROR(NeedSpace(handle, 0, size));
  handle.file->Reserve(0, size);
  if (size > handle.file->size()) handle.file->Resize(size);
  return OkStatus();
}

Status SimulatedFileSystem::Truncate(const Handle& handle, std::uint64_t size) {
  RETURN_IF_ERROR(BeginFor(DiskCall::kTruncate, handle));
  handle.file->Resize(size);
  return OkStatus();
}

Status SimulatedFileSystem::Punch(const Handle& handle, std::uint64_t offset, std::uint64_t size) {
  RETURN_IF_ERROR(BeginFor(DiskCall::kPunchHole, handle));
  handle.file->Punch(offset, offset + size);
  return OkStatus();
}

StatusOr<std::size_t> SimulatedFileSystem::Read(const Handle& handle, std::uint64_t offset,
                                                std::size_t size, char* out) {
  RETURN_IF_ERROR(BeginFor(DiskCall::kRead, handle));
  for (const BadRange& bad : bad_ranges_) {
    if (bad.path == handle.path && offset < bad.limit && offset + size > bad.offset) {
      return Unavailable("read {} at {}: bad sector", handle.path, offset);
    }
  }
  const ByteSpan bytes = handle.file->cached();
  if (offset >= bytes.size()) return 0;
  return bytes.substr(offset, size).copy(out, size);
}

std::uint64_t SimulatedFileSystem::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

std::uint64_t SimulatedFileSystem::calls(DiskCall call) const {
  const std::lock_guard lock(mutex_);
  return calls_[static_cast<std::size_t>(call)];
}

void SimulatedFileSystem::StopAfter(std::uint64_t operation) {
  const std::lock_guard lock(mutex_);
  stop_after_ = operation;
}

bool SimulatedFileSystem::stopped() const {
  const std::lock_guard lock(mutex_);
  return IsStopped();
}

Status SimulatedFileSystem::CountOperation(DiskCall call) {
  const std::lock_guard lock(mutex_);
  return Begin(call, "index");
}

void SimulatedFileSystem::Crash(CrashManner manner, Random* random) {
  const std::lock_guard lock(mutex_);
  names_.Crash(manner, random);
  locked_.clear();
  ++boot_;
  if (IsStopped()) operations_ = *stop_after_;
  stop_after_.reset();
  for (const auto& listener : crash_listeners_) listener(manner, random);
}

void SimulatedFileSystem::OnCrash(std::function<void(CrashManner, Random*)> listener) {
  const std::lock_guard lock(mutex_);
  crash_listeners_.push_back(std::move(listener));
}

}  // namespace carillon
