#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "collector/tenant/kept_tenants.h"
#include "storage/file_system.h"

namespace carillon {

// What tenants have used of their quotas per day, in the spool's directory: a restart goes on from
// it. What a crash forgets is at most that of the last kInterval. Threads: one caller at a time.
class QuotaKeeper {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(5);

  // `directory` is the spool's, and exists; `files` outlives this.
  QuotaKeeper(FileSystem* files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  // What was kept. Damage is logged, and as if there were nothing.
  DayUses Load();

  // Whether kInterval has passed since the last Save.
  bool IsDue(Instant now) const { return !saved_ || now - *saved_ >= kInterval; }
  // Writes `uses`, if they are other than the last. UNAVAILABLE, RESOURCE_EXHAUSTED: the disk; what
  // was there stays.
  Status Save(const DayUses& uses, Instant now);

 private:
  FileSystem* const files_;
  const std::string directory_;
  std::optional<Instant> saved_;
  Bytes last_;
};

}  // namespace carillon
