#include "collector/copies/copy_plan.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace carillon {
namespace {

// When it was alone it is in step again with so little behind.
constexpr Duration kNearlyInStep = std::chrono::milliseconds(500);

bool IsAway(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded;
}

// It is there and will not have the copy: it is full, say. Not: it knows no such session.
bool IsRefusal(const Status& status) {
  return !status.ok() && !IsAway(status) && status.code() != StatusCode::kFailedPrecondition;
}

}  // namespace

std::string_view ToString(CopyState state) {
  switch (state) {
    case CopyState::kCopying:
      return "copying";
    case CopyState::kInStep:
      return "in step";
    case CopyState::kAlone:
      return "alone";
  }
  return "?";
}

CopyPlan::CopyPlan(CopyPlanLimits limits, std::size_t peers, std::uint64_t generation, Instant now)
    : limits_(limits),
      peers_(peers),
      generation_(generation),
      patience_(peers, {.rest = limits.first_rest}),
      incomplete_since_(now),
      forgotten_(peers, 0) {
  CHECK(peers > 0);
}

void CopyPlan::HandleGrown(CopyFile file, std::uint64_t bytes, Instant now) {
  std::uint64_t& known = files_[file];
  if (bytes <= known) return;
  const std::uint64_t before = std::exchange(known, bytes);
  ++position_;
  if (session_ == 0) return;
  waiting_bytes_ += bytes - before;
  // What is not under way yet grows.
  if (queue_.size() > batch_.size() && !queue_.empty()) {
    Waiting& last = queue_.back();
    if (last.step.kind == CopyStepKind::kAppend && last.step.file == file) {
      last.step.to = bytes;
      last.position = position_;
      return;
    }
  }
  Enqueue({.kind = CopyStepKind::kAppend, .file = file, .from = before, .to = bytes}, now);
}

void CopyPlan::HandleRemoved(CopyFile file, Instant now) {
  if (files_.erase(file) == 0) return;
  ++position_;
  if (session_ != 0) Enqueue({.kind = CopyStepKind::kRemove, .file = file}, now);
}

void CopyPlan::Enqueue(CopyStep step, Instant now) {
  queue_.push_back({.step = step, .position = position_, .since = now});
}

std::optional<CopyCall> CopyPlan::Next(Instant now) {
  if (under_way_ || now < patience_[peer_].not_before) return std::nullopt;
  // Whatever is under way will not be believed: while nothing is, the queue may be thrown away.
  if (queue_.size() > limits_.max_steps) GiveUp(false, now);
  CopyCall call{.peer = peer_};
  if (session_ == 0) {
    call.kind = CopyAskKind::kBegin;
    call.generation = ++generation_;
  } else {
    if (!batch_made_) {
      const bool ping_due = now - asked_at_ >= limits_.ping_every;
      if (queue_.empty() && !ping_due) return std::nullopt;
      batch_ = NextBatch();
      batch_made_ = true;
      ++sequence_;
    }
    call.kind = CopyAskKind::kShip;
    call.generation = generation_;
    call.session = session_;
    call.sequence = sequence_;
    call.steps = batch_;
  }
  under_way_ = true;
  asked_at_ = now;
  return call;
}

std::vector<CopyStep> CopyPlan::NextBatch() const {
  std::vector<CopyStep> batch;
  std::uint64_t room = limits_.batch_bytes;
  for (const Waiting& waiting : queue_) {
    if (batch.size() == limits_.batch_steps || room == 0) break;
    CopyStep step = waiting.step;
    step.to = std::min(step.to, step.from + room);
    room -= step.to - step.from;
    batch.push_back(step);
    if (step.to < waiting.step.to) break;
  }
  return batch;
}

void CopyPlan::HandleBegun(const Status& status, std::uint64_t session, std::uint64_t newest,
                           Instant now) {
  under_way_ = false;
  if (status.code() == StatusCode::kAlreadyExists && newest >= generation_) {
    generation_ = newest;
    return;
  }
  if (!status.ok() || session == 0) {
    Rest(status, now);
    peer_ = NextPeer(now);
    return;
  }
  session_ = session;
  sequence_ = 0;
  failing_since_.reset();
  // Out of order to the spool's own life, but believed only when complete.
  for (const auto& [file, bytes] : files_) {
    Enqueue({.kind = CopyStepKind::kAppend, .file = file, .to = bytes}, now);
    waiting_bytes_ += bytes;
  }
  Enqueue({.kind = CopyStepKind::kComplete}, now);
}

