#include "collector/edge/reception.h"

#include <utility>

namespace carillon {
namespace {

constexpr std::int64_t kMicros = 1'000'000;

void Add(std::atomic<std::uint64_t>* counter, std::uint64_t amount) {
  if (amount > 0) counter->fetch_add(amount, std::memory_order_relaxed);
}

EdgeOutcome OverQuota(std::string_view tenant, Duration wait) {
  return {.status = ResourceExhausted("tenant '{}' is over its quota", tenant),
          .retry_after = wait};
}

// Keeps nothing of the request but what `scratch` points to.
void Prepare(const std::vector<ShapedEvent>& shaped, const Tenant& tenant, std::int64_t received_us,
             IntakeRequest* request) {
  request->tenant = tenant.name;
  request->deduplicate_seconds = tenant.deduplicate_seconds;
  request->received_us = received_us;
  request->events.clear();
  for (const ShapedEvent& event : shaped) {
    request->events.push_back({.bucket = event.bucket,
                               .type = event.type,
                               .subtype = event.subtype,
                               .time_us = event.time_us,
                               .id = event.id,
                               .json = event.json});
  }
}

}  // namespace

EdgeOutcome Reception::Admit(const Bringer& bringer, Admission* admission) const {
  admission->snapshot = tenants_->Current();
  const TenantSnapshot& snapshot = *admission->snapshot;
  const std::size_t otherwise =
      bringer.tenant.empty() ? snapshot.open : snapshot.table->Find(bringer.tenant);
  const bool is_open = otherwise < snapshot.table->size();
  if (bringer.key.empty() && !is_open) {
    return {.status = MakeStatus(StatusCode::kUnauthenticated, "no key is shown"),
            .key_missing = true};
  }
  StatusOr<std::size_t> whose = otherwise;
  if (!bringer.key.empty()) {
    whose =
        snapshot.table->Authenticate(bringer.key, bringer.origin, bringer.received_us / kMicros);
    if (is_open && whose.status().code() == StatusCode::kUnauthenticated) whose = otherwise;
  }
  if (!whose.ok()) return {.status = whose.status()};
  admission->tenant = *whose;
  TenantState* state = snapshot.states[*whose].get();
  const auto wait = state->Take({.requests = 1, .bytes = bringer.bytes}, *clock_);
  if (wait.has_value()) return OverQuota(snapshot.table->tenant(*whose).name, *wait);
  Add(&state->counters()->requests, 1);
  Add(&state->counters()->bytes, bringer.bytes);
  return {};
}

void Reception::Keep(const Admission& admission, const Bringer& bringer, EventBatch* events,
                     ReceptionScratch* scratch, std::function<void(EdgeOutcome)> done) const {
  const Tenant& tenant = admission.snapshot->table->tenant(admission.tenant);
  TenantState* state = admission.snapshot->states[admission.tenant].get();
  TenantCounters* counters = state->counters();
  const auto& shaped = scratch->shaper.Shape(tenant,
                                             {.address = bringer.address,
                                              .user_agent = bringer.user_agent,
                                              .received_us = bringer.received_us},
                                             events);
  Add(&counters->events_rejected, events->rejected());
  if (!shaped.empty()) {
    if (const auto wait = state->Take({.events = shaped.size()}, *clock_)) {
      EdgeOutcome outcome = OverQuota(tenant.name, *wait);
      outcome.events = events;
      return done(std::move(outcome));
    }
  }
  Add(&counters->events_dropped, scratch->shaper.dropped());
  if (shaped.empty()) return done({.events = events});
  Prepare(shaped, tenant, bringer.received_us, &scratch->intake);
  intake_->Keep(scratch->intake, [intake = intake_, counters, events, kept = shaped.size(),
                                  done = std::move(done)](const Status& status) {
    if (status.ok()) {
      Add(&counters->events_accepted, kept);
      return done({.events = events});
    }
    if (status.code() == StatusCode::kInvalidArgument) {
      return done({.status = status, .events = events});
    }
    // A full spool is no fault of the client's: it is told to come back, like when we stop.
    done({.status = Unavailable("not kept: {}", Message(status)),
          .retry_after = intake->RetryAfter(),
          .events = events});
  });
}

}  // namespace carillon
