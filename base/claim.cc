#include "base/claim.h"

#include <cstring>

#include "base/chunk_key.h"
#include "base/hash.h"

namespace carillon {

std::string_view ToString(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::kUndecided:
      return "undecided";
    case ClaimVerdict::kMine:
      return "mine";
    case ClaimVerdict::kTaken:
      return "taken";
  }
  return "undecided";
}

Status Validate(const ClaimOrder& order) {
  RETURN_IF_ERROR(CheckName("bucket", order.bucket));
  if (order.owner.value().IsNil()) return InvalidArgument("the owner of a claim is all zeros");
  if (order.ids.empty()) return InvalidArgument("no ids to claim");
  if (order.ids.size() > kMaxClaims) {
    return InvalidArgument("{} ids in one claim, at most {}", order.ids.size(), kMaxClaims);
  }
  return OkStatus();
}

std::uint16_t ClaimPosition(std::string_view bucket, const ClaimId& id) {
  const Uuid uuid = id.value();
  const std::string_view bytes(reinterpret_cast<const char*>(uuid.bytes.data()), kClaimIdBytes);
  return static_cast<std::uint16_t>(HashOfKey(bucket, bytes) >> 48);
}

Bytes EncodeClaimIds(const std::vector<ClaimId>& ids) {
  Bytes bytes;
  bytes.reserve(ids.size() * kClaimIdBytes);
  for (const ClaimId& id : ids) {
    bytes.append(reinterpret_cast<const char*>(id.value().bytes.data()), kClaimIdBytes);
  }
  return bytes;
}

StatusOr<std::vector<ClaimId>> DecodeClaimIds(ByteSpan bytes) {
  if (bytes.size() % kClaimIdBytes != 0) {
    return InvalidArgument("ids of {} bytes, not a multiple of {}", bytes.size(), kClaimIdBytes);
  }
  if (bytes.size() / kClaimIdBytes > kMaxClaims) {
    return InvalidArgument("{} ids, at most {}", bytes.size() / kClaimIdBytes, kMaxClaims);
  }
  std::vector<ClaimId> ids(bytes.size() / kClaimIdBytes);
  for (ClaimId& id : ids) {
    Uuid uuid;
    std::memcpy(uuid.bytes.data(), bytes.data(), kClaimIdBytes);
    id = ClaimId(uuid);
    bytes.remove_prefix(kClaimIdBytes);
  }
  return ids;
}

}  // namespace carillon
