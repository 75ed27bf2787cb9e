#include "collector/tail/file_tailer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/checksum.h"
#include "base/log.h"

namespace carillon {
namespace {

constexpr Duration kSiblingsEvery = std::chrono::seconds(5);
constexpr Duration kSaveEvery = std::chrono::seconds(10);
constexpr Duration kLeastRetry = std::chrono::milliseconds(200);

std::set<std::string> NamesOf(const std::vector<TailOptions>& tails, bool from_end_only) {
  std::set<std::string> names;
  for (const TailOptions& tail : tails) {
    if (tail.from_end || !from_end_only) names.insert(tail.name);
  }
  return names;
}

const TailOptions* FindTail(const std::vector<TailOptions>& tails, const std::string& name) {
  const auto found = std::find_if(tails.begin(), tails.end(),
                                  [&](const TailOptions& tail) { return tail.name == name; });
  return found == tails.end() ? nullptr : &*found;
}

Instant Now() {
  return SystemClock().Now();
}

}  // namespace

FileTailer::FileTailer(std::vector<TailOptions> tails, std::string host, TailStore* store,
                       KeepLines keep)
    : tails_(std::move(tails)),
      host_(std::move(host)),
      store_(store),
      keep_(std::move(keep)),
      files_(store->state(), NamesOf(tails_, false), NamesOf(tails_, true)) {
  for (const TailOptions& tail : tails_) {
    for (const std::string& paths : tail.paths) patterns_.push_back({tail.name, paths});
  }
}

FileTailer::~FileTailer() {
  Stop();
}

void FileTailer::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void FileTailer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  (void)Save();  // best effort: what it does not say is read out of the intake
}

// False: it stops.
bool FileTailer::Wait(Duration wait) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, wait, [this] { return stopping_; });
  return !stopping_;
}

void FileTailer::Loop() {
  Instant look_at;
  Instant siblings_at;
  Instant save_at = Now() + kSaveEvery;
  Duration wait{0};
  while (Wait(wait)) {
    const Instant now = Now();
    if (now >= look_at) {
      const bool siblings = now >= siblings_at;
      Look(siblings);
      look_at = now + (open_.size() <= kFewFiles ? kPollEvery : kLookEvery);
      if (siblings) siblings_at = now + kSiblingsEvery;
    }
    // Nothing is read of a file before its number is on the disk.
    bool more = false;
    if (files_.TakeChanged() || now >= save_at) {
      if (Save()) {
        save_at = now + kSaveEvery;
      } else {
        save_at = now;
        retry_ = kMostRetry;
      }
    }
    if (retry_ == Duration(0)) more = Round();
    wait = more && retry_ == Duration(0) ? Duration(0) : std::max(kPollEvery, retry_);
    retry_ = Duration(0);
  }
}

void FileTailer::Look(bool siblings) {
  std::vector<SeenFile> seen = ScanPatterns(patterns_, files_);
  if (siblings) {
    for (SeenFile& one : ScanSiblings(files_)) seen.push_back(std::move(one));
  }
  std::vector<OpenTailFile> opens;
  files_.Look(Now(), seen, CrcBeforeOf, &opens);
  for (const OpenTailFile& open : opens) {
    auto file = OpenFile::Open(open.path, open.identity);
    if (!file.ok()) {
      LogWarning("tail: {}", ToString(file.status()));
      files_.HandleNotOpen(open.number, Now());
      continue;
    }
    open_.emplace(open.number, Open{.file = *std::move(file)});
  }
  counts_.files = open_.size();
  counts_.too_many = files_.too_many();
}

bool FileTailer::Save() {
  store_->Set(files_.state());
  const Status saved = store_->Save();
  if (!saved.ok()) LogWarning("tail: positions are not saved: {}", ToString(saved));
  return saved.ok();
}

// Whether there is more to be read at once.
bool FileTailer::Round() {
  std::vector<Batch> batches(tails_.size());
  for (std::size_t i = 0; i < tails_.size(); ++i) batches[i].tail = &tails_[i];
  const bool more = ReadAll(&batches);
  Send(&batches);
  for (Batch& batch : batches) Finish(&batch);
  return more;
}

// Begins behind the file that was the first to be left out the last time.
bool FileTailer::ReadAll(std::vector<Batch>* batches) {
  std::vector<std::uint64_t> numbers;
  for (auto entry = open_.lower_bound(next_); entry != open_.end(); ++entry) {
    numbers.push_back(entry->first);
  }
  for (auto entry = open_.begin(); entry != open_.lower_bound(next_); ++entry) {
    numbers.push_back(entry->first);
  }
  bool more = false;
  next_ = 0;
  for (const std::uint64_t number : numbers) {
    const TailOptions* tail = FindTail(tails_, files_.Find(number)->tail);
    Batch& batch = (*batches)[static_cast<std::size_t>(tail - tails_.data())];
    if (batch.bytes >= kBatchBytes || batch.events.size() >= LinesAtOnce(*tail)) {
      if (next_ == 0) next_ = number;
      more = true;
      continue;
    }
    more = ReadOne(number, &batch) || more;
  }
  std::uint64_t behind = 0;
  for (const auto& [number, open] : open_) {
    const std::uint64_t offset = files_.Find(number)->offset;
    behind += open.size > offset ? open.size - offset : 0;
  }
  counts_.behind = behind;
  return more;
}

