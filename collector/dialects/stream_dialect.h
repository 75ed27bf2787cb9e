#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "collector/dialects/event_batch.h"

namespace carillon {

// To be written to the client now, in one segment where that can be.
struct SendBytes {
  std::string bytes;
};
// To be kept; and when it is kept, `acknowledgement` (empty: none) is to be written.
struct StoreEvents {
  EventBatch events;  // may be empty: acknowledged in its turn
  std::string acknowledgement;
  // Written instead when it cannot be kept now; empty: the connection is closed, unacknowledged,
  // which makes the client send it again.
  std::string refusal;
};
using StreamEffect = std::variant<SendBytes, StoreEvents>;

// One connection of a dialect over TCP: bytes in, effects out, in order. Acknowledgements are
// written in the order of their StoreEvents.
//
// Pure: chance (nonces) comes with its making. Threads: one caller at a time. Memory: bounded by
// the dialect's greatest message, which it states.
class StreamSession {
 public:
  virtual ~StreamSession() = default;

  // What the client shows as its key: known once the handshake is done or at the first event.
  virtual std::string_view key() const = 0;
  // Called once, before any bytes come.
  virtual void Begin(std::vector<StreamEffect>* effects) = 0;
  // Takes the next bytes, cut anywhere. After an error: carry out `effects`, then close; call no
  // more. INVALID_ARGUMENT: malformed. UNAUTHENTICATED: the handshake failed. OUT_OF_RANGE: a
  // message above the limit.
  virtual Status Feed(std::string_view bytes, std::vector<StreamEffect>* effects) = 0;
  // The client has said all it had to say: takes what needed no more than that to be whole. Not
  // called after an error.
  virtual void End(std::vector<StreamEffect>* effects) { (void)effects; }
};

}  // namespace carillon
