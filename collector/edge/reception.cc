#include "collector/edge/reception.h"

#include <utility>

#include "base/log.h"

namespace carillon {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr Duration kTellEvery = std::chrono::seconds(60);

void Add(std::atomic<std::uint64_t>* counter, std::uint64_t amount) {
  if (amount > 0) counter->fetch_add(amount, std::memory_order_relaxed);
}

EdgeOutcome OverQuota(std::string_view tenant, Duration wait) {
  return {.status = ResourceExhausted("tenant '{}' is over its quota", tenant),
          .retry_after = wait};
}

// Keeps nothing of the request but what `scratch` points to.
void Prepare(const std::vector<ShapedEvent>& shaped, const Tenant& tenant, const Bringer& bringer,
             IntakeRequest* request) {
  request->tenant = tenant.name;
  request->deduplicate_seconds = bringer.brings_once ? 0 : tenant.deduplicate_seconds;
  request->received_us = bringer.received_us;
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

std::optional<Duration> KeyWatch::Count(std::string_view address, Instant now) {
  metrics_->CountWrongKey();
  const std::lock_guard lock(mutex_);
  const auto wait = wrong_.Count(address, now);
  if (wait.has_value() && (told_ == Instant() || now - told_ > kTellEvery)) {
    told_ = now;
    LogWarning("{} shows keys that nobody has, more than {} of them", address, WrongKeys::kBurst);
  }
  return wait;
}

EdgeOutcome Reception::WrongKey(const Bringer& bringer, std::string_view why) const {
  const auto wait = watch_.Count(bringer.address, clock_->Now());
  if (!wait.has_value()) return {.status = MakeStatus(StatusCode::kUnauthenticated, why)};
  return {
      .status = ResourceExhausted("{}, and too many like it came from {}", why, bringer.address),
      .retry_after = *wait};
}

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
  admission->tenant = otherwise;
  const TenantKey* key = nullptr;
  if (!bringer.key.empty()) {
    const auto holder =
        snapshot.table->Authenticate(bringer.key, bringer.origin, bringer.received_us / kMicros);
    const bool is_nobodys = holder.status().code() == StatusCode::kNotFound;
    if (is_nobodys && !is_open) return WrongKey(bringer, Message(holder.status()));
    if (!holder.ok() && !is_nobodys) return {.status = holder.status()};
    if (holder.ok()) {
      admission->tenant = holder->tenant;
      key = &snapshot.table->tenant(holder->tenant).keys[holder->key];
    }
  }
  const Tenant& tenant = snapshot.table->tenant(admission->tenant);
  TenantState* state = snapshot.states[admission->tenant].get();
  const auto wait = state->Take({.requests = 1, .bytes = bringer.bytes}, key, *clock_);
  if (wait.has_value()) return OverQuota(tenant.name, *wait);
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
                                              .received_us = bringer.received_us,
                                              .user_agents = user_agents_},
                                             events);
  Add(&counters->events_rejected, events->rejected());
  if (!shaped.empty()) {
    if (const auto wait = state->Take({.events = shaped.size()}, nullptr, *clock_)) {
      EdgeOutcome outcome = OverQuota(tenant.name, *wait);
      outcome.events = events;
      return done(std::move(outcome));
    }
  }
  Add(&counters->events_dropped, scratch->shaper.dropped());
  if (shaped.empty()) return done({.events = events});
  Prepare(shaped, tenant, bringer, &scratch->intake);
  if (!looks_at_ids_) scratch->intake.deduplicate_seconds = 0;
  scratch->intake.ack = AckOf(tenant, bringer);
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

AckWish Reception::AckOf(const Tenant& tenant, const Bringer& bringer) const {
  AckWish ack = ack_;
  if (tenant.ack) ack.level = *tenant.ack;
  if (bringer.brings_once) ack.level = AckLevel::kLocal;
  return ack;
}

StatusOr<ChunkInfo> Reception::CheckChunk(const Tenant& tenant, const Bringer& bringer,
                                          const SentChunk& sent) const {
  if (!tenant.packed_chunks || chunks_ == nullptr) {
    return MakeStatus(StatusCode::kPermissionDenied,
                      fmt::format("tenant '{}' may not send packed chunks", tenant.name));
  }
  return CheckSentChunk(sent, tenant, bringer.received_us);
}

void Reception::KeepChunk(const Admission& admission, const Bringer& bringer, const SentChunk& sent,
                          std::function<void(EdgeOutcome)> done) const {
  const Tenant& tenant = admission.snapshot->table->tenant(admission.tenant);
  TenantState* state = admission.snapshot->states[admission.tenant].get();
  const auto info = CheckChunk(tenant, bringer, sent);
  if (!info.ok()) return done({.status = info.status()});
  if (const auto wait = state->Take({.events = info->events}, nullptr, *clock_)) {
    return done(OverQuota(tenant.name, *wait));
  }
  chunks_->KeepChunk(
      {.tenant = tenant.name,
       .bucket = tenant.bucket,
       .info = *info,
       .value = SharedBytes(Bytes(sent.value)),
       .ack = AckOf(tenant, bringer)},
      [retry_after = intake_->RetryAfter(), counters = state->counters(), events = info->events,
       done = std::move(done)](const Status& status) {
        if (status.ok()) Add(&counters->events_accepted, events);
        if (status.ok() || status.code() == StatusCode::kInvalidArgument) {
          return done({.status = status});
        }
        done({.status = Unavailable("not kept: {}", Message(status)), .retry_after = retry_after});
      });
}

}  // namespace carillon
