#pragma once

#include "base/bytes.h"
#include "base/status.h"

namespace carillon {

// The way to another collector that keeps copies. Threads: one caller at a time.
class CopyLink {
 public:
  virtual ~CopyLink() = default;

  // Sends an encoded CopyAsk and returns the encoded CopyReply; blocks, for a bounded time.
  // UNAVAILABLE: no answer. PERMISSION_DENIED: it does not know our key. UNIMPLEMENTED: it keeps no
  // copies.
  virtual StatusOr<Bytes> Ask(ByteSpan ask) = 0;
};

}  // namespace carillon
