#include "collector/copies/restore_spool.h"

#include <algorithm>
#include <optional>

#include "storage/segment_format.h"

namespace carillon {
namespace {

constexpr char kWriterName[] = "WRITER";        // every spool that was ever open has it
constexpr char kRestoringName[] = "RESTORING";  // what is there is not whole yet
constexpr SpoolPart kParts[] = {SpoolPart::kIntake, SpoolPart::kOutbox, SpoolPart::kDead};

std::string PartPath(const std::string& directory, SpoolPart part) {
  return directory + "/" + std::string(ToString(part));
}
std::string SegmentsPath(const std::string& directory, SpoolPart part) {
  return PartPath(directory, part) + "/segments";
}

struct Found {
  const CopyPeer* peer = nullptr;
  CopyReply list;
};

StatusOr<CopyReply> AskPeer(const CopyPeer& peer, const CopyAsk& ask) {
  const auto answer = peer.link->Ask(EncodeCopyAsk(ask));
  if (!answer.ok()) return Unavailable("{}: {}", peer.name, ToString(answer.status()));
  auto reply = DecodeCopyReply(*answer);
  if (reply.ok() && reply->status.code() == StatusCode::kInvalidArgument) {
    return InvalidArgument("{}: {}", peer.name, Message(reply->status));
  }
  if (reply.ok() && !reply->status.ok()) {
    return Unavailable("{}: {}", peer.name, ToString(reply->status));
  }
  return reply;
}

StatusOr<std::optional<Found>> FindNewest(const std::string& name,
                                          const std::vector<CopyPeer>& peers) {
  std::optional<Found> newest;
  for (const CopyPeer& peer : peers) {
    ASSIGN_OR_RETURN(CopyReply list, AskPeer(peer, {.kind = CopyAskKind::kList, .name = name}));
    if (list.generation == 0) continue;
    if (newest && newest->list.generation >= list.generation) continue;
    newest = {&peer, std::move(list)};
  }
  return newest;
}

Status MakeRoom(FileSystem* files, const std::string& directory) {
  RETURN_IF_ERROR(files->MakeDirectory(directory));
  RETURN_IF_ERROR(ReplaceFile(files, directory, kRestoringName, {}));
  for (const SpoolPart part : kParts) {
    const std::string path = SegmentsPath(directory, part);
    RETURN_IF_ERROR(files->MakeDirectory(path));
    RETURN_IF_ERROR(files->SyncDirectory(PartPath(directory, part)));
    ASSIGN_OR_RETURN(const auto names, files->List(path));
    for (const std::string& name : names) RETURN_IF_ERROR(files->Remove(path + "/" + name));
  }
  return files->SyncDirectory(directory);
}

Status FetchFile(FileSystem* files, const std::string& directory, const std::string& name,
                 const Found& found, const SizedCopyFile& wanted) {
  const std::string path = SegmentsPath(directory, wanted.file.part) + "/" +
                           SegmentFileName(SegmentId(wanted.file.segment));
  ASSIGN_OR_RETURN(const auto file, files->Create(path));
  for (std::uint64_t at = 0; at < wanted.bytes;) {
    const std::uint64_t most = std::min<std::uint64_t>(kMaxCopyBytes, wanted.bytes - at);
    ASSIGN_OR_RETURN(const CopyReply reply,
                     AskPeer(*found.peer, {.kind = CopyAskKind::kRead,
                                           .name = name,
                                           .generation = found.list.generation,
                                           .range = {.file = wanted.file, .bytes = most},
                                           .offset = at}));
    if (reply.bytes.empty() || reply.bytes.size() > most) {
      return Unavailable("{}: {} bytes at {} of a file of {}", found.peer->name, reply.bytes.size(),
                         at, wanted.bytes);
    }
    const ByteSpan pieces[] = {reply.bytes};
    RETURN_IF_ERROR(file->WriteAt(at, pieces));
    at += reply.bytes.size();
  }
  return file->Sync();
}

}  // namespace

bool IsSpoolEmpty(FileSystem* files, const std::string& directory) {
  if (files->Exists(directory + "/" + kRestoringName)) return true;
  if (files->Exists(directory + "/" + kWriterName)) return false;
  return std::all_of(std::begin(kParts), std::end(kParts), [&](SpoolPart part) {
    const auto names = files->List(SegmentsPath(directory, part));
    return names.ok() ? names->empty() : names.status().code() == StatusCode::kNotFound;
  });
}

StatusOr<RestoreReport> RestoreSpool(FileSystem* files, const std::string& directory,
                                     const std::string& name, const std::vector<CopyPeer>& peers) {
  RestoreReport report;
  if (!IsSpoolEmpty(files, directory)) return report;
  ASSIGN_OR_RETURN(const std::optional<Found> found, FindNewest(name, peers));
  const std::string mark = directory + "/" + kRestoringName;
  if (!found && !files->Exists(mark)) return report;
  RETURN_IF_ERROR(MakeRoom(files, directory));
  if (found) {
    for (const SizedCopyFile& wanted : found->list.files) {
      RETURN_IF_ERROR(FetchFile(files, directory, name, *found, wanted));
      ++report.files;
      report.bytes += wanted.bytes;
    }
    report.restored = true;
    report.peer = found->peer->name;
    report.generation = found->list.generation;
  }
  for (const SpoolPart part : kParts) {
    RETURN_IF_ERROR(files->SyncDirectory(SegmentsPath(directory, part)));
  }
  RETURN_IF_ERROR(files->Remove(mark));
  RETURN_IF_ERROR(files->SyncDirectory(directory));
  return report;
}

}  // namespace carillon
