#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "collector/copies/copy_message.h"
#include "storage/file_system.h"

// The directory of one copy of a spool, and what its marks say. `slot` is its path.
//
//   empty --MakeCopySlot--> being written --MarkCopyWhole--> whole --BeginDraining--> drained
//     ^                           |                            |                         |
//     +-------ClearCopySlot-------+----------------------------+                         |
//     +-------RemoveDrainedCopy----------------------------------------------------------+
//
// Bytes: docs/FORMATS.md, "Copies of spools". Errors: of the disk, unless said. Durable on return.
namespace carillon {

std::string CopyPartPath(const std::string& slot, SpoolPart part);  // the directory of its segments
std::string CopyFilePath(const std::string& slot, CopyFile file);

Status MakeCopySlot(FileSystem* files, const std::string& slot);
// The mark goes first: what is half gone is no copy. Directories stay. Not for one
// that is drained.
Status ClearCopySlot(FileSystem* files, const std::string& slot);

// `generation` is not 0. Its files must be on the disk.
Status MarkCopyWhole(FileSystem* files, const std::string& slot, std::uint64_t generation);
// 0: it is not whole, or the mark is damaged.
StatusOr<std::uint64_t> GenerationOfCopy(FileSystem* files, const std::string& slot);
// Whether the marks are there. UNAVAILABLE: a disk that fails does not look like one that has
// nothing.
StatusOr<bool> IsMarkedWhole(FileSystem* files, const std::string& slot);
StatusOr<bool> IsDrainedCopy(FileSystem* files, const std::string& slot);
// And how large they are.
StatusOr<std::map<CopyFile, std::uint64_t>> FilesOfCopy(FileSystem* files, const std::string& slot);

// From now on it is nobody's: who drains it has it. NOT_FOUND: it is no copy, or not whole.
Status BeginDraining(FileSystem* files, const std::string& slot);
// All its events are in the ring. NOT_FOUND: it is no drained copy. After another error it is to
// be called again.
Status RemoveDrainedCopy(FileSystem* files, const std::string& slot);

}  // namespace carillon
