// The part of SimulatedFileSystem that tests steer: faults, space, damage, and looking.
#include <algorithm>

#include "base/check.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {
namespace {

constexpr std::uint64_t kDefaultCapacity = std::uint64_t{1} << 40;

bool IsInside(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory || path.starts_with(directory + "/");
}

}  // namespace

void SimulatedFileSystem::FailCalls(DiskCall call, std::uint64_t nth, StatusCode code,
                                    std::uint64_t count) {
  CHECK(nth >= 1);
  const std::lock_guard lock(mutex_);
  const std::uint64_t first = calls_[static_cast<std::size_t>(call)] + nth - 1;
  const std::uint64_t limit = first + std::min(count, ~std::uint64_t{0} - first);
  faults_.push_back({call, first, limit, code});
}

void SimulatedFileSystem::FailReads(const std::string& path, std::uint64_t offset,
                                    std::uint64_t limit) {
  const std::lock_guard lock(mutex_);
  bad_ranges_.push_back({path, offset, limit});
}

void SimulatedFileSystem::ClearFaults() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
  bad_ranges_.clear();
}

void SimulatedFileSystem::SetCapacity(const std::string& mount, std::uint64_t total_bytes) {
  const std::lock_guard lock(mutex_);
  capacities_[mount] = total_bytes;
}

std::string SimulatedFileSystem::MountOf(const std::string& path) const {
  std::string mount = "/";
  for (const auto& [candidate, capacity] : capacities_) {
    if (IsInside(path, candidate) && candidate.size() > mount.size()) mount = candidate;
  }
  return mount;
}

DiskSpace SimulatedFileSystem::SpaceOf(const std::string& path) const {
  const std::string mount = MountOf(path);
  const auto found = capacities_.find(mount);
  DiskSpace space{.total_bytes = found == capacities_.end() ? kDefaultCapacity : found->second};
  std::uint64_t used = 0;
  for (const auto& [name, entry] : names_.entries()) {
    if (entry.file != nullptr && MountOf(name) == mount) used += entry.file->allocated_bytes();
  }
  space.free_bytes = space.total_bytes - std::min(used, space.total_bytes);
  return space;
}

Status SimulatedFileSystem::NeedSpace(const Handle& handle, std::uint64_t offset,
                                      std::uint64_t limit) const {
  const std::uint64_t missing = handle.file->MissingBytes(offset, limit);
  if (missing == 0) return OkStatus();
  const DiskSpace space = SpaceOf(handle.path);
  if (missing <= space.free_bytes) return OkStatus();
  return ResourceExhausted("{}: no space: {} bytes wanted, {} free", handle.path, missing,
                           space.free_bytes);
}

SimulatedBytes* SimulatedFileSystem::Need(const std::string& path) const {
  const SimulatedEntry* entry = names_.Find(path);
  CHECK(entry != nullptr && entry->file != nullptr);
  return entry->file.get();
}

void SimulatedFileSystem::FlipBit(const std::string& path, std::uint64_t bit) {
  const std::lock_guard lock(mutex_);
  Need(path)->FlipBit(bit);
}

void SimulatedFileSystem::Overwrite(const std::string& path, std::uint64_t offset, ByteSpan bytes) {
  const std::lock_guard lock(mutex_);
  Need(path)->Overwrite(offset, bytes);
}

void SimulatedFileSystem::TruncateTo(const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  Need(path)->CutOff(size);
}

void SimulatedFileSystem::Lose(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lost;
  for (const auto& [name, entry] : names_.entries()) {
    if (IsInside(name, path)) lost.push_back(name);
  }
  for (auto name = lost.rbegin(); name != lost.rend(); ++name) {
    names_.Remove(*name);
    names_.SyncDirectory(ParentOf(*name));
  }
}

Bytes SimulatedFileSystem::Content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return Bytes(Need(path)->cached());
}

std::vector<std::string> SimulatedFileSystem::Files() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> files;
  for (const auto& [name, entry] : names_.entries()) {
    if (entry.file != nullptr) files.push_back(name);
  }
  return files;
}

std::uint64_t SimulatedFileSystem::AllocatedBytes(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return Need(path)->allocated_bytes();
}

}  // namespace carillon
