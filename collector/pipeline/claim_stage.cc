#include "collector/pipeline/claim_stage.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace carillon {
namespace {

bool IsFinal(StatusCode code) {
  return code == StatusCode::kInvalidArgument || code == StatusCode::kUnimplemented ||
         code == StatusCode::kPermissionDenied || code == StatusCode::kUnauthenticated;
}

}  // namespace

std::string_view ToString(Unchecked reason) {
  switch (reason) {
    case Unchecked::kLate:
      return "late";
    case Unchecked::kUndecided:
      return "undecided";
    case Unchecked::kFull:
      return "full";
    case Unchecked::kResting:
      return "resting";
  }
  return "late";
}

std::uint64_t ClaimCounts::AllUnchecked() const {
  return std::accumulate(unchecked.begin(), unchecked.end(), std::uint64_t{0});
}

void ClaimCounts::Add(const ClaimCounts& other) {
  checked += other.checked;
  duplicates += other.duplicates;
  for (std::size_t i = 0; i < unchecked.size(); ++i) unchecked[i] += other.unchecked[i];
}

void ClaimStage::Add(StagedRequest request, Instant now, ClaimEffects* effects) {
  request.fates.resize(request.claims->ids.size(), EventFate::kStored);
  const auto tenant = tenants_.try_emplace(request.claims->tenant, limits_).first;
  if (tenant->second.bytes + request.bytes > limits_.max_tenant_bytes ||
      bytes_ + request.bytes > limits_.max_bytes) {
    PassUnchecked(std::move(request), Unchecked::kFull, effects);
  } else if (Bundle* bundle = FindBundle(request, &tenant->second, now); bundle != nullptr) {
    bundle->bytes += request.bytes;
    tenant->second.bytes += request.bytes;
    bytes_ += request.bytes;
    bundle->requests.push_back(std::move(request));
    return;
  } else {
    PassUnchecked(std::move(request), Unchecked::kResting, effects);
  }
  DropIfIdle(tenant->first);
}

// Null: the tenant's events are not asked about now.
ClaimStage::Bundle* ClaimStage::FindBundle(const StagedRequest& request, TenantQueue* tenant,
                                           Instant now) {
  const EventClaims& claims = *request.claims;
  const std::tuple key(claims.owner, claims.tenant, claims.seconds);
  if (const auto found = gathering_.find(key); found != gathering_.end()) {
    return &bundles_.at(found->second);
  }
  if (!tenant->breaker.Admit(now)) return nullptr;
  const BundleId id = next_bundle_++;
  gathering_.emplace(key, id);
  ++tenant->bundles;
  Bundle* bundle = &bundles_[id];
  bundle->tenant = claims.tenant;
  bundle->seconds = claims.seconds;
  bundle->owner = claims.owner;
  bundle->retry = limits_.retry;
  return bundle;
}

void ClaimStage::PassUnchecked(StagedRequest request, Unchecked reason, ClaimEffects* effects) {
  const std::vector<ClaimId>& ids = request.claims->ids;
  ClaimCounts counts;
  for (std::size_t place = 0; place < ids.size(); ++place) {
    const bool claims = ids[place] != ClaimId() && request.fates[place] == EventFate::kStored;
    if (claims) ++counts.unchecked[static_cast<std::size_t>(reason)];
  }
  effects->counts.emplace_back(request.claims->tenant, counts);
  effects->released.push_back({request.number, std::move(request.fates)});
}

void ClaimStage::EndGroup(ClaimOwner owner, Instant now, ClaimEffects* effects) {
  std::vector<BundleId> ended;
  for (auto at = gathering_.lower_bound({owner, "", 0});
       at != gathering_.end() && std::get<0>(at->first) == owner; at = gathering_.erase(at)) {
    ended.push_back(at->second);
  }
  for (const BundleId id : ended) End(id, &bundles_.at(id), now, effects);
  Dispatch(now, effects);
}

