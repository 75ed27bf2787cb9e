#include "collector/quota_keeper.h"

#include <utility>

#include "base/log.h"

namespace carillon {

DayUses QuotaKeeper::Load() {
  const std::string path = directory_ + "/" + kQuotasFileName;
  if (!files_->Exists(path)) return {};
  const auto read = [&]() -> StatusOr<DayUses> {
    ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files_, path, kMaxKeptBytes));
    return DecodeKeptQuotas(bytes);
  };
  auto uses = read();
  if (uses.ok()) return *std::move(uses);
  LogWarning("{}: {}: quotas per day begin anew", path, ToString(uses.status()));
  return {};
}

Status QuotaKeeper::Save(const DayUses& uses, Instant now) {
  saved_ = now;
  if (uses.empty() && last_.empty()) return OkStatus();
  Bytes bytes = EncodeKeptQuotas(uses);
  if (bytes == last_) return OkStatus();
  RETURN_IF_ERROR(ReplaceFile(files_, directory_, kQuotasFileName, bytes));
  last_ = std::move(bytes);
  return OkStatus();
}

}  // namespace carillon