void CopyPlan::HandleShipped(const Status& status, Instant now) {
  under_way_ = false;
  if (status.ok()) {
    for (const CopyStep& step : batch_) Shipped(step);
    batch_.clear();
    batch_made_ = false;
    failing_since_.reset();
    // Who takes the beginning may be full before the whole is there.
    if (complete_) patience_[peer_].rest = limits_.first_rest;
    return;
  }
  if (!failing_since_) failing_since_ = asked_at_;
  Rest(status, now);
  if (IsAway(status)) {
    if (now - *failing_since_ >= limits_.give_up_after) GiveUp(true, now);
  } else {
    GiveUp(IsRefusal(status), now);  // else it has forgotten the session
  }
}

void CopyPlan::Shipped(const CopyStep& step) {
  Waiting& first = queue_.front();
  if (step.kind == CopyStepKind::kAppend) {
    waiting_bytes_ -= step.to - step.from;
    first.step.from = step.to;
    if (step.to < first.step.to) return;
  }
  if (step.kind == CopyStepKind::kComplete) complete_ = true;
  if (complete_) copied_ = first.position;
  queue_.pop_front();
}

void CopyPlan::GiveUp(bool next_peer, Instant now) {
  if (complete_) incomplete_since_ = failing_since_.value_or(now);
  if (const auto since = BehindSince()) incomplete_since_ = std::min(incomplete_since_, *since);
  complete_ = false;
  session_ = 0;
  queue_.clear();
  waiting_bytes_ = 0;
  batch_.clear();
  batch_made_ = false;
  failing_since_.reset();
  if (next_peer) peer_ = NextPeer(now);
}

// Who may be asked first; of several, the next in turn.
std::size_t CopyPlan::NextPeer(Instant now) const {
  const auto free_at = [&](std::size_t peer) { return std::max(now, patience_[peer].not_before); };
  std::size_t next = (peer_ + 1) % peers_;
  for (std::size_t i = 2; i <= peers_; ++i) {
    const std::size_t other = (peer_ + i) % peers_;
    if (free_at(other) < free_at(next)) next = other;
  }
  return next;
}

// Of the peer that failed: before it is given up.
void CopyPlan::Rest(const Status& status, Instant now) {
  Patience& patience = patience_[peer_];
  const Duration most = IsRefusal(status) ? limits_.max_refused_rest : limits_.max_rest;
  const Duration rest = std::min(patience.rest, most);
  patience.not_before = now + rest;
  patience.rest = rest * 2;
}

std::optional<Instant> CopyPlan::BehindSince() const {
  if (!complete_) return incomplete_since_;
  if (queue_.empty()) return std::nullopt;
  return queue_.front().since;
}

Duration CopyPlan::Behind(Instant now) const {
  const auto since = BehindSince();
  return since && *since < now ? now - *since : Duration(0);
}

void CopyPlan::Tick(Instant now) {
  if (Behind(now) >= limits_.alone_after) {
    alone_ = true;
  } else if (complete_ && Behind(now) < kNearlyInStep) {
    alone_ = false;
  }
}

std::optional<Instant> CopyPlan::Deadline() const {
  std::optional<Instant> due;
  const auto also = [&due](Instant when) { due = due ? std::min(*due, when) : when; };
  if (const auto since = BehindSince(); since && !alone_) also(*since + limits_.alone_after);
  if (!under_way_) {
    const bool idle = session_ != 0 && !batch_made_ && queue_.empty();
    also(idle ? asked_at_ + limits_.ping_every : patience_[peer_].not_before);
  }
  return due;
}

CopyState CopyPlan::state() const {
  if (alone_) return CopyState::kAlone;
  return complete_ ? CopyState::kInStep : CopyState::kCopying;
}

std::optional<std::size_t> CopyPlan::ToForget() const {
  if (!complete_) return std::nullopt;
  for (std::size_t i = 0; i < peers_; ++i) {
    if (i != peer_ && forgotten_[i] < generation_) return i;
  }
  return std::nullopt;
}

void CopyPlan::HandleForgot(std::size_t peer, std::uint64_t generation) {
  forgotten_[peer] = std::max(forgotten_[peer], generation);
}

}  // namespace carillon
