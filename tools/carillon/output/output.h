#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

// Buffered writes to a descriptor it does not own. When whoever reads has gone (a closed pipe;
// SIGPIPE must be ignored) closed() becomes true and everything else is CANCELLED.
// Threads: one caller at a time.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  // UNAVAILABLE: cannot be written. After an error: the same again.
  Status Write(std::string_view bytes);
  Status Flush();
  bool closed() const { return closed_; }

 private:
  Status WriteAll(std::string_view bytes);
  const int descriptor_;
  std::string buffer_;
  Status failure_;
  bool closed_ = false;
};

}  // namespace carillon
