#include "storage/file_system.h"

namespace carillon {

StatusOr<Bytes> ReadWholeFile(FileSystem* files, const std::string& path, std::size_t limit) {
  ASSIGN_OR_RETURN(const auto file, files->OpenReadable(path));
  ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  if (size > limit) return ResourceExhausted("{}: {} bytes, at most {}", path, size, limit);
  Bytes bytes(size, '\0');
  ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, size, bytes.data()));
  bytes.resize(got);
  return bytes;
}

Status ReplaceFile(FileSystem* files, const std::string& directory, const std::string& name,
                   ByteSpan bytes) {
  const std::string path = directory + "/" + name;
  const std::string temporary = path + ".tmp";
  if (files->Exists(temporary)) RETURN_IF_ERROR(files->Remove(temporary));
  ASSIGN_OR_RETURN(const auto file, files->Create(temporary));
  const ByteSpan pieces[] = {bytes};
  RETURN_IF_ERROR(file->WriteAt(0, pieces));
  RETURN_IF_ERROR(file->Sync());
  RETURN_IF_ERROR(file->Close());
  RETURN_IF_ERROR(files->Rename(temporary, path));
  return files->SyncDirectory(directory);
}

}  // namespace carillon
