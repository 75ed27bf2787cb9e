#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "collector/dialects/dialect.h"
#include "collector/edge/tenant_directory.h"
#include "collector/pipeline/intake.h"
#include "collector/tenant/event_shaper.h"
#include "collector/tenant/packed_chunk.h"
#include "collector/tenant/wrong_keys.h"

namespace carillon {

// Who brings events, and what they say of themselves. The views are the caller's.
struct Bringer {
  std::string_view key;         // empty: none shown
  std::string_view tenant;      // of those without a key that somebody has; empty: the open one
  std::string_view origin;      // the header Origin; empty: none
  std::string_view address;     // of the client
  std::string_view user_agent;  // may be empty
  std::int64_t received_us = 0;
  std::size_t bytes = 0;  // of the body, unpacked
  // He brings nothing twice: the ids of his events are kept, and need not be claimed. He lives and
  // dies with this disk, so that more than AckLevel::kLocal is nothing to him.
  bool brings_once = false;
};

// Whose the request is, once that is known to be allowed.
struct Admission {
  std::shared_ptr<const TenantSnapshot> snapshot;
  std::size_t tenant = 0;
};

// Addresses that show wrong keys. Threads: any.
class KeyWatch {
 public:
  explicit KeyWatch(CollectorMetrics* metrics) : metrics_(metrics) {}
  // As WrongKeys::Count.
  std::optional<Duration> Count(std::string_view address, Instant now);

 private:
  CollectorMetrics* const metrics_;
  std::mutex mutex_;
  WrongKeys wrong_;
  Instant told_;  // when the log was told last
};

// Room to work in, to be used again. One thread at a time.
struct ReceptionScratch {
  EventShaper shaper;
  IntakeRequest intake;
};

// The one way of all dialects' events to the pipeline: key, quotas, rules, place, intake.
// Threads: any, at once.
class Reception {
 public:
  // All outlive this.
  Reception(const TenantDirectory* tenants, Intake* intake, const Clock* clock,
            CollectorMetrics* metrics)
      : tenants_(tenants), intake_(intake), clock_(clock), watch_(metrics) {}

  // From now on user agents are parsed for those tenants that ask for it. Call once; the parser
  // outlives this.
  void SetUserAgents(const UserAgentParser* parser) { user_agents_ = parser; }

  // For tenants that say no level of their own, and for how long any waits. Call before others.
  void SetAck(AckWish ack) { ack_ = ack; }

  // Ids of events are not looked at: whom the events are sent to cannot be asked of them. Call
  // before others.
  void LeaveIdsToOthers() { looks_at_ids_ = false; }

  // From now on KeepChunk keeps. Call once, before any; `chunks` outlives this.
  void SetChunkIntake(ChunkIntake* chunks) { chunks_ = chunks; }

  // Whose request it is, and whether the tenant may make one more: before its body is looked at.
  // The outcome's status is OK, and `admission` set; or UNAUTHENTICATED, PERMISSION_DENIED,
  // RESOURCE_EXHAUSTED (a quota, or too many wrong keys of this address).
  EdgeOutcome Admit(const Bringer& bringer, Admission* admission) const;

  // Keeps the events that the tenant's rules let through, and then calls `done` once, from any
  // thread, perhaps at once: OK, RESOURCE_EXHAUSTED (quota), UNAVAILABLE. Events that may not be
  // kept are rejected in `events` before. `events` outlives the call of `done`, and the outcome
  // points to it.
  void Keep(const Admission& admission, const Bringer& bringer, EventBatch* events,
            ReceptionScratch* scratch, std::function<void(EdgeOutcome)> done) const;

  // The same for a chunk that its client has packed: OK; PERMISSION_DENIED: the tenant may not;
  // RESOURCE_EXHAUSTED (quota), UNAVAILABLE, INVALID_ARGUMENT (see CheckSentChunk).
  void KeepChunk(const Admission& admission, const Bringer& bringer, const SentChunk& sent,
                 std::function<void(EdgeOutcome)> done) const;

 private:
  AckWish AckOf(const Tenant& tenant, const Bringer& bringer) const;
  StatusOr<ChunkInfo> CheckChunk(const Tenant& tenant, const Bringer& bringer,
                                 const SentChunk& sent) const;
  EdgeOutcome WrongKey(const Bringer& bringer, std::string_view why) const;

  const TenantDirectory* const tenants_;
  Intake* const intake_;
  const Clock* const clock_;
  ChunkIntake* chunks_ = nullptr;
  AckWish ack_;
  bool looks_at_ids_ = true;
  std::atomic<const UserAgentParser*> user_agents_{nullptr};
  mutable KeyWatch watch_;
};

}  // namespace carillon