std::size_t FileTailer::LinesAtOnce(const TailOptions& tail) const {
  return careful_.contains(tail.name) ? 1 : kMaxEventsInRequest;
}

bool FileTailer::ReadOne(std::uint64_t number, Batch* batch) {
  Open& open = open_.at(number);
  const TailFile& file = *files_.Find(number);
  const auto size = open.file.Look();
  const bool finishing = files_.IsFinishing(number);
  if (size.ok() && finishing && size->bytes == file.offset) {
    files_.Close(number);
    open_.erase(number);
    return false;
  }
  if (size.ok() && *size == open.read_at && !finishing) return false;
  const std::size_t wanted =
      std::max(kReadBytes, batch->tail->max_line_bytes + 2) + BytesBefore(file.offset);
  const Status read =
      size.ok() ? open.file.Read(files_.ReadFrom(number), wanted, &block_) : size.status();
  const auto size_now = open.file.Look();
  if (!read.ok() || !size_now.ok()) {
    LogWarning("tail: {}: {}", file.path, ToString(read.ok() ? size_now.status() : read));
    files_.HandleNotOpen(number, Now());
    open_.erase(number);
    return false;
  }
  open.size = size_now->bytes;
  std::uint64_t instead = 0;
  const auto fresh = files_.Check(number, block_, open.size, Now(), &instead);
  if (!fresh.has_value()) {
    Replace(number, instead);
    return true;
  }
  const bool at_end = block_.size() < wanted;
  const std::size_t before = batch->events.size();
  const std::size_t room = LinesAtOnce(*batch->tail) - before;
  TakeLines(number, *fresh, at_end && finishing, batch);
  const bool more = !at_end || batch->events.size() - before == room;
  if (!more) open.read_at = *size;
  return more;
}

void FileTailer::TakeLines(std::uint64_t number, std::string_view fresh, bool last, Batch* batch) {
  const TailFile& file = *files_.Find(number);
  const CutOptions options{.max_line_bytes = batch->tail->max_line_bytes,
                           .max_lines = LinesAtOnce(*batch->tail) - batch->events.size(),
                           .last = last};
  const CutResult cut = CutLines(fresh, file.offset, file.in_cut_line, options);
  if (cut.end == file.offset) return;
  const std::uint64_t salt = files_.state().salt;
  const std::string_view block(block_);  // `fresh` is its end
  const std::uint64_t first = file.offset - (block.size() - fresh.size());
  for (const FileLine& line : cut.lines) {
    const std::size_t before = BytesBefore(line.end);
    const std::string id =
        TailEventId(salt, {.number = number,
                           .end = line.end,
                           .before = Crc32c(block.substr(line.end - before - first, before)),
                           .cut = line.cut});
    const bool as_wanted = reader_.Add(line,
                                       {.format = batch->tail->format,
                                        .stream = batch->tail->stream,
                                        .path = file.path,
                                        .host = host_,
                                        .id = id},
                                       &batch->events);
    if (!as_wanted) ++counts_.no_json;
    if (line.cut) ++counts_.cut;
  }
  const std::size_t taken = cut.end - file.offset;
  batch->bytes += taken;
  batch->advances.push_back(files_.AfterReading(number, block, taken, cut.in_cut_line));
}

void FileTailer::Replace(std::uint64_t number, std::uint64_t instead) {
  ++counts_.replaced;
  auto open = open_.extract(number);
  if (instead == 0) return;
  open.key() = instead;
  open.mapped().read_at = {};
  open_.insert(std::move(open));
}

// Returns when all that is to be kept is kept, or is not.
void FileTailer::Send(std::vector<Batch>* batches) {
  for (Batch& batch : *batches) {
    if (batch.events.empty()) {
      store_->Advance(batch.advances);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      ++under_way_;
    }
    // On the intake's thread, so that no event of the batch can leave the intake before.
    keep_(batch.tail->tenant, &batch.events, [this, &batch](EdgeOutcome outcome) {
      if (outcome.status.ok()) store_->Advance(batch.advances);
      batch.outcome = std::move(outcome);
      const std::lock_guard lock(mutex_);
      if (--under_way_ == 0) wake_.notify_all();
    });
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return under_way_ == 0; });
}

void FileTailer::Finish(Batch* batch) {
  const Status& status = batch->outcome.status;
  const std::size_t lines = batch->events.size();
  const auto careful = careful_.find(batch->tail->name);
  const bool never = status.code() == StatusCode::kInvalidArgument;
  if (status.ok() || (never && lines == 1)) {
    if (never) {
      LogWarning("tail: a line is left out: {}", ToString(status));
      store_->Advance(batch->advances);
    }
    for (const TailAdvance& advance : batch->advances) files_.Advance(advance, Now());
    counts_.lines += never ? 0 : lines - batch->events.rejected();
    counts_.refused += never ? 1 : batch->events.rejected();
    counts_.bytes += batch->bytes;
    if (careful != careful_.end() && lines > 0 && --careful->second == 0) careful_.erase(careful);
    return;
  }
  for (const TailAdvance& advance : batch->advances) open_.at(advance.number).read_at = {};
  if (never) {
    careful_[batch->tail->name] = lines;
    return;
  }
  LogWarning("tail: {}: tried again: {}", batch->tail->name, ToString(status));
  retry_ = std::max(retry_, std::clamp(batch->outcome.retry_after, kLeastRetry, kMostRetry));
}

}  // namespace carillon
