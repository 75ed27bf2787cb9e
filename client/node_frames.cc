#include "client/node_frames.h"

#include <utility>

namespace carillon {

CallMethod FrameMethodOf(std::string_view grpc_method) {
  static const std::map<std::string_view, CallMethod> methods = {
      {"/carillon.v1.EventsService/PutChunk", CallMethod::kPutChunk},
      {"/carillon.v1.EventsService/CommitSecond", CallMethod::kCommitSecond},
      {"/carillon.v1.EventsService/GetChunk", CallMethod::kGetChunk},
  };
  const auto found = methods.find(grpc_method);
  return found == methods.end() ? CallMethod::kNone : found->second;
}

void NodeFrames::SetMembers(std::set<std::string> addresses) {
  const std::lock_guard lock(mutex_);
  members_ = std::move(addresses);
  std::erase_if(by_grpc_until_, [this](const auto& one) { return !members_.contains(one.first); });
}

bool NodeFrames::Speaks(const std::string& endpoint, Instant now) const {
  const std::lock_guard lock(mutex_);
  if (!members_.contains(endpoint)) return false;
  const auto by_grpc = by_grpc_until_.find(endpoint);
  return by_grpc == by_grpc_until_.end() || by_grpc->second <= now;
}

void NodeFrames::Ask(const std::string& endpoint, CallMethod method, const Rope& message,
                     Duration timeout, Done done) {
  // Reads on a connection of their own: a commit does not stand behind their values.
  const int lane = method == CallMethod::kGetChunk ? 1 : 0;
  links_.Ask(endpoint, lane, FrameKind::kCall, EncodeCall(method, message), timeout,
             [this, endpoint, done = std::move(done)](StatusOr<SharedBytes> body) {
               if (body.status().code() == StatusCode::kUnimplemented) NoteNoFrames(endpoint);
               done(std::move(body));
             });
}

void NodeFrames::NoteNoFrames(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  by_grpc_until_[endpoint] = SystemClock().Now() + kNoFramesFor;
}

}  // namespace carillon
