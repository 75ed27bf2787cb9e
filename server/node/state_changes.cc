#include "server/node/state_changes.h"

namespace carillon {

void StateChanges::Handle(CreateBucketInput input, Outbox* out) {
  Enqueue({.request = input.request,
           .bucket = std::move(input.name),
           .change = input.properties,
           .create = true},
          out);
}

void StateChanges::Handle(SetBucketInput input, Outbox* out) {
  Enqueue({.request = input.request,
           .bucket = std::move(input.name),
           .change = input.change,
           .create = false},
          out);
}

void StateChanges::Enqueue(Change change, Outbox* out) {
  if (waiting_.size() >= kMaxWaiting) {
    return out->AnswerError(ResourceExhausted("{} changes of the cluster state wait", kMaxWaiting));
  }
  waiting_.push_back(std::move(change));
}

std::optional<RequestId> StateChanges::NextWaiting() const {
  if (saving_ || waiting_.empty()) return std::nullopt;
  return waiting_.front().request;
}

void StateChanges::BeginNext(Outbox* out) {
  Change change = std::move(waiting_.front());
  waiting_.pop_front();
  auto next = change.create ? WithNewBucket(state_, change.bucket, change.change)
                            : WithBucketChanged(state_, change.bucket, change.change);
  if (!next.ok()) return out->AnswerError(next.status());
  out->Do(SaveState{.operation = out->Begin(), .state = *next});
  next_ = std::move(*next);
  saving_ = std::move(change);
}

void StateChanges::Handle(const StateSaved& saved, Outbox* out) {
  if (!saving_) return;
  const std::string bucket = saving_->bucket;
  saving_.reset();
  if (!saved.status.ok()) return out->AnswerError(saved.status);
  state_ = std::move(*next_);
  out->AnswerWith(BucketAnswer{.name = bucket, .properties = *state_.FindBucket(bucket)});
}

}  // namespace carillon