// Who is the first of each id: the others are duplicates whatever is said of it, because it is
// stored, or somebody else's is.
void ClaimStage::End(BundleId id, Bundle* bundle, Instant now, ClaimEffects* effects) {
  bundle->due = now + limits_.deadline;
  due_.emplace(bundle->due, id);
  std::vector<Claimant> all;
  for (std::size_t r = 0; r < bundle->requests.size(); ++r) {
    const std::vector<ClaimId>& ids = bundle->requests[r].claims->ids;
    for (std::size_t place = 0; place < ids.size(); ++place) {
      if (ids[place] == ClaimId()) continue;
      all.push_back({ids[place], static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(place)});
    }
  }
  std::sort(all.begin(), all.end(), [](const Claimant& a, const Claimant& b) {
    return std::tie(a.id, a.request, a.place) < std::tie(b.id, b.request, b.place);
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    EventFate* fate = &bundle->requests[all[i].request].fates[all[i].place];
    if (*fate == EventFate::kCovered) continue;
    if (i == 0 || all[i - 1].id != all[i].id) {
      bundle->unasked.push_back(all[i]);
      continue;
    }
    *fate = EventFate::kDropped;
    ++bundle->counts.checked;
    ++bundle->counts.duplicates;
  }
  Ask(id, *bundle);
  LookAt(id, bundle, now, effects);
}

void ClaimStage::Ask(BundleId id, const Bundle& bundle) {
  if (bundle.unasked.empty()) return;
  TenantQueue* tenant = &tenants_.at(bundle.tenant);
  tenant->asking.push_back(id);
  if (tenant->HasRoom()) asking_.insert(bundle.tenant);
}

// Tenants take turns.
void ClaimStage::Dispatch(Instant now, ClaimEffects* effects) {
  while (!asking_.empty() && calls_.size() < limits_.max_calls) {
    auto turn = asking_.upper_bound(served_);
    if (turn == asking_.end()) turn = asking_.begin();
    served_ = *turn;
    const auto tenant = tenants_.find(served_);
    if (!DispatchOne(&*tenant, now, effects)) asking_.erase(served_);
  }
}

// False: the tenant wants no other, or has as many as it may.
bool ClaimStage::DispatchOne(Tenants::value_type* tenant, Instant now, ClaimEffects* effects) {
  std::deque<BundleId>& asking = tenant->second.asking;
  while (!asking.empty()) {
    const auto found = bundles_.find(asking.front());
    if (found != bundles_.end() && !found->second.unasked.empty()) break;
    asking.pop_front();
  }
  if (asking.empty()) return false;
  const BundleId id = asking.front();
  Bundle& bundle = bundles_.at(id);
  const std::size_t count = std::min(limits_.max_ids, bundle.unasked.size());
  const auto first = bundle.unasked.end() - static_cast<std::ptrdiff_t>(count);
  Call call{.bundle = id,
            .tenant = tenant->first,
            .claimants = std::vector<Claimant>(first, bundle.unasked.end()),
            .started = now};
  bundle.unasked.erase(first, bundle.unasked.end());
  if (bundle.unasked.empty()) asking.pop_front();
  ++bundle.calls;
  ++tenant->second.calls;
  ClaimCall out{ClaimCallId(next_call_++), bundle.seconds, bundle.owner, {}};
  for (const Claimant& claimant : call.claimants) out.ids.push_back(claimant.id);
  calls_.emplace(out.id, std::move(call));
  effects->calls.push_back(std::move(out));
  return !asking.empty() && tenant->second.HasRoom();
}

void ClaimStage::HandleCall(ClaimCallId id, const StatusOr<std::vector<ClaimVerdict>>& verdicts,
                            Instant now, ClaimEffects* effects) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call call = std::move(found->second);
  calls_.erase(found);
  if (verdicts.ok()) effects->answered.push_back(now - call.started);
  TenantQueue* tenant = &tenants_.at(call.tenant);
  const bool all_used = !tenant->HasRoom();
  --tenant->calls;
  tenant->window.HandleEnd(verdicts.ok(), all_used, call.started, now);
  if (!tenant->asking.empty() && tenant->HasRoom()) asking_.insert(call.tenant);
  const std::string name = call.tenant;
  if (const auto bundle = bundles_.find(call.bundle); bundle != bundles_.end()) {
    const BundleId bundle_id = call.bundle;
    --bundle->second.calls;
    Settle(&bundle->second, std::move(call), verdicts);
    LookAt(bundle_id, &bundle->second, now, effects);
  }
  Dispatch(now, effects);
  DropIfIdle(name);
}

