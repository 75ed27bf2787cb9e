#include "collector/tenant_follower.h"

#include <utility>

#include "base/log.h"

namespace carillon {

TenantFollower::TenantFollower(Options options) : options_(std::move(options)) {}

TenantFollower::~TenantFollower() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TenantFollower::HearKept() {
  const std::string path = options_.directory + "/" + kTenantsFileName;
  if (!options_.files->Exists(path)) return;
  const auto read = [&]() -> StatusOr<RingTenants> {
    ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(options_.files, path, kMaxKeptBytes));
    return DecodeKeptTenants(bytes);
  };
  auto tenants = read();
  if (!tenants.ok()) {
    LogWarning("{}: {}: the ring is asked for its tenants", path, ToString(tenants.status()));
    return;
  }
  options_.hear(*tenants);
  const std::lock_guard lock(mutex_);
  known_ = *std::move(tenants);
}

void TenantFollower::Start(Duration patience) {
  thread_ = std::thread([this] { Run(); });
  std::unique_lock lock(mutex_);
  if (!known_.cluster.IsNil()) return;
  changed_.wait_for(lock, patience, [this] { return heard_.has_value(); });
}

void TenantFollower::Run() {
  while (true) {
    Poll();
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kInterval, [this] { return stopping_; })) return;
  }
}

bool TenantFollower::Poll() {
  RingTenants known;
  {
    const std::lock_guard lock(mutex_);
    known.cluster = known_.cluster;
    known.generation = known_.generation;
    known.section.changed = known_.section.changed;
  }
  Status failure = OkStatus();
  for (std::size_t i = 0; i < options_.asks.size(); ++i) {
    const Ask& ask = options_.asks[next_++ % options_.asks.size()];
    auto answer = ask(known);
    if (!answer.ok()) {
      failure = answer.status();
      continue;
    }
    const Instant now = options_.clock->Now();
    if (std::exchange(told_, false)) LogInfo("the ring is there again");
    if (!answer->has_value()) {
      const std::lock_guard lock(mutex_);
      heard_known_ = now;
    } else if (IsNews(**answer, now)) {
      Take(**std::move(answer));
    }
    if (!kept_) Keep();
    const std::lock_guard lock(mutex_);
    heard_ = now;
    changed_.notify_all();
    return true;
  }
  if (!std::exchange(told_, true)) {
    LogWarning("the ring cannot be asked for its tenants, they stay as they are: {}",
               ToString(failure));
  }
  return false;
}

bool TenantFollower::IsNews(const RingTenants& tenants, Instant now) {
  const std::lock_guard lock(mutex_);
  if (tenants.cluster == known_.cluster) {
    heard_known_ = now;
    return std::pair(tenants.generation, tenants.section.changed) >
           std::pair(known_.generation, known_.section.changed);
  }
  if (known_.cluster.IsNil()) return true;
  const std::string name = ToString(tenants.cluster);
  const bool is_gone = !heard_known_ || now - *heard_known_ >= kPatience;
  if (strange_cluster_ != name || is_gone) {
    LogWarning("the endpoint is of cluster {}, the tenants are of {}{}", name,
               ToString(known_.cluster), is_gone ? ": they are taken from the new one now" : "");
    strange_cluster_ = name;
  }
  return is_gone;
}

void TenantFollower::Take(RingTenants tenants) {
  options_.hear(tenants);
  LogInfo("the ring has {} tenants and {} keys, as of version {}", tenants.section.tenants.size(),
          tenants.section.keys.size(), tenants.section.changed);
  kept_ = false;
  const std::lock_guard lock(mutex_);
  known_ = std::move(tenants);
  heard_known_ = options_.clock->Now();
}

// Again with the next answer, if the disk does not take it.
void TenantFollower::Keep() {
  RingTenants known;
  {
    const std::lock_guard lock(mutex_);
    known = known_;
  }
  const Status saved =
      ReplaceFile(options_.files, options_.directory, kTenantsFileName, EncodeKeptTenants(known));
  kept_ = saved.ok();
  if (!saved.ok()) LogWarning("the ring's tenants cannot be kept: {}", ToString(saved));
}

std::optional<Duration> TenantFollower::SinceHeard() const {
  const std::lock_guard lock(mutex_);
  if (!heard_) return std::nullopt;
  return options_.clock->Now() - *heard_;
}

std::string TenantFollower::cluster() const {
  const std::lock_guard lock(mutex_);
  return known_.cluster.IsNil() ? "" : ToString(known_.cluster);
}

std::uint64_t TenantFollower::version() const {
  const std::lock_guard lock(mutex_);
  return known_.section.changed.value();
}

}  // namespace carillon
