#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/bucket.h"
#include "base/clock.h"
#include "base/status.h"

namespace carillon {

// Bytes a second a bucket may take: a token bucket each, with a burst of one second.
// Pure. Memory: a few words for each bucket that has a quota.
class BucketQuota {
 public:
  // Takes `bytes` from the bucket's allowance. RESOURCE_EXHAUSTED says how long to wait; nothing is
  // taken then. A chunk larger than the quota passes when the allowance is full.
  Status Take(const std::string& name, const BucketProperties& bucket, std::uint64_t bytes,
              Instant now);

 private:
  struct Allowance {
    Instant since;
    std::uint64_t bytes = 0;  // left at `since`
  };
  std::map<std::string, Allowance> allowances_;
};

}  // namespace carillon
