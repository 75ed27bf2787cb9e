#include "collector/copies/spool_copier.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace carillon {
namespace {

// It looks at the clock at least this often while something waits.
constexpr Duration kLookEvery = std::chrono::milliseconds(100);
constexpr Duration kIdle = std::chrono::seconds(1);
constexpr Duration kForgetEvery = std::chrono::seconds(5);

}  // namespace

SpoolCopier::SpoolCopier(CopierOptions options, const Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      plan_(options_.limits, options_.peers.size(), options_.generation, clock->Now()) {}

SpoolCopier::~SpoolCopier() {
  Stop();
}

void SpoolCopier::Start() {
  shipper_ = std::thread([this] { ShipLoop(); });
  gate_ = std::thread([this] { GateLoop(); });
  forgetter_ = std::thread([this] { ForgetLoop(); });
}

void SpoolCopier::Stop() {
  std::map<std::pair<std::uint64_t, std::uint64_t>, Ack> acks;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    passing_.clear();
  }
  for (auto* wake : {&ship_wake_, &gate_wake_, &forget_wake_, &passed_}) wake->notify_all();
  for (std::thread* thread : {&shipper_, &gate_, &forgetter_}) {
    if (thread->joinable()) thread->join();
  }
  {
    const std::lock_guard lock(mutex_);
    acks.swap(acks_);
    due_.clear();
    reserved_ -= acks.size();
  }
  for (const auto& [position, ack] : acks) ack.done(Unavailable("the collector is stopping"));
}

void SpoolCopier::HandleGrown(CopyFile file, std::uint64_t bytes,
                              std::shared_ptr<const SegmentReader> reader) {
  const std::lock_guard lock(mutex_);
  readers_[file] = std::move(reader);
  plan_.HandleGrown(file, bytes, clock_->Now());
  ship_wake_.notify_one();
}

void SpoolCopier::HandleRemoved(CopyFile file) {
  const std::lock_guard lock(mutex_);
  plan_.HandleRemoved(file, clock_->Now());
  if (!plan_.has_session()) readers_.erase(file);
  ship_wake_.notify_one();
}

void SpoolCopier::Then(std::function<void()> next) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  passing_.push_back({plan_.position(), std::move(next)});
  if (plan_.released() >= plan_.position()) gate_wake_.notify_one();
}

bool SpoolCopier::WaitUntilPassed(Duration grace) {
  std::unique_lock lock(mutex_);
  return passed_.wait_for(lock, grace,
                          [this] { return stopping_ || (passing_.empty() && !passing_now_); });
}

Status SpoolCopier::Reserve() {
  const std::lock_guard lock(mutex_);
  if (plan_.state() == CopyState::kAlone) {
    return Unavailable("no other collector has a copy of this one's spool at present");
  }
  if (reserved_ >= kMaxAcks) return ResourceExhausted("{} requests wait for a copy", reserved_);
  ++reserved_;
  return OkStatus();
}

void SpoolCopier::Unreserve() {
  const std::lock_guard lock(mutex_);
  --reserved_;
}

void SpoolCopier::Await(Instant deadline, std::function<void(Status)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      const std::pair<std::uint64_t, std::uint64_t> key{plan_.position(), next_ack_++};
      acks_[key] = {deadline, std::move(done)};
      due_.insert({deadline, key});
      if (plan_.copied() >= plan_.position()) gate_wake_.notify_one();
      return;
    }
    --reserved_;
  }
  done(Unavailable("the collector is stopping"));
}

void SpoolCopier::Flush(Duration grace) {
  std::unique_lock lock(mutex_);
  passed_.wait_for(lock, grace, [this] {
    return stopping_ || plan_.state() == CopyState::kAlone || plan_.copied() >= plan_.position();
  });
}

CopierStats SpoolCopier::stats() const {
  const std::lock_guard lock(mutex_);
  CopierStats stats = counts_;
  stats.state = plan_.state();
  stats.peer = options_.peers[plan_.peer()].name;
  stats.generation = plan_.generation();
  stats.waiting_bytes = plan_.waiting_bytes();
  stats.behind = plan_.Behind(clock_->Now());
  stats.acks_waiting = acks_.size();
  return stats;
}

void SpoolCopier::ShipLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Instant now = clock_->Now();
    const auto call = plan_.Next(now);
    if (!call) {
      const auto due = plan_.Deadline();
      const Duration wait = due ? std::clamp<Duration>(*due - now, Duration(0), kLookEvery) : kIdle;
      // Of a moment that has come already something else is waited for.
      ship_wake_.wait_for(lock, std::max<Duration>(wait, std::chrono::milliseconds(1)));
      continue;
    }
    lock.unlock();
    Perform(*call);
    lock.lock();
    gate_wake_.notify_one();
    forget_wake_.notify_one();
  }
}

void SpoolCopier::Perform(const CopyCall& call) {
  const bool begins = call.kind == CopyAskKind::kBegin;
  StatusOr<CopyReply> reply =
      begins
          ? AskPeer(
                options_.peers[call.peer].link.get(),
                {.kind = CopyAskKind::kBegin, .name = options_.name, .generation = call.generation})
          : Ship(call);
  const Status status = reply.ok() ? reply->status : reply.status();
  const std::lock_guard lock(mutex_);
  if (begins) {
    plan_.HandleBegun(status, reply.ok() ? reply->session : 0, reply.ok() ? reply->generation : 0,
                      clock_->Now());
    ++counts_.copies;
  } else {
    plan_.HandleShipped(status, clock_->Now());
  }
  if (!status.ok()) {
    ++counts_.failures;
    last_failure_ = Annotate(status, options_.peers[call.peer].name);
  } else {
    for (const CopyStep& step : call.steps) counts_.shipped_bytes += step.to - step.from;
  }
  DropReaders(call, status.ok());
}

