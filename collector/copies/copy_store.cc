#include "collector/copies/copy_store.h"

#include <algorithm>
#include <utility>

#include "base/chunk_key.h"
#include "base/log.h"
#include "collector/copies/copy_slot.h"

namespace carillon {
namespace {

CopyReply Refusal(Status status) {
  CopyReply reply;
  reply.status = std::move(status);
  return reply;
}

// A directory's name is one, and no way out of it.
Status CheckCopyName(std::string_view name) {
  RETURN_IF_ERROR(CheckName("name", name));
  return name.front() == '.' ? InvalidArgument("name '{}' begins with a dot", name) : OkStatus();
}

}  // namespace

CopyStore::CopyStore(CopyStoreOptions options)
    : options_(std::move(options)), random_(options_.seed) {}

StatusOr<std::unique_ptr<CopyStore>> CopyStore::Open(CopyStoreOptions options) {
  std::unique_ptr<CopyStore> store(new CopyStore(std::move(options)));
  RETURN_IF_ERROR(Annotate(store->Recover(), store->options_.directory));
  return store;
}

std::string CopyStore::SlotPath(const std::string& name, std::size_t number) const {
  return options_.directory + "/" + name + "/" + std::to_string(number);
}

Status CopyStore::Recover() {
  FileSystem* files = options_.files;
  RETURN_IF_ERROR(files->MakeDirectory(options_.directory));
  const std::size_t slash = options_.directory.rfind('/');
  RETURN_IF_ERROR(files->SyncDirectory(slash == 0 ? "/" : options_.directory.substr(0, slash)));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(options_.directory));
  for (const std::string& name : names) {
    if (!CheckCopyName(name).ok()) continue;
    Copies& copies = copies_[name];
    for (std::size_t i = 0; i < kSlots; ++i) {
      RETURN_IF_ERROR(RecoverSlot(name, i, &copies.slots[i]));
    }
    // The newest one was whole before others were to go.
    ASSIGN_OR_RETURN(const std::size_t newest, Newest(name, copies));
    if (newest < kSlots) RETURN_IF_ERROR(ClearOthers(name, &copies, newest));
    const bool empty = std::all_of(copies.slots.begin(), copies.slots.end(),
                                   [](const Slot& slot) { return slot.generation == 0; });
    if (empty) copies_.erase(name);
  }
  return OkStatus();
}

Status CopyStore::RecoverSlot(const std::string& name, std::size_t number, Slot* slot) {
  FileSystem* files = options_.files;
  const std::string path = SlotPath(name, number);
  if (!files->Exists(path)) return OkStatus();
  ASSIGN_OR_RETURN(slot->generation, GenerationOfCopy(files, path));
  slot->complete = slot->generation != 0;
  if (!slot->complete) {
    ASSIGN_OR_RETURN(const bool drained, IsDrained(name, number));
    return drained ? OkStatus() : ClearSlot(name, number, slot);
  }
  ASSIGN_OR_RETURN(slot->files, FilesOfCopy(files, path));
  for (const auto& [file, size] : slot->files) slot->bytes += size;
  return OkStatus();
}

StatusOr<bool> CopyStore::IsDrained(const std::string& name, std::size_t number) const {
  return IsDrainedCopy(options_.files, SlotPath(name, number));
}

// It may have been drained, and removed, behind our back.
StatusOr<bool> CopyStore::IsWhole(const std::string& name, std::size_t number,
                                  const Slot& slot) const {
  if (!slot.complete) return false;
  ASSIGN_OR_RETURN(const bool drained, IsDrained(name, number));
  if (drained) return false;
  return IsMarkedWhole(options_.files, SlotPath(name, number));
}

StatusOr<std::optional<std::size_t>> CopyStore::FreeSlot(const std::string& name,
                                                         const Copies& copies) const {
  for (std::size_t i = 0; i < kSlots; ++i) {
    ASSIGN_OR_RETURN(const bool whole, IsWhole(name, i, copies.slots[i]));
    ASSIGN_OR_RETURN(const bool drained, IsDrained(name, i));
    if (!whole && !drained) return std::optional(i);
  }
  return std::optional<std::size_t>();
}

