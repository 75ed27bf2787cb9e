#include "collector/pipeline/commit_watch.h"

#include <algorithm>

namespace carillon {
namespace {

// Numbers of chunks that cover no request, beside those of requests.
constexpr std::uint64_t kChunkNumbers = std::uint64_t{1} << 63;
constexpr ClaimId kNoId{};

}  // namespace

Status CommitWatch::Reserve(std::size_t events) {
  const std::lock_guard lock(mutex_);
  if (reserved_requests_ >= limits_.requests || reserved_events_ + events > limits_.events) {
    return ResourceExhausted("{} requests of {} events wait to be stored", reserved_requests_,
                             reserved_events_);
  }
  ++reserved_requests_;
  reserved_events_ += events;
  return OkStatus();
}

void CommitWatch::Unreserve(std::size_t events) {
  const std::lock_guard lock(mutex_);
  --reserved_requests_;
  reserved_events_ -= events;
}

void CommitWatch::Watch(WatchedRequest request) {
  const std::lock_guard lock(mutex_);
  Request& watched = watched_[request.number];
  watched.events = request.events;
  watched.left = request.events;
  watched.done = std::move(request.done);
  watched.due = {request.deadline, request.number};
  due_.insert(*watched.due);
  if (request.claims != nullptr) watched.ids = request.claims->ids;
  for (std::uint32_t place = 0; place < watched.ids.size(); ++place) {
    if (watched.ids[place] == kNoId) continue;
    holders_.try_emplace(watched.ids[place],
                         Holder{.request = request.number, .place = place, .waiting = {}});
  }
  requests_ = watched_.size();
}

void CommitWatch::WatchChunk(OutboxId chunk, Instant deadline, std::function<void(Status)> done) {
  const std::uint64_t number = kChunkNumbers | chunk.value();
  Watch({.number = number,
         .events = 1,
         .claims = nullptr,
         .deadline = deadline,
         .done = std::move(done)});
  HandleCovered(chunk, {{.request = number, .place = 0}});
}

void CommitWatch::HandleCovered(OutboxId chunk, const std::vector<CoveredEvent>& covered) {
  if (requests() == 0) return;
  const std::lock_guard lock(mutex_);
  std::vector<CoveredEvent> mine;
  auto watched = watched_.end();
  for (const CoveredEvent& event : covered) {
    if (watched == watched_.end() || watched->first != event.request) {
      watched = watched_.find(event.request);
    }
    if (watched != watched_.end()) mine.push_back(event);
  }
  if (!mine.empty()) chunks_.emplace(chunk, std::move(mine));
}

void CommitWatch::HandleDropped(const std::vector<CoveredEvent>& dropped) {
  if (requests() == 0 || dropped.empty()) return;
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    for (const CoveredEvent& event : dropped) {
      const auto watched = watched_.find(event.request);
      if (watched == watched_.end()) continue;
      const ClaimId id =
          event.place < watched->second.ids.size() ? watched->second.ids[event.place] : kNoId;
      const auto holder = holders_.find(id);
      const bool is_held =
          id != kNoId && holder != holders_.end() &&
          (holder->second.request != event.request || holder->second.place != event.place);
      if (is_held) {
        holder->second.waiting.push_back(event.request);
      } else {
        EndHeld(event, OkStatus(), &calls);
      }
    }
  }
  Run(calls);
}

void CommitWatch::HandleCommitted(OutboxId chunk) {
  EndChunk(chunk, OkStatus());
}

void CommitWatch::HandleBuried(OutboxId chunk) {
  EndChunk(chunk, Unavailable("the ring refuses it: it is a dead letter"));
}

void CommitWatch::EndChunk(OutboxId chunk, const Status& status) {
  if (requests() == 0) return;
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    const auto events = chunks_.extract(chunk);
    if (events.empty()) return;
    for (const CoveredEvent& event : events.mapped()) EndHeld(event, status, &calls);
  }
  Run(calls);
}

// The event, and those that were dropped for it.
void CommitWatch::EndHeld(const CoveredEvent& event, const Status& status, Calls* calls) {
  const auto watched = watched_.find(event.request);
  if (watched == watched_.end()) return;
  const std::vector<ClaimId>& ids = watched->second.ids;
  const auto holder = event.place < ids.size() ? holders_.find(ids[event.place]) : holders_.end();
  std::vector<std::uint64_t> waiting;
  if (holder != holders_.end() && holder->second.request == event.request &&
      holder->second.place == event.place) {
    waiting = std::move(holder->second.waiting);
    holders_.erase(holder);
  }
  EndEvent(event.request, status, calls);
  for (const std::uint64_t number : waiting) EndEvent(number, status, calls);
}

void CommitWatch::EndEvent(std::uint64_t number, const Status& status, Calls* calls) {
  const auto watched = watched_.find(number);
  if (watched == watched_.end()) return;
  Request& request = watched->second;
  if (request.failure.ok()) request.failure = status;
  if (--request.left > 0) return;
  Answer(&request, request.failure, calls);
  --reserved_requests_;
  reserved_events_ -= request.events;
  watched_.erase(watched);
  requests_ = watched_.size();
}

void CommitWatch::Answer(Request* request, Status status, Calls* calls) {
  if (!request->due) return;  // it was
  due_.erase(*request->due);
  request->due.reset();
  calls->push_back(
      [done = std::exchange(request->done, {}), status = std::move(status)] { done(status); });
}

void CommitWatch::Tick(Instant now) {
  if (requests() == 0) return;
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    while (!due_.empty() && due_.begin()->first <= now) {
      Answer(&watched_.at(due_.begin()->second),
             Unavailable("it is in the spool, and was not stored in time"), &calls);
    }
  }
  Run(calls);
}

void CommitWatch::FailAll(const Status& status) {
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [number, request] : watched_) {
      Answer(&request, status, &calls);
      --reserved_requests_;
      reserved_events_ -= request.events;
    }
    watched_.clear();
    chunks_.clear();
    holders_.clear();
    requests_ = 0;
  }
  Run(calls);
}

void CommitWatch::Run(const Calls& calls) {
  for (const auto& call : calls) call();
}

}  // namespace carillon
