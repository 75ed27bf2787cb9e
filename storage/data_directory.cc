#include "storage/data_directory.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr char kIdentityName[] = "IDENTITY";
constexpr char kLockName[] = "LOCK";
constexpr std::string_view kIdentityMagic = "CRLNDIR1";
constexpr std::size_t kIdentityBytes = 8 + 3 * 16 + 4;

struct IdentityFile {
  StoreIdentity owner;
  Uuid directory;
};

Bytes EncodeIdentity(const IdentityFile& identity) {
  Bytes bytes(kIdentityMagic);
  PutUuid(&bytes, identity.owner.cluster);
  PutUuid(&bytes, identity.owner.node);
  PutUuid(&bytes, identity.directory);
  PutFixed(&bytes, Crc32c(bytes));
  return bytes;
}

StatusOr<IdentityFile> DecodeIdentity(ByteSpan bytes) {
  if (bytes.size() != kIdentityBytes) return DataLoss("IDENTITY of {} bytes", bytes.size());
  const ByteSpan covered = bytes.substr(0, kIdentityBytes - 4);
  if (LoadFixed<std::uint32_t>(bytes.data() + covered.size()) != Crc32c(covered)) {
    return DataLoss("IDENTITY: wrong crc");
  }
  Decoder decoder(covered);
  if (decoder.Take(kIdentityMagic.size()) != kIdentityMagic) {
    return DataLoss("IDENTITY: wrong magic");
  }
  IdentityFile identity;
  identity.owner.cluster = TakeUuid(&decoder);
  identity.owner.node = TakeUuid(&decoder);
  identity.directory = TakeUuid(&decoder);
  return identity;
}

StatusOr<std::optional<IdentityFile>> ReadIdentityFile(FileSystem* files, const std::string& path) {
  const std::string file = path + "/" + kIdentityName;
  if (!files->Exists(file)) return std::optional<IdentityFile>();
  ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files, file, 4096));
  const auto identity = DecodeIdentity(bytes);
  if (!identity.ok()) return Annotate(identity.status(), path);
  return std::optional(*identity);
}

// A crash while formatting leaves some of these behind, and nothing else.
bool IsOurs(const std::string& name) {
  return name == kLockName || name == "segments" || name == "index" ||
         name == std::string(kIdentityName) + ".tmp" || name == "lost+found";
}

// Makes `path` and its parents; every new name must outlive a crash together with what is in it, so
// each new directory's parent is synced.
Status MakeDurableDirectory(FileSystem* files, const std::string& path) {
  std::vector<std::string> parents;  // of new directories
  for (std::string part = path; part.size() > 1 && !files->Exists(part);) {
    const std::size_t slash = part.rfind('/');
    part = slash == 0 || slash == std::string::npos ? "/" : part.substr(0, slash);
    parents.push_back(part);
  }
  RETURN_IF_ERROR(files->MakeDirectory(path));
  // Made by a start that did not come to its end: its name may not be synced yet.
  const std::size_t slash = path.rfind('/');
  if (parents.empty() && slash != std::string::npos) {
    parents.push_back(slash == 0 ? "/" : path.substr(0, slash));
  }
  for (const std::string& parent : parents) RETURN_IF_ERROR(files->SyncDirectory(parent));
  return OkStatus();
}

// FAILED_PRECONDITION: somebody else's files are in what would become a data directory.
Status CheckNothingForeign(FileSystem* files, const std::string& path) {
  ASSIGN_OR_RETURN(const auto names, files->List(path));
  for (const std::string& name : names) {
    if (IsOurs(name)) continue;
    return FailedPrecondition("{} holds '{}' and is not a data directory: give an empty one", path,
                              name);
  }
  return OkStatus();
}

Status Format(FileSystem* files, const DataDirectory& directory) {
  RETURN_IF_ERROR(files->MakeDirectory(directory.segments()));
  RETURN_IF_ERROR(files->SyncDirectory(directory.path));
  const IdentityFile identity{.owner = directory.identity, .directory = directory.directory};
  return ReplaceFile(files, directory.path, kIdentityName, EncodeIdentity(identity));
}

}  // namespace

StatusOr<std::optional<StoreIdentity>> ReadIdentity(FileSystem* files, const std::string& path) {
  ASSIGN_OR_RETURN(const auto identity, ReadIdentityFile(files, path));
  if (!identity) return std::optional<StoreIdentity>();
  return std::optional(identity->owner);
}

StatusOr<DataDirectory> OpenDataDirectory(FileSystem* files, const std::string& path,
                                          const StoreIdentity& identity,
                                          const Uuid& new_directory) {
  DataDirectory directory;
  directory.path = path;
  RETURN_IF_ERROR(MakeDurableDirectory(files, path));
  if (!files->Exists(path + "/" + kIdentityName)) {
    RETURN_IF_ERROR(CheckNothingForeign(files, path));
  }
  ASSIGN_OR_RETURN(directory.lock, files->Lock(path + "/" + kLockName));
  ASSIGN_OR_RETURN(const auto found, ReadIdentityFile(files, path));
  if (!found) {
    directory.identity = identity;
    directory.directory = new_directory;
    RETURN_IF_ERROR(Format(files, directory));
    return directory;
  }
  if (!identity.node.IsNil() && found->owner.node != identity.node) {
    return FailedPrecondition("{} belongs to node {}, not to {}", path, found->owner.node,
                              identity.node);
  }
  if (!identity.cluster.IsNil() && found->owner.cluster != identity.cluster) {
    return FailedPrecondition("{} belongs to cluster {}, not to {}", path, found->owner.cluster,
                              identity.cluster);
  }
  directory.identity = found->owner;
  directory.directory = found->directory;
  return directory;
}

}  // namespace carillon