Status CopyStore::ClearSlot(const std::string& name, std::size_t number, Slot* slot) {
  ASSIGN_OR_RETURN(const bool drained, IsDrained(name, number));
  if (drained) return Unavailable("{} is being drained", SlotPath(name, number));
  *slot = {};
  return ClearCopySlot(options_.files, SlotPath(name, number));
}

CopyReply CopyStore::Handle(const CopyAsk& ask) {
  if (const Status status = CheckCopyName(ask.name); !status.ok()) return Refusal(status);
  if (ask.name == options_.own_name) {
    return Refusal(
        InvalidArgument("'{}' is my own name: every collector has one of its own, and keeps "
                        "no copy of itself",
                        ask.name));
  }
  return Do(ask);
}

CopyReply CopyStore::Do(const CopyAsk& ask) {
  switch (ask.kind) {
    case CopyAskKind::kBegin:
      return Begin(ask);
    case CopyAskKind::kShip:
      return Ship(ask);
    case CopyAskKind::kForget:
      return Forget(ask);
    case CopyAskKind::kList:
      return List(ask);
    case CopyAskKind::kRead:
      return Read(ask);
  }
  return Refusal(Internal("a question that is none"));
}

StatusOr<std::size_t> CopyStore::Newest(const std::string& name, const Copies& copies) const {
  std::size_t newest = kSlots;
  for (std::size_t i = 0; i < kSlots; ++i) {
    ASSIGN_OR_RETURN(const bool whole, IsWhole(name, i, copies.slots[i]));
    if (!whole) continue;
    if (newest == kSlots || copies.slots[newest].generation < copies.slots[i].generation) {
      newest = i;
    }
  }
  return newest;
}

Status CopyStore::ClearOthers(const std::string& name, Copies* copies, std::size_t kept) {
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (i == kept) continue;
    ASSIGN_OR_RETURN(const bool drained, IsDrained(name, i));
    if (!drained) RETURN_IF_ERROR(ClearSlot(name, i, &copies->slots[i]));
  }
  return OkStatus();
}

CopyReply CopyStore::Begin(const CopyAsk& ask) {
  const std::string name(ask.name);
  const auto known = copies_.find(name);
  if (known == copies_.end() && copies_.size() >= options_.max_names) {
    return Refusal(ResourceExhausted("copies of {} collectors are kept already", copies_.size()));
  }
  Copies& copies = copies_[name];
  std::uint64_t newest = 0;
  for (const Slot& slot : copies.slots) newest = std::max(newest, slot.generation);
  if (ask.generation <= newest) {
    CopyReply reply = Refusal(AlreadyExists("a copy of generation {} is there", newest));
    reply.generation = newest;
    return reply;
  }
  copies.session = {};
  const auto free = FreeSlot(name, copies);
  if (!free.ok()) return Refusal(free.status());
  if (!*free) return Refusal(ResourceExhausted("copies of {} wait to be drained", name));
  const std::size_t number = **free;
  Slot& slot = copies.slots[number];
  Status status = ClearSlot(name, number, &slot);
  if (status.ok()) status = MakeCopySlot(options_.files, SlotPath(name, number));
  if (!status.ok()) return Refusal(Unavailable("{}", Message(status)));
  slot.generation = ask.generation;
  copies.session.slot = number;
  while (copies.session.id == 0) copies.session.id = random_.Next();
  CopyReply reply;
  reply.session = copies.session.id;
  return reply;
}

