#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ack_level.h"
#include "collector/tenant/event_rules.h"
#include "collector/tenant/tenant_quota.h"
#include "collector/tenant/write_key.h"

// A tenant as its part of the configuration says. Plain data.
namespace carillon {

struct TenantKey {
  std::string name;  // for people: "web"; may be empty
  KeyHash hash;
  std::vector<std::string> origins;     // "https://shop.example"; empty: any, or none
  std::optional<std::int64_t> expires;  // seconds since 1970: refused from then on
  bool revoked = false;
  std::uint64_t requests_per_second = 0;  // of this key alone; 0: no limit beside the tenant's
};

// Where the events of a stream go. What is empty stays as it would be without.
struct StreamPlace {
  StreamPattern stream;
  std::string bucket;
  std::string type;
  std::string subtype;
};

struct Enrichment {
  bool received = true;     // _received: seconds since 1970, to the microsecond
  bool address = true;      // _ip: of the client
  bool user_agent = false;  // _user_agent: as the client sent it
  // _ua: what is in it. Parsed is the first of these fields that an event has, or else the header.
  bool parse_user_agent = false;
  std::vector<std::string> user_agent_fields;
};

struct Tenant {
  std::string name;
  std::vector<TenantKey> keys;
  QuotaLimits quota;
  std::string bucket = "events";
  std::string type = "event";        // of events that neither say one nor come in a stream
  std::vector<StreamPlace> streams;  // the first that matches
  std::vector<EventRule> rules;      // in this order
  Enrichment enrich;
  std::string hash_salt;
  bool packed_chunks = false;  // may send chunks as they are: no rule looks at their events
  // Of its requests, for the mirror; not set: as the collector's configuration says.
  std::optional<std::uint32_t> mirror_per_million;
  // Events that claim to be older, or further ahead, are stored at the second they came.
  std::int64_t max_age_seconds = 7 * 86'400;
  std::int64_t max_ahead_seconds = 240;  // nodes allow 300
  // For how long the id of an event is remembered, so that another event with it is dropped; 0:
  // ids are not looked at.
  std::uint64_t deduplicate_seconds = 3600;
  std::optional<AckLevel> ack;  // not set: as the collector's configuration says
};
// As long as claims are kept for anybody.
inline constexpr std::uint64_t kMaxDeduplicateSeconds = 31 * 86'400;

}  // namespace carillon
