#pragma once

#include <deque>
#include <optional>

#include "ring/bucket_change.h"
#include "ring/cluster_state.h"
#include "server/node/outbox.h"

namespace carillon {

// The cluster state, and the changes that wait for it: one at a time, each saved before it is in
// force and before anybody hears of it. With one member its own word decides.
// Pure. One owner at a time.
class StateChanges {
 public:
  static constexpr std::size_t kMaxWaiting = 64;

  explicit StateChanges(ClusterState state) : state_(std::move(state)) {}

  const ClusterState& state() const { return state_; }

  // Each is answered through the outbox of its step or a later one, exactly once.
  void Handle(CreateBucketInput input, Outbox* out);
  void Handle(SetBucketInput input, Outbox* out);
  // The save under way ended. Requires: its operation is the one that was begun. `out` is of the
  // request that asked for the change.
  void Handle(const StateSaved& saved, Outbox* out);

  // The request whose change may begin now, if one waits and none is under way.
  std::optional<RequestId> NextWaiting() const;
  // Begins that change. `out` is of NextWaiting().
  void BeginNext(Outbox* out);

 private:
  struct Change {
    RequestId request;
    std::string bucket;
    BucketChange change;
    bool create = false;
  };
  void Enqueue(Change change, Outbox* out);

  ClusterState state_;
  std::deque<Change> waiting_;
  std::optional<Change> saving_;
  std::optional<ClusterState> next_;  // what is being saved
};

}  // namespace carillon
