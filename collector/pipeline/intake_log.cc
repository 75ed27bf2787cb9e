#include "collector/pipeline/intake_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"

namespace carillon {
namespace {

// After so much quiet the end of the log is marked as being on the disk.
constexpr auto kMarkAfter = std::chrono::seconds(1);

}  // namespace

IntakeLog::IntakeLog(std::unique_ptr<SpoolLog> log, Deliver deliver, EndGroup end_group,
                     ClaimGroupLimits group_limits)
    : log_(std::move(log)),
      deliver_(std::move(deliver)),
      end_group_(std::move(end_group)),
      group_limits_(group_limits) {
  for (const SpoolSegment& segment : log_->segments()) {
    usage_.push_back({.first_number = segment.first_number, .uncovered = 1});
  }
  held_ = usage_.size();
  first_number_ = usage_.empty() ? log_->next_number() : usage_.front().first_number;
}

IntakeLog::~IntakeLog() {
  Stop();
}

void IntakeLog::Recover(std::uint64_t number, std::size_t events) {
  const std::lock_guard lock(mutex_);
  auto usage = std::upper_bound(
      usage_.begin(), usage_.end(), number,
      [](std::uint64_t wanted, const Usage& segment) { return wanted < segment.first_number; });
  CHECK(usage != usage_.begin());
  std::prev(usage)->uncovered += events;
}

void IntakeLog::FinishRecovery() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < held_; ++i) --usage_[i].uncovered;
  held_ = 0;
  trim_wanted_ = true;
  wake_.notify_one();
}

void IntakeLog::Start() {
  thread_ = std::thread([this] { Loop(); });
}

Status IntakeLog::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void IntakeLog::Keep(Bytes value, std::size_t events, std::shared_ptr<EventClaims> claims,
                     Done done) {
  Status refused;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) {
      refused = failure_;
    } else if (stopping_) {
      refused = Unavailable("the collector is stopping");
    } else {
      first = waiting_.empty();
      waiting_.push_back({std::move(value), events, std::move(claims), std::move(done)});
    }
  }
  if (!refused.ok()) return done(refused, 0);
  if (first) wake_.notify_one();
}

void IntakeLog::Cover(const std::vector<CoveredEvent>& covered) {
  const std::lock_guard lock(mutex_);
  auto usage = usage_.begin();
  for (const CoveredEvent& event : covered) {
    while (std::next(usage) != usage_.end() && std::next(usage)->first_number <= event.request) {
      ++usage;
    }
    CHECK(usage->uncovered > 0);
    --usage->uncovered;
  }
  if (usage_.size() > 1 && usage_.front().uncovered == 0) {
    trim_wanted_ = true;
    wake_.notify_one();
  }
}

void IntakeLog::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void IntakeLog::TrimStopped() {
  if (log_->broken()) return;
  if (CountCoveredSegments() == log_->segments().size()) {
    const Status status = log_->Seal();
    if (!status.ok()) LogWarning("intake: cannot seal: {}", ToString(status));
  }
  Trim();
}

// With mutex_ held.
bool IntakeLog::HasWork() const {
  return !waiting_.empty() || trim_wanted_ || stopping_;
}

// False: a while has passed and there is nothing to do but to mark the end.
bool IntakeLog::WaitForWork(std::unique_lock<std::mutex>* lock, bool marked) {
  const auto has_work = [this] { return HasWork(); };
  if (group_) {
    wake_.wait_until(*lock, group_->until, has_work);
    return true;
  }
  if (!marked) return wake_.wait_for(*lock, kMarkAfter, has_work);
  wake_.wait(*lock, has_work);
  return true;
}

