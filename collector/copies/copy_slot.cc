#include "collector/copies/copy_slot.h"

#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "storage/segment_format.h"

namespace carillon {
namespace {

constexpr char kCopyName[] = "COPY";  // of a whole one: its generation
constexpr char kMagic[] = "CRLNCPY1";
constexpr std::size_t kCopyFileLimit = 1024;
constexpr char kDrainingName[] = "DRAINING";  // somebody sends what is in it
constexpr char kSegments[] = "/segments";
constexpr SpoolPart kParts[] = {SpoolPart::kIntake, SpoolPart::kOutbox, SpoolPart::kDead};

Bytes EncodeCopyMark(std::uint64_t generation) {
  Bytes bytes = kMagic;
  PutFixed(&bytes, generation);
  PutFixed(&bytes, Crc32c(bytes));
  return bytes;
}

// 0: not what EncodeCopyMark writes.
std::uint64_t DecodeCopyMark(ByteSpan bytes) {
  constexpr std::size_t kMagicBytes = sizeof(kMagic) - 1;
  Decoder in(bytes);
  const ByteSpan magic = in.Take(kMagicBytes);
  const auto generation = in.Fixed<std::uint64_t>();
  const auto crc = in.Fixed<std::uint32_t>();
  const bool good =
      in.Done() && magic == kMagic && crc == Crc32c(bytes.substr(0, bytes.size() - sizeof(crc)));
  return good ? generation : 0;
}

// The files of a directory; it stays.
Status ClearDirectory(FileSystem* files, const std::string& path) {
  if (!files->Exists(path)) return OkStatus();
  ASSIGN_OR_RETURN(const auto names, files->List(path));
  for (const std::string& name : names) RETURN_IF_ERROR(files->Remove(path + "/" + name));
  return names.empty() ? OkStatus() : files->SyncDirectory(path);
}

StatusOr<bool> Has(FileSystem* files, const std::string& path) {
  const auto opened = files->OpenReadable(path);
  if (opened.ok()) return true;
  if (opened.status().code() == StatusCode::kNotFound) return false;
  return Unavailable("{}", Message(opened.status()));
}

std::string ParentOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

std::string CopyPartPath(const std::string& slot, SpoolPart part) {
  return slot + "/" + std::string(ToString(part)) + kSegments;
}

std::string CopyFilePath(const std::string& slot, CopyFile file) {
  return CopyPartPath(slot, file.part) + "/" + SegmentFileName(SegmentId(file.segment));
}

Status MakeCopySlot(FileSystem* files, const std::string& slot) {
  for (const SpoolPart part : kParts) {
    const std::string path = CopyPartPath(slot, part);
    RETURN_IF_ERROR(files->MakeDirectory(path));
    RETURN_IF_ERROR(files->SyncDirectory(ParentOf(path)));
  }
  RETURN_IF_ERROR(files->SyncDirectory(slot));
  const std::string name = ParentOf(slot);
  RETURN_IF_ERROR(files->SyncDirectory(name));
  return files->SyncDirectory(ParentOf(name));
}

Status ClearCopySlot(FileSystem* files, const std::string& slot) {
  if (!files->Exists(slot)) return OkStatus();
  for (const std::string& one : {std::string(kCopyName), kCopyName + std::string(".tmp")}) {
    if (!files->Exists(slot + "/" + one)) continue;
    RETURN_IF_ERROR(files->Remove(slot + "/" + one));
    RETURN_IF_ERROR(files->SyncDirectory(slot));
  }
  for (const SpoolPart part : kParts) {
    RETURN_IF_ERROR(ClearDirectory(files, CopyPartPath(slot, part)));
  }
  return OkStatus();
}

Status MarkCopyWhole(FileSystem* files, const std::string& slot, std::uint64_t generation) {
  return ReplaceFile(files, slot, kCopyName, EncodeCopyMark(generation));
}

StatusOr<std::uint64_t> GenerationOfCopy(FileSystem* files, const std::string& slot) {
  const auto mark = ReadWholeFile(files, slot + "/" + kCopyName, kCopyFileLimit);
  if (mark.ok()) return DecodeCopyMark(*mark);
  if (mark.status().code() == StatusCode::kNotFound) return 0;
  return mark.status();
}

StatusOr<bool> IsMarkedWhole(FileSystem* files, const std::string& slot) {
  return Has(files, slot + "/" + kCopyName);
}

StatusOr<bool> IsDrainedCopy(FileSystem* files, const std::string& slot) {
  return Has(files, slot + "/" + kDrainingName);
}

StatusOr<std::map<CopyFile, std::uint64_t>> FilesOfCopy(FileSystem* files,
                                                        const std::string& slot) {
  std::map<CopyFile, std::uint64_t> found;
  for (const SpoolPart part : kParts) {
    if (!files->Exists(CopyPartPath(slot, part))) continue;
    ASSIGN_OR_RETURN(const auto segments, files->List(CopyPartPath(slot, part)));
    for (const std::string& segment : segments) {
      const auto id = ParseSegmentFileName(segment);
      if (!id.ok()) continue;
      const CopyFile file{part, id->value()};
      ASSIGN_OR_RETURN(const auto reader, files->OpenReadable(CopyFilePath(slot, file)));
      ASSIGN_OR_RETURN(found[file], reader->Size());
    }
  }
  return found;
}

Status BeginDraining(FileSystem* files, const std::string& slot) {
  if (files->Exists(slot + "/" + kDrainingName)) return OkStatus();
  if (!files->Exists(slot + "/" + kCopyName)) return NotFound("{} is no whole copy", slot);
  return ReplaceFile(files, slot, kDrainingName, {});
}

Status RemoveDrainedCopy(FileSystem* files, const std::string& slot) {
  if (!files->Exists(slot + "/" + kDrainingName)) return NotFound("{} is no drained copy", slot);
  // The mark last: as long as it is there, nobody takes this for a copy, or for room.
  if (files->Exists(slot + "/" + kCopyName)) {
    RETURN_IF_ERROR(files->Remove(slot + "/" + kCopyName));
    RETURN_IF_ERROR(files->SyncDirectory(slot));
  }
  for (const SpoolPart part : kParts) {
    RETURN_IF_ERROR(ClearDirectory(files, CopyPartPath(slot, part)));
  }
  RETURN_IF_ERROR(files->Remove(slot + "/" + kDrainingName));
  return files->SyncDirectory(slot);
}

}  // namespace carillon
