#include "collector/pipeline/event_claims.h"

#include <sodium.h>

#include "base/check.h"
#include "collector/pipeline/spool_format.h"

namespace carillon {

ClaimId HashOfEventId(std::string_view tenant, std::string_view id) {
  static const bool kReady = sodium_init() >= 0;
  CHECK(kReady);
  thread_local std::string text;
  text.assign(tenant);
  text += '\0';
  text += id;
  Uuid hash;
  static_assert(sizeof hash.bytes == crypto_generichash_BYTES_MIN);
  crypto_generichash(hash.bytes.data(), hash.bytes.size(),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  return ClaimId(hash);
}

std::shared_ptr<EventClaims> ClaimsOf(const IntakeRequest& request) {
  if (!ClaimsIds(request)) return nullptr;
  auto claims = std::make_shared<EventClaims>();
  claims->tenant = request.tenant;
  claims->seconds = request.deduplicate_seconds;
  claims->ids.reserve(request.events.size());
  for (const PreparedEvent& event : request.events) {
    claims->ids.push_back(event.id.empty() ? ClaimId() : HashOfEventId(request.tenant, event.id));
  }
  return claims;
}

std::string ClaimsBucket(std::uint64_t seconds) {
  return fmt::format("claims-{}s", seconds);
}

}  // namespace carillon