CopyReply CopyStore::Ship(const CopyAsk& ask) {
  const auto found = copies_.find(ask.name);
  if (found == copies_.end()) return Refusal(FailedPrecondition("there is no such copy"));
  Copies& copies = found->second;
  Session& session = copies.session;
  const auto drained = IsDrained(found->first, session.slot);
  if (!drained.ok()) return Refusal(drained.status());
  if (*drained) session = {};
  if (session.id == 0 || session.id != ask.session) {
    return Refusal(FailedPrecondition("there is no such session"));
  }
  if (ask.sequence == session.sequence && ask.sequence != 0) return {};
  if (ask.sequence != session.sequence + 1) {
    session = {};
    return Refusal(FailedPrecondition("a step was left out"));
  }
  Status status;
  for (const CopyPiece& piece : ask.pieces) {
    if (status.ok()) status = Apply(found->first, &copies, piece);
  }
  if (status.ok()) status = SyncAll(found->first, &session);
  if (!status.ok()) {
    // What of it is on the disk is not known.
    session = {};
    LogWarning("copy of {}: {}", found->first, ToString(status));
    return Refusal(status);
  }
  session.sequence = ask.sequence;
  return {};
}

Status CopyStore::Apply(const std::string& name, Copies* copies, const CopyPiece& piece) {
  switch (piece.kind) {
    case CopyStepKind::kAppend:
      return Append(name, copies, piece);
    case CopyStepKind::kRemove:
      return Remove(name, copies, piece.file);
    case CopyStepKind::kComplete:
      return Complete(name, copies);
  }
  return Internal("a step that is none");
}

Status CopyStore::Append(const std::string& name, Copies* copies, const CopyPiece& piece) {
  Session& session = copies->session;
  Slot& slot = copies->slots[session.slot];
  const auto known = slot.files.find(piece.file);
  const std::uint64_t size = known == slot.files.end() ? 0 : known->second;
  if (piece.offset != size) {
    return DataLoss("bytes at {} of a file that has {}", piece.offset, size);
  }
  if (known == slot.files.end() && slot.files.size() >= kMaxCopyFiles) {
    return ResourceExhausted("{} files in a copy", slot.files.size());
  }
  if (bytes() + piece.bytes.size() > options_.max_bytes) {
    return ResourceExhausted("copies have {} bytes, at most {}", bytes(), options_.max_bytes);
  }
  RETURN_IF_ERROR(OpenFile(SlotPath(name, session.slot), &session, piece));
  WritableFile* writer = session.writers[static_cast<std::size_t>(piece.file.part)].get();
  const ByteSpan pieces[] = {piece.bytes};
  session.unsynced.insert(piece.file.part);
  RETURN_IF_ERROR(writer->WriteAt(piece.offset, pieces));
  slot.files[piece.file] = size + piece.bytes.size();
  slot.bytes += piece.bytes.size();
  return OkStatus();
}

Status CopyStore::OpenFile(const std::string& path, Session* session, const CopyPiece& piece) {
  const auto part = static_cast<std::size_t>(piece.file.part);
  if (session->open[part] == piece.file) return OkStatus();
  if (session->writers[part] != nullptr && session->unsynced.contains(piece.file.part)) {
    RETURN_IF_ERROR(session->writers[part]->Sync());
  }
  session->open[part].reset();
  session->writers[part].reset();
  const std::string file = CopyFilePath(path, piece.file);
  auto opened =
      piece.offset == 0 ? options_.files->Create(file) : options_.files->OpenWritable(file);
  RETURN_IF_ERROR(opened.status());
  if (piece.offset == 0) session->unsynced_names.insert(piece.file.part);
  session->writers[part] = *std::move(opened);
  session->open[part] = piece.file;
  return OkStatus();
}

// What comes before it is on the disk first: it is what makes a file needless.
Status CopyStore::Remove(const std::string& name, Copies* copies, CopyFile file) {
  Session& session = copies->session;
  Slot& slot = copies->slots[session.slot];
  const auto known = slot.files.find(file);
  if (known == slot.files.end()) return OkStatus();
  RETURN_IF_ERROR(SyncAll(name, &session));
  const auto part = static_cast<std::size_t>(file.part);
  if (session.open[part] == file) {
    session.open[part].reset();
    session.writers[part].reset();
  }
  slot.bytes -= known->second;
  slot.files.erase(known);
  session.unsynced_names.insert(file.part);
  return options_.files->Remove(CopyFilePath(SlotPath(name, session.slot), file));
}

