#include "collector/pipeline/send_schedule.h"

#include <algorithm>
#include <utility>

#include "base/chunk_info.h"

namespace carillon {
namespace {

// Answers that stay the same however often it is asked.
bool IsFinal(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument ||
         status.code() == StatusCode::kOutOfRange || status.code() == StatusCode::kNotFound;
}

// Those who take chunks now cannot take this one: others may, when the configuration changes.
bool IsNotForThem(const Status& status) {
  return status.code() == StatusCode::kUnimplemented;
}

}  // namespace

bool SendSchedule::IsLive(Epoch epoch, const SendTime& time) const {
  return budget_.IsLive(epoch.value(), time.wall_seconds);
}

SendSchedule::Chunk* SendSchedule::Find(OutboxId id, State state) {
  const auto found = chunks_.find(id);
  if (found == chunks_.end() || found->second.state != state) return nullptr;
  return &found->second;
}

void SendSchedule::Add(ChunkToSend chunk, const SendTime& time) {
  const OutboxId id = chunk.id;
  const auto [added, is_new] = chunks_.try_emplace(id);
  if (!is_new) return;
  added->second.what = std::move(chunk);
  if (IsLive(added->second.what.epoch, time)) budget_.HandleLive(time.now);
  Enqueue(id, &added->second, time);
}

void SendSchedule::Enqueue(OutboxId id, Chunk* chunk, const SendTime& time) {
  chunk->state = State::kWaiting;
  Push(IsLive(chunk->what.epoch, time) ? &live_ : &backlog_, id, chunk->what.tenant);
}

void SendSchedule::Push(Queues* queues, OutboxId id, const std::string& tenant) {
  (tenants_[tenant].*queues->of).push_back(id);
  queues->tenants.insert(tenant);
  ++queues->chunks;
}

OutboxId SendSchedule::Pop(Queues* queues, const std::string& tenant) {
  std::deque<OutboxId>& waiting = tenants_.at(tenant).*queues->of;
  const OutboxId id = waiting.front();
  waiting.pop_front();
  if (waiting.empty()) queues->tenants.erase(tenant);
  --queues->chunks;
  return id;
}

void SendSchedule::Delay(OutboxId id, Chunk* chunk, Instant until) {
  chunk->state = State::kDelayed;
  delayed_.emplace(until, id);
}

// Doubles with every attempt; 0.5 to 1.0 of it, by the chunk's number, so that many spread.
Duration SendSchedule::DelayOf(std::uint64_t id, int attempts) const {
  const int doublings = std::clamp(attempts - 1, 0, 20);
  const Duration full = std::min(limits_.first_delay * (1 << doublings), limits_.max_delay);
  const auto part = static_cast<std::int64_t>((id * 0x9e3779b97f4a7c15u) >> 55);  // 0..511
  return full / 1024 * (512 + part);
}

void SendSchedule::Retry(OutboxId id, Chunk* chunk, const Status& status, const SendTime& time,
                         SendEffects* effects) {
  ++effects->failures;
  ++chunk->attempts;
  if (IsFinal(status)) ++chunk->refusals;
  if (chunk->refusals >= limits_.refusals || time.now >= chunk->what.expires) {
    chunk->state = State::kBurying;
    effects->burials.push_back({id, status});
    return;
  }
  const Duration delay = IsNotForThem(status) ? limits_.not_for_them_delay
                         : IsFinal(status)    ? limits_.refusal_delay
                                              : DelayOf(id.value(), chunk->attempts);
  Delay(id, chunk, time.now + delay);
}

void SendSchedule::HandlePut(OutboxId id, const Status& status, const SendTime& time,
                             SendEffects* effects) {
  Chunk* chunk = Find(id, State::kPutting);
  if (chunk == nullptr) return;
  // A refusal is about the chunk, not about the way to the store.
  const bool answered = status.ok() || IsFinal(status) || IsNotForThem(status) ||
                        status.code() == StatusCode::kAlreadyExists;
  EndPut(*chunk, answered);
  const SecondName name{chunk->what.bucket, chunk->what.epoch};
  Second& second = seconds_[name];
  --second.puts;
  if (status.ok()) {
    chunk->state = State::kStored;
    if (second.stored.empty()) {
      second.stored_since = time.now;
      second.commit_at = chunk->what.commit_at;
    }
    second.commit_at = std::max(second.commit_at, chunk->what.commit_at);
    second.stored.push_back(id);
  } else if (status.code() == StatusCode::kAlreadyExists) {
    ++effects->failures;
    ++chunk->attempts;
    chunk->state = State::kRenumbering;
    effects->renumberings.push_back(id);
  } else {
    Retry(id, chunk, status, time, effects);
  }
  Reschedule(name);
}

void SendSchedule::HandleCommit(CommitId id, const Status& status, const SendTime& time,
                                SendEffects* effects) {
  const auto found = commits_.find(id);
  if (found == commits_.end()) return;
  const CommitToSend commit = std::move(found->second);
  commits_.erase(found);
  const SecondName name{commit.bucket, commit.epoch};
  Second& second = seconds_[name];
  second.committing = false;
  if (status.ok()) {
    second.attempts = second.refusals = 0;
    ++effects->commits_done;
    for (const OutboxId chunk : commit.chunks) chunks_.erase(chunk);
    effects->committed.insert(effects->committed.end(), commit.chunks.begin(), commit.chunks.end());
  } else {
    Uncommit(commit, status, time, effects);
  }
  Reschedule(name);
}

void SendSchedule::Uncommit(const CommitToSend& commit, const Status& status, const SendTime& time,
                            SendEffects* effects) {
  Second& second = seconds_[{commit.bucket, commit.epoch}];
  ++second.attempts;
  if (IsFinal(status)) ++second.refusals;
  // One of them may be what is wrong with all.
  const bool is_bad = status.code() == StatusCode::kInvalidArgument;
  const bool bury = second.refusals >= limits_.refusals || (is_bad && commit.chunks.size() == 1);
  second.one_by_one = second.one_by_one || is_bad;
  // The store does not have a chunk that it said it has: put all of them again.
  const bool put_again = status.code() == StatusCode::kFailedPrecondition;
  if (!put_again) ++effects->failures;
  for (const OutboxId id : commit.chunks) {
    Chunk& chunk = chunks_.at(id);
    if (put_again) {
      Retry(id, &chunk, status, time, effects);
    } else if (bury || time.now >= chunk.what.expires) {
      chunk.state = State::kBurying;
      effects->burials.push_back({id, status});
    } else {
      chunk.state = State::kStored;
      second.stored.push_back(id);
    }
  }
  if (bury || is_bad) second.attempts = second.refusals = 0;
  const Duration delay =
      IsFinal(status) ? limits_.refusal_delay : DelayOf(commit.id.value(), second.attempts);
  second.retry_at = is_bad ? time.now : time.now + delay;
}

void SendSchedule::HandleBuried(OutboxId id, const Status& status, const SendTime& time) {
  Chunk* chunk = Find(id, State::kBurying);
  if (chunk == nullptr) return;
  if (!status.ok()) return Delay(id, chunk, time.now + limits_.bury_again);
  ForgetTenantIfIdle(chunk->what.tenant);
  chunks_.erase(id);
}

void SendSchedule::HandleRenumbered(OutboxId id, const Status& status, const SendTime& time) {
  Chunk* chunk = Find(id, State::kRenumbering);
  if (chunk == nullptr) return;
  // Twice somebody else's is no accident: it does not go round and round at full speed.
  if (status.ok() && chunk->attempts <= 1) return Enqueue(id, chunk, time);
  if (!status.ok()) ++chunk->attempts;
  Delay(id, chunk, time.now + DelayOf(id.value(), chunk->attempts));
}

void SendSchedule::Hurry() {
  hurry_ = true;
  std::vector<SecondName> names;
  for (const auto& [name, second] : seconds_) names.push_back(name);
  for (const SecondName& name : names) Reschedule(name);
}

void SendSchedule::Tick(const SendTime& time, SendEffects* effects) {
  WakeDelayed(time);
  MoveAged(time);
  budget_.Tick(time.now, live_.chunks > 0);
  StartPuts(time, effects);
  StartCommits(time, effects);
}

// Live chunks that have waited for too long are stale. Each tenant's are about in order of age, so
// looking at the first of each is enough.
void SendSchedule::MoveAged(const SendTime& time) {
  if (aged_at_ == time.wall_seconds) return;
  aged_at_ = time.wall_seconds;
  const std::set<std::string> tenants = live_.tenants;
  for (const std::string& tenant : tenants) {
    while (live_.tenants.contains(tenant) &&
           !IsLive(chunks_.at(tenants_.at(tenant).live.front()).what.epoch, time)) {
      Push(&backlog_, Pop(&live_, tenant), tenant);
    }
  }
}

void SendSchedule::WakeDelayed(const SendTime& time) {
  while (!delayed_.empty() && delayed_.begin()->first <= time.now) {
    const OutboxId id = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    Enqueue(id, &chunks_.at(id), time);
  }
}

bool SendSchedule::MayPut(const Tenant& tenant) const {
  if (tenant.failing) return tenant.puts == 0;
  if (tenants_.size() == 1) return true;
  return tenant.puts < std::max<std::size_t>(1, limits_.max_puts / 2);
}

// Stale ones that have earned it, then live ones, then stale ones that are in nobody's way.
void SendSchedule::StartPuts(const SendTime& time, SendEffects* effects) {
  const bool flows = budget_.Flows(time.now);
  // Room for live ones that come while stale ones are on their way.
  const std::size_t max_stale =
      std::max<std::size_t>(1, flows ? limits_.max_puts / 4 : limits_.max_puts / 4 * 3);
  while (puts_ < limits_.max_puts) {
    std::optional<OutboxId> id;
    const bool may_stale = stale_puts_ < max_stale && budget_.MaySendStale(time.now);
    if (flows && may_stale) id = Pick(&backlog_);
    bool live = false;
    if (!id) {
      id = Pick(&live_);
      live = id.has_value();
    }
    if (!id && !flows && may_stale) id = Pick(&backlog_);
    if (!id) return;
    StartPut(*id, live, effects);
  }
}

// Of the next tenant after the one whose turn it was last, that has something and may send it.
std::optional<OutboxId> SendSchedule::Pick(Queues* queues) {
  auto tenant = queues->tenants.upper_bound(queues->last);
  for (std::size_t looked = 0; looked < queues->tenants.size(); ++looked, ++tenant) {
    if (tenant == queues->tenants.end()) tenant = queues->tenants.begin();
    if (!MayPut(tenants_.at(*tenant))) continue;
    queues->last = *tenant;
    return Pop(queues, queues->last);
  }
  return std::nullopt;
}

void SendSchedule::StartPut(OutboxId id, bool live, SendEffects* effects) {
  Chunk& chunk = chunks_.at(id);
  chunk.state = State::kPutting;
  chunk.stale_put = !live;
  ++puts_;
  if (!live) ++stale_puts_;
  ++tenants_.at(chunk.what.tenant).puts;
  const SecondName name{chunk.what.bucket, chunk.what.epoch};
  ++seconds_[name].puts;
  Reschedule(name);
  if (live) {
    budget_.SpendLive(chunk.what.bytes);
  } else {
    budget_.SpendStale(chunk.what.bytes);
  }
  effects->puts.push_back({id, live});
}

void SendSchedule::EndPut(const Chunk& chunk, bool ok) {
  --puts_;
  if (chunk.stale_put) --stale_puts_;
  Tenant& tenant = tenants_.at(chunk.what.tenant);
  --tenant.puts;
  tenant.failing = !ok;
  if (ok) ForgetTenantIfIdle(chunk.what.tenant);
}

void SendSchedule::ForgetTenantIfIdle(const std::string& name) {
  const auto tenant = tenants_.find(name);
  if (tenant == tenants_.end()) return;
  const Tenant& idle = tenant->second;
  if (idle.puts == 0 && idle.live.empty() && idle.stale.empty()) tenants_.erase(tenant);
}

// Keeps the second's place among those that are due in step with what is known of it.
void SendSchedule::Reschedule(const SecondName& name) {
  const auto found = seconds_.find(name);
  Second& second = found->second;
  if (second.due) commits_due_.erase({*second.due, name});
  second.due.reset();
  if (second.stored.empty() && second.puts == 0 && !second.committing) {
    seconds_.erase(found);
    return;
  }
  if (second.stored.empty() || second.committing) return;
  Instant due = hurry_ ? second.retry_at : std::max(second.commit_at, second.retry_at);
  if (second.puts > 0) due = std::max(due, second.stored_since + limits_.commit_patience);
  second.due = due;
  commits_due_.emplace(due, name);
}

void SendSchedule::StartCommits(const SendTime& time, SendEffects* effects) {
  while (commits_.size() < limits_.max_commits && !commits_due_.empty() &&
         commits_due_.begin()->first <= time.now) {
    const SecondName name = commits_due_.begin()->second;
    Second& second = seconds_.at(name);
    CommitToSend commit{.id = CommitId(next_commit_++), .bucket = name.first, .epoch = name.second};
    const std::size_t most = second.one_by_one ? 1 : kMaxChunksPerCommit;
    const std::size_t count = std::min(second.stored.size(), most);
    commit.chunks.assign(second.stored.end() - static_cast<std::ptrdiff_t>(count),
                         second.stored.end());
    second.stored.resize(second.stored.size() - count);
    for (const OutboxId id : commit.chunks) chunks_.at(id).state = State::kCommitting;
    second.committing = true;
    Reschedule(name);
    commits_.emplace(commit.id, commit);
    effects->commits.push_back(std::move(commit));
  }
}

std::optional<Instant> SendSchedule::Deadline(const SendTime& time) const {
  std::optional<Instant> first;
  const auto take = [&](Instant at) { first = first ? std::min(*first, at) : at; };
  if (!delayed_.empty()) take(delayed_.begin()->first);
  if (!commits_due_.empty() && commits_.size() < limits_.max_commits) {
    take(commits_due_.begin()->first);
  }
  if (backlog_.chunks > 0 && puts_ < limits_.max_puts) {
    if (const auto credit = budget_.Deadline(time.now, live_.chunks > 0)) take(*credit);
  }
  return first;
}

}  // namespace carillon
