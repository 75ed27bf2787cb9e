#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "frames/call.h"
#include "frames/frame_links.h"

namespace carillon {

// The method's number in frames, of "/package.Service/Method". kNone: it goes by gRPC only.
CallMethod FrameMethodOf(std::string_view grpc_method);

// Calls by frames to those that are known to be nodes: members of the ring, at the addresses by
// which other nodes reach them. Who turns out to speak none is asked by gRPC, for kNoFramesFor.
//
// Threads: any.
class NodeFrames {
 public:
  static constexpr Duration kNoFramesFor = std::chrono::seconds(60);
  using Done = std::function<void(StatusOr<SharedBytes>)>;

  NodeFrames() : links_({.max_reply_bytes = kMaxCallBytes}) {}

  // Whom the ring has as members now.
  void SetMembers(std::set<std::string> addresses);

  bool Speaks(const std::string& endpoint, Instant now) const;

  // One attempt. `done` is called once, from any thread, also before this returns, and must not
  // block: with the response's message, the call's status, or why there is no answer: UNAVAILABLE,
  // DEADLINE_EXCEEDED; UNIMPLEMENTED: no frames are spoken there, ask by gRPC.
  void Ask(const std::string& endpoint, CallMethod method, const Rope& message, Duration timeout,
           Done done);

 private:
  void NoteNoFrames(const std::string& endpoint);

  mutable std::mutex mutex_;
  std::set<std::string> members_;
  std::map<std::string, Instant> by_grpc_until_;
  FrameLinks links_;  // the last: what it ends may look at the rest
};

}  // namespace carillon
