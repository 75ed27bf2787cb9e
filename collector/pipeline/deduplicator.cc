#include "collector/pipeline/deduplicator.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>

#include "base/log.h"

namespace carillon {
namespace {

constexpr Duration kMaxWait = std::chrono::seconds(1);
// A call that a dying node does not answer is given up while there is time for another.
constexpr int kCallsInDeadline = 2;
constexpr Duration kMaxCallTime = std::chrono::seconds(5);
// Between two attempts to make a bucket.
constexpr Duration kBucketAgain = std::chrono::seconds(1);

}  // namespace

struct Deduplicator::Mailbox {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable wake_buckets;
  std::condition_variable idle;
  std::vector<Input> inputs;
  bool stopping = false;
  std::set<std::uint64_t> buckets;  // lifetimes of those that are to be made
  DeduplicatorStats stats;

  void Post(Input input) {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    inputs.push_back(std::move(input));
    if (inputs.size() == 1) wake.notify_one();
  }
  void WantBucket(std::uint64_t seconds) {
    const std::lock_guard lock(mutex);
    buckets.insert(seconds);
    wake_buckets.notify_one();
  }
};

Deduplicator::Deduplicator(DeduplicatorOptions options, Deliver deliver)
    : options_(options),
      deliver_(std::move(deliver)),
      mailbox_(std::make_shared<Mailbox>()),
      stage_(options_.limits) {}

Deduplicator::~Deduplicator() {
  Stop();
}

void Deduplicator::Start() {
  thread_ = std::thread([this] { Loop(); });
  bucket_thread_ = std::thread([this] { MakeBuckets(); });
}

void Deduplicator::Stop() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stopping = true;
    mailbox_->inputs.clear();
  }
  mailbox_->wake.notify_one();
  mailbox_->wake_buckets.notify_one();
  mailbox_->idle.notify_all();
  if (thread_.joinable()) thread_.join();
  if (bucket_thread_.joinable()) bucket_thread_.join();
}

void Deduplicator::Add(std::vector<KeptRequest> requests) {
  const auto claims = [](const KeptRequest& request) { return request.claims != nullptr; };
  const auto first = std::stable_partition(requests.begin(), requests.end(), std::not_fn(claims));
  std::vector<KeptRequest> claiming(std::make_move_iterator(first),
                                    std::make_move_iterator(requests.end()));
  requests.erase(first, requests.end());
  if (!requests.empty()) deliver_(std::move(requests));
  if (claiming.empty()) return;
  {
    // Counted at once: whoever waits until nothing waits must not miss them.
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stats.waiting_requests += claiming.size();
  }
  mailbox_->Post([claiming = std::move(claiming)](Deduplicator* self, Instant now,
                                                  ClaimEffects* effects) mutable {
    for (KeptRequest& request : claiming) self->AddNow(std::move(request), now, effects);
  });
}

void Deduplicator::AddNow(KeptRequest request, Instant now, ClaimEffects* effects) {
  const std::uint64_t number = request.number;
  StagedRequest staged{.number = number,
                       .bytes = request.value.size() + request.claims->ids.size() * kClaimIdBytes,
                       .claims = request.claims,
                       .fates = std::move(request.fates)};
  held_.emplace(number, std::move(request));
  stage_.Add(std::move(staged), now, effects);
}

void Deduplicator::EndGroup(ClaimOwner owner) {
  mailbox_->Post([owner](Deduplicator* self, Instant now, ClaimEffects* effects) {
    self->stage_.EndGroup(owner, now, effects);
  });
}

bool Deduplicator::WaitUntilIdle(Duration grace) {
  std::unique_lock lock(mailbox_->mutex);
  return mailbox_->idle.wait_for(
      lock, grace, [this] { return mailbox_->stopping || mailbox_->stats.waiting_requests == 0; });
}

DeduplicatorStats Deduplicator::stats() const {
  const std::lock_guard lock(mailbox_->mutex);
  return mailbox_->stats;
}