Status CopyStore::Complete(const std::string& name, Copies* copies) {
  Session& session = copies->session;
  RETURN_IF_ERROR(SyncAll(name, &session));
  Slot& slot = copies->slots[session.slot];
  RETURN_IF_ERROR(MarkCopyWhole(options_.files, SlotPath(name, session.slot), slot.generation));
  slot.complete = true;
  return ClearOthers(name, copies, session.slot);
}

Status CopyStore::SyncAll(const std::string& name, Session* session) {
  for (const SpoolPart part : session->unsynced) {
    const auto& writer = session->writers[static_cast<std::size_t>(part)];
    if (writer != nullptr) RETURN_IF_ERROR(writer->Sync());
  }
  session->unsynced.clear();
  for (const SpoolPart part : session->unsynced_names) {
    RETURN_IF_ERROR(
        options_.files->SyncDirectory(CopyPartPath(SlotPath(name, session->slot), part)));
  }
  session->unsynced_names.clear();
  return OkStatus();
}

CopyReply CopyStore::Forget(const CopyAsk& ask) {
  const auto found = copies_.find(ask.name);
  if (found == copies_.end()) return {};
  Copies& copies = found->second;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot& slot = copies.slots[i];
    if (slot.generation == 0 || slot.generation >= ask.generation) continue;
    const auto drained = IsDrained(found->first, i);
    if (!drained.ok()) return Refusal(drained.status());
    if (*drained) continue;
    if (copies.session.slot == i) copies.session = {};
    const Status status = ClearSlot(found->first, i, &slot);
    if (!status.ok()) return Refusal(status);
  }
  return {};
}

CopyReply CopyStore::List(const CopyAsk& ask) {
  const auto found = copies_.find(ask.name);
  if (found == copies_.end()) return {};
  const auto number = Newest(found->first, found->second);
  if (!number.ok()) return Refusal(number.status());
  CopyReply reply;
  if (*number == kSlots) return reply;
  const Slot& newest = found->second.slots[*number];
  reply.generation = newest.generation;
  for (const auto& [file, size] : newest.files) reply.files.push_back({file, size});
  return reply;
}

CopyReply CopyStore::Read(const CopyAsk& ask) {
  const auto found = copies_.find(ask.name);
  const auto number =
      found == copies_.end() ? StatusOr<std::size_t>(kSlots) : Newest(found->first, found->second);
  if (!number.ok()) return Refusal(number.status());
  if (*number == kSlots || found->second.slots[*number].generation != ask.generation ||
      !found->second.slots[*number].files.contains(ask.range.file)) {
    return Refusal(NotFound("there is no such file of generation {}", ask.generation));
  }
  const auto file =
      options_.files->OpenReadable(CopyFilePath(SlotPath(found->first, *number), ask.range.file));
  if (!file.ok()) return Refusal(file.status());
  CopyReply reply;
  reply.bytes.resize(std::min<std::uint64_t>(ask.range.bytes, kMaxCopyBytes));
  const auto got = (*file)->ReadAt(ask.offset, reply.bytes.size(), reply.bytes.data());
  if (!got.ok()) return Refusal(got.status());
  reply.bytes.resize(*got);
  return reply;
}

std::uint64_t CopyStore::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, copies] : copies_) {
    for (const Slot& slot : copies.slots) sum += slot.bytes;
  }
  return sum;
}

CopyStoreStats CopyStore::stats() const {
  CopyStoreStats stats{.bytes = bytes()};
  for (const auto& [name, copies] : copies_) {
    for (const Slot& slot : copies.slots) stats.copies += slot.complete ? 1 : 0;
  }
  return stats;
}

}  // namespace carillon