void ClaimStage::Settle(Bundle* bundle, Call call,
                        const StatusOr<std::vector<ClaimVerdict>>& verdicts) {
  bundle->is_hopeless |= IsFinal(verdicts.status().code());
  const bool known = verdicts.ok() && verdicts->size() == call.claimants.size();
  for (std::size_t i = 0; i < call.claimants.size(); ++i) {
    Claimant claimant = call.claimants[i];
    if (known && (*verdicts)[i] != ClaimVerdict::kUndecided) {
      ++bundle->counts.checked;
      ++bundle->verdicts;
      if ((*verdicts)[i] == ClaimVerdict::kMine) continue;
      ++bundle->counts.duplicates;
      bundle->requests[claimant.request].fates[claimant.place] = EventFate::kDropped;
      continue;
    }
    claimant.undecided = known;
    bundle->unsettled.push_back(claimant);
  }
}

// When a round of calls has ended: all is said, or some of it is asked for again, or time is up.
void ClaimStage::LookAt(BundleId id, Bundle* bundle, Instant now, ClaimEffects* effects) {
  if (!bundle->unasked.empty() || bundle->calls > 0) return;
  const bool is_over = bundle->is_hopeless || now + bundle->retry >= bundle->due;
  if (bundle->unsettled.empty() || is_over) {
    return Release(id, now, effects);
  }
  bundle->retry_at = now + bundle->retry;
  bundle->retry *= 2;
  due_.emplace(*bundle->retry_at, id);
}

void ClaimStage::Release(BundleId id, Instant now, ClaimEffects* effects) {
  const auto found = bundles_.find(id);
  Bundle bundle = std::move(found->second);
  bundles_.erase(found);
  due_.erase({bundle.due, id});
  if (bundle.retry_at) due_.erase({*bundle.retry_at, id});

  // Those of calls under way have not been heard of.
  std::uint64_t with_id = 0;
  for (const StagedRequest& request : bundle.requests) {
    for (std::size_t place = 0; place < request.fates.size(); ++place) {
      const bool claims = request.claims->ids[place] != ClaimId();
      if (claims && request.fates[place] != EventFate::kCovered) ++with_id;
    }
  }
  std::uint64_t undecided = 0;
  for (const Claimant& claimant : bundle.unsettled) undecided += claimant.undecided ? 1 : 0;
  for (const Claimant& claimant : bundle.unasked) undecided += claimant.undecided ? 1 : 0;
  const std::uint64_t unchecked = with_id - bundle.counts.checked;
  bundle.counts.unchecked[static_cast<std::size_t>(Unchecked::kUndecided)] = undecided;
  bundle.counts.unchecked[static_cast<std::size_t>(Unchecked::kLate)] = unchecked - undecided;

  TenantQueue* tenant = &tenants_.at(bundle.tenant);
  if (bundle.verdicts > 0) {
    tenant->breaker.HandleSuccess();
  } else if (unchecked > 0) {
    tenant->breaker.HandleFailure(now);
  } else {
    tenant->breaker.HandleNothing();
  }
  --tenant->bundles;
  tenant->bytes -= bundle.bytes;
  bytes_ -= bundle.bytes;
  for (StagedRequest& request : bundle.requests) {
    effects->released.push_back({request.number, std::move(request.fates)});
  }
  effects->counts.emplace_back(bundle.tenant, bundle.counts);
  DropIfIdle(bundle.tenant);
}

void ClaimStage::Tick(Instant now, ClaimEffects* effects) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const BundleId id = due_.begin()->second;
    Bundle* bundle = &bundles_.at(id);
    if (bundle->due <= now) {
      Release(id, now, effects);
      continue;
    }
    due_.erase(due_.begin());
    bundle->retry_at.reset();
    bundle->unasked = std::move(bundle->unsettled);
    bundle->unsettled.clear();
    Ask(id, *bundle);
  }
  Dispatch(now, effects);
}

std::optional<Instant> ClaimStage::Deadline() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void ClaimStage::DropIfIdle(const std::string& name) {
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) return;
  const TenantQueue& tenant = found->second;
  if (tenant.bundles > 0 || tenant.calls > 0 || !tenant.breaker.is_fresh()) return;
  asking_.erase(name);
  tenants_.erase(found);
}

}  // namespace carillon
