#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "server/node/effects.h"
#include "server/node/watermarks.h"

namespace carillon {

// Which request each operation under way belongs to.
class Operations {
 public:
  OperationId Begin(RequestId request) {
    const OperationId operation(next_++);
    owners_.emplace(operation.value(), request);
    return operation;
  }
  // The operation is over. nullopt: it was not under way.
  std::optional<RequestId> End(OperationId operation) {
    const auto found = owners_.find(operation.value());
    if (found == owners_.end()) return std::nullopt;
    const RequestId owner = found->second;
    owners_.erase(found);
    return owner;
  }
  std::size_t size() const { return owners_.size(); }

 private:
  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, RequestId> owners_;  // lookup only
};

// What a coordinator sees of the node while it decides.
struct Scene {
  const ClusterState* state = nullptr;
  const Watermarks* watermarks = nullptr;
  NodeTime time;

  std::uint64_t now_seconds() const { return WallSeconds(time.wall); }
};

// Where a coordinator puts what it wants done. Lives for one step.
class Outbox {
 public:
  Outbox(RequestId request, const Scene* scene, Operations* operations, Effects* effects)
      : request_(request), scene_(scene), operations_(operations), effects_(effects) {}

  const Scene& scene() const { return *scene_; }
  OperationId Begin() { return operations_->Begin(request_); }
  void Do(Effect effect) { effects_->push_back(std::move(effect)); }

  template <typename Value>
  void AnswerWith(Value value) {
    Do(Answer{.request = request_,
              .status = OkStatus(),
              .value = std::move(value),
              .version = scene_->state->version});
  }
  void AnswerError(Status status) {
    Do(Answer{.request = request_,
              .status = std::move(status),
              .value = {},
              .version = scene_->state->version});
  }
  void Emit(StreamItem item) {
    item.request = request_;
    Do(std::move(item));
  }
  void EndStream(Status status) { Do(StreamEnd{.request = request_, .status = std::move(status)}); }

 private:
  RequestId request_;
  const Scene* scene_;
  Operations* operations_;
  Effects* effects_;
};

}  // namespace carillon
