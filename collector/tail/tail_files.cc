#include "collector/tail/tail_files.h"

#include <algorithm>

#include "base/checksum.h"

namespace carillon {
namespace {

bool Begins(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

// Devices of some file systems have other numbers after a reboot.
bool IsSame(const TailFile& file, const SeenFile& seen) {
  return file.identity.inode == seen.identity.inode &&
         file.identity.born_ns == seen.identity.born_ns &&
         (file.identity.device == seen.identity.device || file.path == seen.path);
}

bool MayGoOn(const TailFile& file, const SeenFile& seen) {
  return seen.size >= file.offset && Begins(seen.head, file.head);
}

}  // namespace

TailFiles::TailFiles(TailState state, std::set<std::string> tails, std::set<std::string> from_end)
    : state_(std::move(state)), tails_(std::move(tails)), from_end_(std::move(from_end)) {
  std::erase_if(state_.files,
                [&](const auto& entry) { return !tails_.contains(entry.second.tail); });
  for (const auto& [number, file] : state_.files) watches_[number] = {};
}

const TailFile* TailFiles::Find(std::uint64_t number) const {
  const auto found = state_.files.find(number);
  return found == state_.files.end() ? nullptr : &found->second;
}

TailFile* TailFiles::FindOpen(const FileIdentity& identity) {
  for (auto& [number, file] : state_.files) {
    if (file.identity == identity && watches_.at(number).phase != Phase::kMissed) return &file;
  }
  return nullptr;
}

bool TailFiles::IsOpen(const FileIdentity& identity) const {
  return const_cast<TailFiles*>(this)->FindOpen(identity) != nullptr;
}

std::vector<const TailFile*> TailFiles::Missed() const {
  std::vector<const TailFile*> missed;
  for (const auto& [number, file] : state_.files) {
    if (watches_.at(number).phase == Phase::kMissed) missed.push_back(&file);
  }
  return missed;
}

TailFile* TailFiles::FindMissed(const SeenFile& seen, Likeness likeness,
                                const CrcBefore& crc_before) {
  // The newest first: an older one of the same inode was there before it was truncated.
  for (auto entry = state_.files.rbegin(); entry != state_.files.rend(); ++entry) {
    TailFile& file = entry->second;
    const bool likely = watches_.at(entry->first).phase == Phase::kMissed && MayGoOn(file, seen) &&
                        (likeness == Likeness::kSame ? IsSame(file, seen) : file.offset > 0);
    if (likely && crc_before(seen, file.offset) == file.before) return &file;
  }
  return nullptr;
}

// It begins like one that is read further, or that may be truncated next.
bool TailFiles::MayBeCopy(const SeenFile& seen) const {
  if (seen.head.empty()) return false;
  return std::any_of(state_.files.begin(), state_.files.end(), [&](const auto& entry) {
    const TailFile& file = entry.second;
    const Watch& watch = watches_.at(entry.first);
    if (file.head.empty() || file.offset == 0 || watch.phase == Phase::kFinishing) return false;
    if (!Begins(seen.head, file.head) && !Begins(file.head, seen.head)) return false;
    return watch.phase != Phase::kMissed || seen.size < file.offset;
  });
}

bool TailFiles::HoldBack(Instant now, const SeenFile& seen) {
  if (!state_.started.contains(seen.tail) || !MayBeCopy(seen)) return false;
  const Instant since = held_.try_emplace(seen.path, now).first->second;
  return now - since < kHoldBack;
}

void TailFiles::Follow(Instant now, const SeenFile& seen, TailFile* file,
                       std::vector<OpenTailFile>* opens) {
  Watch& watch = watches_.at(file->number);
  watch.phase = seen.sibling ? Phase::kLeaving : Phase::kFollowed;
  watch.since = now;
  watch.seen = true;
  // A process that was killed before it had saved them has left none, but its position.
  const std::size_t head = std::min<std::uint64_t>(file->offset, kTailHeadBytes);
  if (file->head.size() < head) file->head = seen.head.substr(0, head);
  file->identity = seen.identity;
  file->path = seen.path;
  changed_ = true;
  opens->push_back({file->number, seen.path, seen.identity});
}

// False: all that are known are there.
bool TailFiles::MakeRoom() {
  if (state_.files.size() < kMaxTailFiles) return true;
  for (const auto& [number, watch] : watches_) {
    if (watch.phase != Phase::kMissed) continue;
    ++forgotten_;
    Forget(number);
    return true;
  }
  return false;
}

void TailFiles::Begin(Instant now, const SeenFile& seen, std::vector<OpenTailFile>* opens) {
  if (!MakeRoom()) {
    ++too_many_;
    return;
  }
  TailFile file{.number = state_.next_number++, .tail = seen.tail};
  if (!state_.started.contains(seen.tail) && from_end_.contains(seen.tail)) {
    file.offset = seen.size;
    file.head = seen.head;
    file.before = Crc32c(seen.end);
    file.in_cut_line = seen.size > 0 && !seen.end.ends_with('\n');
  }
  watches_[file.number] = {};
  TailFile& kept = state_.files[file.number] = std::move(file);
  Follow(now, seen, &kept, opens);
}

// False: it is not open.
bool TailFiles::LookAtOpen(const SeenFile& seen) {
  TailFile* open = FindOpen(seen.identity);
  if (open == nullptr) return false;
  Watch& watch = watches_.at(open->number);
  if (seen.sibling || watch.seen) return true;
  watch.seen = true;
  watch.phase = Phase::kFollowed;
  changed_ = changed_ || open->path != seen.path;
  open->path = seen.path;
  return true;
}

// First all that are what they were, then copies, then what is new: a copy of a file is not one
// while the file itself is there.
void TailFiles::Look(Instant now, const std::vector<SeenFile>& seen, const CrcBefore& crc_before,
                     std::vector<OpenTailFile>* opens) {
  for (auto& [number, watch] : watches_) {
    watch.seen = false;
    if (watch.since == Instant()) watch.since = now;
  }
  for (const SeenFile& one : seen) LookAtOpen(one);
  for (const Likeness likeness : {Likeness::kSame, Likeness::kCopy}) {
    for (const SeenFile& one : seen) {
      if (LookAtOpen(one)) continue;
      TailFile* missed = FindMissed(one, likeness, crc_before);
      if (missed != nullptr) Follow(now, one, missed, opens);
    }
  }
  for (const SeenFile& one : seen) {
    if (LookAtOpen(one) || one.sibling || one.size == 0 || HoldBack(now, one)) continue;
    Begin(now, one, opens);
  }
  for (const std::string& tail : tails_) {
    if (state_.started.insert(tail).second) changed_ = true;
  }
  std::erase_if(held_, [&](const auto& held) {
    return std::none_of(seen.begin(), seen.end(), [&](const SeenFile& one) {
      return one.path == held.first && !IsOpen(one.identity);
    });
  });
  Age(now);
}

void TailFiles::Age(Instant now) {
  std::vector<std::uint64_t> old;
  for (auto& [number, watch] : watches_) {
    if (watch.phase == Phase::kFollowed && !watch.seen) {
      watch.phase = Phase::kLeaving;
      watch.since = now;
    } else if (watch.phase == Phase::kLeaving && now - watch.since >= kLeaveAfter) {
      watch.phase = Phase::kFinishing;
    } else if (watch.phase == Phase::kMissed && now - watch.since >= kForgetAfter) {
      old.push_back(number);
    }
  }
  forgotten_ += old.size();
  for (const std::uint64_t number : old) Forget(number);
}

void TailFiles::Forget(std::uint64_t number) {
  state_.files.erase(number);
  watches_.erase(number);
  changed_ = true;
}

// What nothing was read of is not missed.
void TailFiles::Miss(std::uint64_t number, Instant now) {
  if (state_.files.at(number).offset == 0) return Forget(number);
  Watch& watch = watches_.at(number);
  watch.phase = Phase::kMissed;
  watch.since = now;
  changed_ = true;
}

void TailFiles::HandleNotOpen(std::uint64_t number, Instant now) {
  if (state_.files.contains(number)) Miss(number, now);
}

std::uint64_t TailFiles::ReadFrom(std::uint64_t number) const {
  const TailFile& file = state_.files.at(number);
  return file.offset - BytesBefore(file.offset);
}

std::optional<std::string_view> TailFiles::Check(std::uint64_t number, std::string_view bytes,
                                                 std::uint64_t size, Instant now,
                                                 std::uint64_t* instead) {
  const TailFile& file = state_.files.at(number);
  const std::size_t before = BytesBefore(file.offset);
  const bool goes_on = size >= file.offset && bytes.size() >= before &&
                       Crc32c(bytes.substr(0, before)) == file.before;
  if (goes_on) return bytes.substr(before);
  *instead = Replace(number, now);
  return std::nullopt;
}

std::uint64_t TailFiles::Replace(std::uint64_t number, Instant now) {
  ++replaced_;
  const TailFile old = state_.files.at(number);
  const bool followed = watches_.at(number).phase == Phase::kFollowed;
  Miss(number, now);
  if (!followed || !MakeRoom()) return 0;
  const std::uint64_t next = state_.next_number++;
  state_.files[next] = {
      .number = next, .tail = old.tail, .path = old.path, .identity = old.identity};
  watches_[next] = {.phase = Phase::kFollowed, .since = now, .seen = true};
  return next;
}

TailAdvance TailFiles::AfterReading(std::uint64_t number, std::string_view bytes, std::size_t taken,
                                    bool in_cut_line) const {
  const TailFile& file = state_.files.at(number);
  const std::size_t end = BytesBefore(file.offset) + taken;  // in `bytes`
  TailAdvance after{.number = number,
                    .offset = file.offset + taken,
                    .in_cut_line = in_cut_line,
                    .head = file.head};
  const std::uint64_t first = file.offset - BytesBefore(file.offset);
  const std::size_t head = file.head.size();
  if (head < kTailHeadBytes && first <= head && head < after.offset) {
    const std::string_view known = bytes.substr(0, end);
    after.head += known.substr(head - first, kTailHeadBytes - head);
  }
  const std::size_t before = BytesBefore(after.offset);
  after.before = Crc32c(bytes.substr(end - before, before));
  return after;
}

void TailFiles::Advance(const TailAdvance& advance, Instant now) {
  TailFile& file = state_.files.at(advance.number);
  file.offset = advance.offset;
  file.in_cut_line = advance.in_cut_line;
  // By it a copy is known: not to be lost with this process.
  changed_ = changed_ || file.head != advance.head;
  file.head = advance.head;
  file.before = advance.before;
  watches_.at(advance.number).since = now;
}

bool TailFiles::IsFinishing(std::uint64_t number) const {
  return watches_.at(number).phase == Phase::kFinishing;
}

void TailFiles::Close(std::uint64_t number) {
  Forget(number);
}

}  // namespace carillon
