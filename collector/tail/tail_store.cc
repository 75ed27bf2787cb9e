#include "collector/tail/tail_store.h"

#include <utility>

#include "base/random.h"

namespace carillon {
namespace {

constexpr char kFileName[] = "TAIL";

}  // namespace

StatusOr<std::unique_ptr<TailStore>> TailStore::Open(FileSystem* files, std::string directory) {
  std::unique_ptr<TailStore> store(new TailStore(files, std::move(directory)));
  const std::string path = store->directory_ + "/" + kFileName;
  if (!files->Exists(path)) {
    store->state_.salt = RandomSeed();
    return store;
  }
  ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files, path, kMaxTailStateBytes));
  auto state = DecodeTailState(bytes);
  if (!state.ok()) {
    return Annotate(state.status(), path + " (without it all files would be read as if new)");
  }
  store->state_ = *std::move(state);
  store->saved_ = true;
  return store;
}

void TailStore::Believe(const IntakeRequest& request) {
  const std::lock_guard lock(mutex_);
  for (const PreparedEvent& event : request.events) carillon::Believe(event.id, &state_);
}

TailState TailStore::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void TailStore::Set(TailState state) {
  const std::lock_guard lock(mutex_);
  saved_ = saved_ && state == state_;
  state_ = std::move(state);
}

void TailStore::Advance(const std::vector<TailAdvance>& advances) {
  const std::lock_guard lock(mutex_);
  for (const TailAdvance& advance : advances) {
    const auto found = state_.files.find(advance.number);
    if (found == state_.files.end()) continue;
    TailFile& file = found->second;
    file.offset = advance.offset;
    file.in_cut_line = advance.in_cut_line;
    file.head = advance.head;
    file.before = advance.before;
    saved_ = false;
  }
}

Status TailStore::Save() {
  const std::lock_guard saving(saving_);
  Bytes bytes;
  {
    const std::lock_guard lock(mutex_);
    if (saved_) return OkStatus();
    bytes = EncodeTailState(state_);
    saved_ = true;
  }
  const Status status = ReplaceFile(files_, directory_, kFileName, bytes);
  if (!status.ok()) {
    const std::lock_guard lock(mutex_);
    saved_ = false;
  }
  return status;
}

}  // namespace carillon