std::vector<IntakeLog::Waiting> IntakeLog::TakeBatch() {
  std::vector<Waiting> batch;
  std::size_t bytes = 0;
  while (!waiting_.empty() && batch.size() < kBatchRequests && bytes < kBatchBytes) {
    bytes += waiting_.front().value.size();
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

void IntakeLog::Loop() {
  bool marked = false;
  while (true) {
    std::unique_lock lock(mutex_);
    if (!WaitForWork(&lock, marked)) {
      lock.unlock();
      marked = true;
      if (const Status status = log_->Mark(); !status.ok()) Refuse({}, status);
      continue;
    }
    const bool trim = std::exchange(trim_wanted_, false);
    const bool stop = stopping_ && waiting_.empty();
    std::vector<Waiting> batch = TakeBatch();
    lock.unlock();
    EndGroupIf(stop || GroupIsDue());
    if (!batch.empty()) {
      WriteBatch(std::move(batch));
      marked = false;
    }
    if (trim) Trim();
    if (stop) return;
  }
}

void IntakeLog::Refuse(std::vector<Waiting> batch, const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (log_->broken() && failure_.ok()) {
      failure_ = Unavailable("intake: {}", Message(status));
      LogError("intake: stopped: {}", ToString(status));
    }
  }
  const Status answer = status.code() == StatusCode::kResourceExhausted
                            ? status
                            : Unavailable("intake: {}", Message(status));
  for (Waiting& request : batch) request.done(answer, 0);
}

bool IntakeLog::GroupIsDue() const {
  return group_ && (group_->ids >= group_limits_.ids || group_->bytes >= group_limits_.bytes ||
                    std::chrono::steady_clock::now() >= group_->until);
}

void IntakeLog::EndGroupIf(bool enough) {
  if (!group_ || !enough) return;
  const ClaimOwner owner = group_->owner;
  group_.reset();
  end_group_(owner);
}

// Those of the batch that claim ids write down for whom.
void IntakeLog::JoinGroup(std::vector<Waiting>* batch) {
  for (Waiting& request : *batch) {
    if (request.claims == nullptr) continue;
    if (!group_) {
      group_ = Group{.owner = ClaimOwner(RandomUuid()),
                     .until = std::chrono::steady_clock::now() + group_limits_.window};
    }
    group_->ids += request.claims->ids.size();
    group_->bytes += request.value.size();
    request.claims->owner = group_->owner;
    SetRequestOwner(&request.value, group_->owner);
  }
}

void IntakeLog::WriteBatch(std::vector<Waiting> batch) {
  JoinGroup(&batch);
  std::vector<SpoolAppend> records(batch.size());
  std::vector<KeptRequest> kept(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    kept[i].events = batch[i].events;
    kept[i].value = SharedBytes(std::move(batch[i].value));
    kept[i].claims = std::move(batch[i].claims);
    records[i] = {.kind = SpoolKind::kRequest, .value = Rope(kept[i].value)};
  }
  const auto places = log_->Append(records);
  if (!places.ok()) return Refuse(std::move(batch), places.status());
  for (std::size_t i = 0; i < batch.size(); ++i) kept[i].number = (*places)[i].number;
  CountBatch(kept);
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(OkStatus(), kept[i].number);
  deliver_(std::move(kept));
}

void IntakeLog::CountBatch(const std::vector<KeptRequest>& kept) {
  const std::lock_guard lock(mutex_);
  const auto& segments = log_->segments();
  if (usage_.size() < segments.size()) {
    usage_.push_back({.first_number = segments.back().first_number});
  }
  for (const KeptRequest& request : kept) usage_.back().uncovered += request.events;
}

std::uint64_t IntakeLog::uncovered() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t events = 0;
  for (const Usage& usage : usage_) events += usage.uncovered;
  return events;
}

// How many of the oldest segments hold no event that is needed.
std::size_t IntakeLog::CountCoveredSegments() {
  const std::lock_guard lock(mutex_);
  const auto needed = std::find_if(usage_.begin(), usage_.end(),
                                   [](const Usage& usage) { return usage.uncovered > 0; });
  return static_cast<std::size_t>(needed - usage_.begin());
}

void IntakeLog::Trim() {
  std::size_t count = CountCoveredSegments();
  if (count > 0 && log_->IsActive(log_->segments()[count - 1].id)) --count;
  if (count > 0 && before_trim_) before_trim_();
  const Status status = log_->RemoveOldest(count);
  const std::size_t left = log_->segments().size();
  const std::lock_guard lock(mutex_);
  while (usage_.size() > left) usage_.pop_front();
  if (!status.ok()) {
    LogWarning("intake: cannot trim: {}", ToString(status));
    return;
  }
  first_number_ = usage_.empty() ? log_->next_number() : usage_.front().first_number;
}

}  // namespace carillon