void Deduplicator::Loop() {
  while (true) {
    const auto deadline = stage_.Deadline();
    const Duration wait =
        deadline ? std::clamp<Duration>(*deadline - options_.clock->Now(), Duration(0), kMaxWait)
                 : kMaxWait;
    std::vector<Input> inputs;
    {
      std::unique_lock lock(mailbox_->mutex);
      mailbox_->wake.wait_for(lock, wait,
                              [this] { return mailbox_->stopping || !mailbox_->inputs.empty(); });
      if (mailbox_->stopping) return;
      inputs.swap(mailbox_->inputs);
    }
    const Instant now = options_.clock->Now();
    ClaimEffects effects;
    for (Input& input : inputs) input(this, now, &effects);
    stage_.Tick(now, &effects);
    Perform(std::move(effects));
  }
}

void Deduplicator::Perform(ClaimEffects effects) {
  std::vector<KeptRequest> released;
  for (ReleasedRequest& request : effects.released) {
    const auto held = held_.find(request.number);
    held->second.fates = std::move(request.fates);
    released.push_back(std::move(held->second));
    held_.erase(held);
  }
  const std::size_t count = released.size();
  if (count > 0) deliver_(std::move(released));
  {
    const std::lock_guard lock(mailbox_->mutex);
    Count(effects);
    mailbox_->stats.waiting_requests -= count;
    if (mailbox_->stats.waiting_requests == 0) mailbox_->idle.notify_all();
  }
  for (const ClaimCall& call : effects.calls) Send(call);
}

// With the mailbox's mutex held.
void Deduplicator::Count(const ClaimEffects& effects) {
  DeduplicatorStats& stats = mailbox_->stats;
  for (const auto& [tenant, counts] : effects.counts) {
    const bool named = stats.tenants.contains(tenant) || stats.tenants.size() < kMaxTenantStats;
    stats.tenants[named ? tenant : std::string(kOtherTenants)].Add(counts);
    stats.all.Add(counts);
  }
  for (const Duration took : effects.answered) {
    const double seconds = std::chrono::duration<double>(took).count();
    ++stats.calls.calls;
    stats.calls.seconds += seconds;
    for (std::size_t i = 0; i < kCallSeconds.size(); ++i) {
      if (seconds <= kCallSeconds[i]) ++stats.calls.within[i];
    }
  }
}

void Deduplicator::Send(const ClaimCall& call) {
  const ClaimOrder order{
      .bucket = ClaimsBucket(call.seconds), .owner = call.owner, .ids = call.ids};
  options_.client->ClaimAsync(
      order, std::min<Duration>(options_.limits.deadline / kCallsInDeadline, kMaxCallTime),
      [id = call.id, seconds = call.seconds,
       mailbox = mailbox_](StatusOr<std::vector<ClaimVerdict>> verdicts) {
        if (verdicts.status().code() == StatusCode::kNotFound) mailbox->WantBucket(seconds);
        mailbox->Post([id, verdicts = std::move(verdicts)](Deduplicator* self, Instant now,
                                                           ClaimEffects* effects) {
          self->stage_.HandleCall(id, verdicts, now, effects);
        });
      });
}

// A thread of its own, since making one takes as long as the ring takes to agree.
void Deduplicator::MakeBuckets() {
  std::unique_lock lock(mailbox_->mutex);
  while (true) {
    mailbox_->wake_buckets.wait(
        lock, [this] { return mailbox_->stopping || !mailbox_->buckets.empty(); });
    if (mailbox_->stopping) return;
    const std::uint64_t seconds = *mailbox_->buckets.begin();
    lock.unlock();
    const std::string name = ClaimsBucket(seconds);
    const Status status =
        options_.client->CreateBucket(name, BucketChange{.ttl_seconds = seconds}).status();
    const bool made = status.ok() || status.code() == StatusCode::kAlreadyExists;
    if (made) {
      LogInfo("bucket {} is there, for claims", name);
    } else {
      LogWarning("bucket {} cannot be made: {}", name, ToString(status));
    }
    lock.lock();
    mailbox_->buckets.erase(seconds);  // who still misses it asks again
    mailbox_->wake_buckets.wait_for(lock, made ? Duration(0) : kBucketAgain,
                                    [this] { return mailbox_->stopping; });
  }
}

}  // namespace carillon
