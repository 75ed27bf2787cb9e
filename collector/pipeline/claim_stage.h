#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/claim.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"
#include "collector/pipeline/call_window.h"
#include "collector/pipeline/claim_breaker.h"
#include "collector/pipeline/event_claims.h"

namespace carillon {

struct ClaimLimits {
  std::size_t max_ids = kMaxClaims;  // of one call
  std::size_t max_calls = 256;       // under way
  CallWindowLimits tenant_calls;
  std::size_t max_bytes = std::size_t{128} << 20;  // of requests that wait for verdicts
  std::size_t max_tenant_bytes = std::size_t{32} << 20;
  Duration deadline = std::chrono::seconds(2);     // from a group's end
  Duration retry = std::chrono::milliseconds(50);  // doubles
  BreakerLimits breaker;
};

// What becomes of an event.
enum class EventFate : std::uint8_t {
  kStored,
  kDropped,  // a duplicate
  kCovered,  // was in the outbox before: another life of this collector has seen to it
};

// Why an event went on without a verdict.
enum class Unchecked : std::uint8_t {
  kLate,       // no answer in time
  kUndecided,  // the ring could not say
  kFull,       // too much waited
  kResting,    // others of its tenant had no verdict, so it was not asked for
};
inline constexpr std::size_t kUncheckedReasons = 4;
std::string_view ToString(Unchecked reason);

// Events with an id.
struct ClaimCounts {
  std::uint64_t checked = 0;
  std::uint64_t duplicates = 0;  // of them: dropped
  std::array<std::uint64_t, kUncheckedReasons> unchecked{};

  std::uint64_t AllUnchecked() const;
  void Add(const ClaimCounts& other);
  friend bool operator==(const ClaimCounts&, const ClaimCounts&) = default;
};

struct StagedRequest {
  std::uint64_t number = 0;  // of its record: no other has it
  std::size_t bytes = 0;     // that it keeps from others while it waits
  std::shared_ptr<const EventClaims> claims;
  std::vector<EventFate> fates;  // empty: kStored each
};

using ClaimCallId = Id<struct ClaimCallTag, std::uint64_t>;

struct ClaimCall {
  ClaimCallId id;
  std::uint64_t seconds = 0;
  ClaimOwner owner;
  std::vector<ClaimId> ids;
};
struct ReleasedRequest {
  std::uint64_t number = 0;
  std::vector<EventFate> fates;
};
struct ClaimEffects {
  std::vector<ClaimCall> calls;
  std::vector<ReleasedRequest> released;
  std::vector<std::pair<std::string, ClaimCounts>> counts;  // by tenant, to be added
  std::vector<Duration> answered;                           // how long each call took
};

// Decides which events are duplicates, between the intake and the batcher.
//
//   Add --> gathers with its group --EndGroup--> asks --verdicts, or the deadline--> released
//
// The requests of a group claim together, for one owner; each tenant's by themselves (a bundle).
// A group must have ended before it asks: which of two events with one id in a group is the first
// is known then, and after a crash it is the same one. What has no verdict by the deadline goes on
// unchecked, and so does, at once, what would make too much wait, and what comes while its tenant's
// breaker is open: claims that are slow or gone delay a tenant's events by the deadline at most,
// and no other tenant's. The breaker opens when bundles have had no verdict at all. A tenant has as
// many calls under way as are answered quickly: a ring that is behind is not asked for more.
//
// Nothing is lost by it: an event is dropped only when another owner has its id, whose event is on
// a disk, or when an event before it in its group has.
//
// Pure. One caller at a time. Memory: max_bytes, some 100 bytes an id of them, and a little for
// each tenant with something waiting or an open breaker.
class ClaimStage {
 public:
  explicit ClaimStage(ClaimLimits limits) : limits_(limits) {}

