#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "storage/file_system.h"
#include "storage/segment_format.h"
#include "storage/store.h"

namespace carillon {

// What a data directory is: its identity, its lock, its places. See docs/FORMATS.md.
struct DataDirectory {
  std::string path;
  StoreIdentity identity;
  Uuid directory;  // of this directory; made when it was formatted
  std::unique_ptr<FileLock> lock;

  std::string segments() const { return path + "/segments"; }
  std::string index() const { return path + "/index"; }
  std::string SegmentPath(SegmentId id) const { return segments() + "/" + SegmentFileName(id); }
};

// Opens `path`, formatting it for `identity` when it is new (missing, or empty), and takes its
// lock.
//
// FAILED_PRECONDITION: another process holds it; it is another node's; it is not empty and not a
// data directory. DATA_LOSS: its identity file is damaged.
StatusOr<DataDirectory> OpenDataDirectory(FileSystem* files, const std::string& path,
                                          const StoreIdentity& identity, const Uuid& new_directory);

// Who a formatted directory belongs to; nullopt: it is new.
StatusOr<std::optional<StoreIdentity>> ReadIdentity(FileSystem* files, const std::string& path);

}  // namespace carillon