// Those of files that are gone and that no step names any more.
void SpoolCopier::DropReaders(const CopyCall& call, bool shipped) {
  if (call.kind == CopyAskKind::kBegin || !plan_.has_session()) {
    std::erase_if(readers_, [this](const auto& entry) { return !plan_.Has(entry.first); });
    return;
  }
  if (!shipped) return;
  for (const CopyStep& step : call.steps) {
    if (step.kind == CopyStepKind::kRemove) readers_.erase(step.file);
  }
}

StatusOr<CopyReply> SpoolCopier::AskPeer(CopyLink* link, const CopyAsk& ask) const {
  ASSIGN_OR_RETURN(const Bytes answer, link->Ask(EncodeCopyAsk(ask)));
  return DecodeCopyReply(answer);
}

StatusOr<CopyReply> SpoolCopier::Ship(const CopyCall& call) {
  CopyAsk ask{.kind = CopyAskKind::kShip,
              .name = options_.name,
              .generation = call.generation,
              .session = call.session,
              .sequence = call.sequence};
  std::deque<Bytes> read;
  for (const CopyStep& step : call.steps) {
    CopyPiece piece{.kind = step.kind, .file = step.file, .offset = step.from};
    if (step.kind == CopyStepKind::kAppend) {
      std::shared_ptr<const SegmentReader> reader;
      {
        const std::lock_guard lock(mutex_);
        reader = readers_.at(step.file);
      }
      Bytes& bytes = read.emplace_back(step.to - step.from, '\0');
      ASSIGN_OR_RETURN(const std::size_t got,
                       reader->file().ReadAt(step.from, bytes.size(), bytes.data()));
      if (got != bytes.size()) return DataLoss("the spool's own file is too short");
      piece.bytes = bytes;
    }
    ask.pieces.push_back(piece);
  }
  return AskPeer(options_.peers[call.peer].link.get(), ask);
}

// With mutex_ held.
void SpoolCopier::TakeDue(Instant now, Calls* calls) {
  plan_.Tick(now);
  if (const CopyState state = plan_.state(); state != told_) {
    told_ = state;
    if (state == CopyState::kAlone) ++counts_.times_alone;
    if (state == CopyState::kAlone) {
      LogWarning("no other collector has a copy of the spool: {}", ToString(last_failure_));
    } else {
      LogInfo("the copy of the spool at {}: {}", options_.peers[plan_.peer()].name,
              ToString(state));
    }
  }
  while (!acks_.empty() && acks_.begin()->first.first <= plan_.copied()) {
    const auto first = acks_.begin();
    due_.erase({first->second.deadline, first->first});
    calls->push_back([done = std::move(first->second.done)] { done(OkStatus()); });
    acks_.erase(first);
    --reserved_;
    ++counts_.acks;
  }
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto late = acks_.find(due_.begin()->second);
    calls->push_back([done = std::move(late->second.done)] {
      done(Unavailable("no other collector has a copy of the events yet"));
    });
    acks_.erase(late);
    due_.erase(due_.begin());
    --reserved_;
    ++counts_.acks_late;
  }
  while (!passing_.empty() && passing_.front().position <= plan_.released()) {
    calls->push_back(std::move(passing_.front().next));
    passing_.pop_front();
  }
}

Duration SpoolCopier::GateWait(Instant now) const {
  if (passing_.empty() && acks_.empty()) return kLookEvery;
  std::optional<Instant> due = plan_.Deadline();
  if (!due_.empty()) due = due ? std::min(*due, due_.begin()->first) : due_.begin()->first;
  if (!due) return kLookEvery;
  return std::clamp<Duration>(*due - now, std::chrono::milliseconds(1), kLookEvery);
}

void SpoolCopier::GateLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Calls calls;
    TakeDue(clock_->Now(), &calls);
    if (calls.empty()) {
      passed_.notify_all();
      gate_wake_.wait_for(lock, GateWait(clock_->Now()));
      continue;
    }
    passing_now_ = true;
    lock.unlock();
    for (const auto& call : calls) call();
    lock.lock();
    passing_now_ = false;
  }
}

void SpoolCopier::ForgetLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto peer = plan_.ToForget();
    bool away = false;
    if (peer) {
      const std::uint64_t generation = plan_.generation();
      lock.unlock();
      const auto reply =
          AskPeer(options_.peers[*peer].second_link.get(),
                  {.kind = CopyAskKind::kForget, .name = options_.name, .generation = generation});
      lock.lock();
      away = !reply.ok() || !reply->status.ok();
      if (!away) plan_.HandleForgot(*peer, generation);
    }
    if (stopping_) return;
    if (away) {
      forget_wake_.wait_for(lock, kForgetEvery, [this] { return stopping_; });
    } else if (!peer) {
      forget_wake_.wait(lock, [this] { return stopping_ || plan_.ToForget().has_value(); });
    }
  }
}

}  // namespace carillon