  // Requires: claims; requests of one group in the order of their numbers.
  void Add(StagedRequest request, Instant now, ClaimEffects* effects);
  // No request of this group comes any more. Each group must end: until then it waits. An unknown
  // one: changes nothing.
  void EndGroup(ClaimOwner owner, Instant now, ClaimEffects* effects);
  // An error, or not one verdict an id: asked again, while there is time; but not what another try
  // would not change (INVALID_ARGUMENT, UNIMPLEMENTED, PERMISSION_DENIED, UNAUTHENTICATED). A call
  // that is not known, or whose events have gone on, changes nothing but that there is room for
  // another.
  void HandleCall(ClaimCallId id, const StatusOr<std::vector<ClaimVerdict>>& verdicts, Instant now,
                  ClaimEffects* effects);
  // Acts on whatever is due at `now`.
  void Tick(Instant now, ClaimEffects* effects);
  // When Tick must run next; nullopt: not until something else happens.
  std::optional<Instant> Deadline() const;

  std::size_t waiting_bytes() const { return bytes_; }
  std::size_t calls() const { return calls_.size(); }
  std::size_t tenants() const { return tenants_.size(); }

 private:
  using BundleId = std::uint64_t;
  // An event that claims its id.
  struct Claimant {
    ClaimId id;
    std::uint32_t request = 0;  // of the bundle
    std::uint32_t place = 0;
    bool undecided = false;  // the last verdict on it
  };
  struct Bundle {
    std::string tenant;
    std::uint64_t seconds = 0;
    ClaimOwner owner;
    std::vector<StagedRequest> requests;
    std::size_t bytes = 0;
    Instant due;
    std::vector<Claimant> unasked;    // in this round
    std::vector<Claimant> unsettled;  // asked, without a verdict
    std::size_t calls = 0;            // under way
    Duration retry{0};
    std::optional<Instant> retry_at;
    std::uint64_t verdicts = 0;  // that the ring gave
    bool is_hopeless = false;    // asking again would change nothing
    ClaimCounts counts;
  };
  struct TenantQueue {
    explicit TenantQueue(const ClaimLimits& limits)
        : breaker(limits.breaker), window(limits.tenant_calls) {}
    bool HasRoom() const { return calls < window.size(); }

    ClaimBreaker breaker;
    CallWindow window;
    std::size_t bundles = 0;
    std::size_t bytes = 0;
    std::size_t calls = 0;
    std::deque<BundleId> asking;  // with something unasked; may name those that are gone
  };
  struct Call {
    BundleId bundle = 0;
    std::string tenant;
    std::vector<Claimant> claimants;
    Instant started;
  };
  using Tenants = std::map<std::string, TenantQueue>;

  Bundle* FindBundle(const StagedRequest& request, TenantQueue* tenant, Instant now);
  void PassUnchecked(StagedRequest request, Unchecked reason, ClaimEffects* effects);
  void End(BundleId id, Bundle* bundle, Instant now, ClaimEffects* effects);
  void Ask(BundleId id, const Bundle& bundle);
  void Dispatch(Instant now, ClaimEffects* effects);
  bool DispatchOne(Tenants::value_type* tenant, Instant now, ClaimEffects* effects);
  void Settle(Bundle* bundle, Call call, const StatusOr<std::vector<ClaimVerdict>>& verdicts);
  void LookAt(BundleId id, Bundle* bundle, Instant now, ClaimEffects* effects);
  void Release(BundleId id, Instant now, ClaimEffects* effects);
  void DropIfIdle(const std::string& tenant);

  const ClaimLimits limits_;
  Tenants tenants_;
  std::map<BundleId, Bundle> bundles_;
  // The bundles of groups that have not ended.
  std::map<std::tuple<ClaimOwner, std::string, std::uint64_t>, BundleId> gathering_;
  std::map<ClaimCallId, Call> calls_;
  std::set<std::string> asking_;                // tenants that want a call and may have one
  std::string served_;                          // the tenant whose turn was last
  std::set<std::pair<Instant, BundleId>> due_;  // deadlines and retries
  BundleId next_bundle_ = 1;
  std::uint64_t next_call_ = 1;
  std::size_t bytes_ = 0;
};

}  // namespace carillon
