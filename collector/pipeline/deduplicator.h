#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "client/client.h"
#include "collector/pipeline/claim_stage.h"
#include "collector/pipeline/intake_log.h"

namespace carillon {

// Of counts by tenant: names; those that come later are together under kOtherTenants.
inline constexpr std::size_t kMaxTenantStats = 1000;
inline constexpr char kOtherTenants[] = "(others)";

struct DeduplicatorOptions {
  Client* client = nullptr;
  const Clock* clock = nullptr;
  ClaimLimits limits;
};

// How long calls took: those of up to kCallSeconds[i] are counted in within[i], and in all that
// follow.
inline constexpr std::array<double, 10> kCallSeconds = {0.002, 0.005, 0.01, 0.025, 0.05,
                                                        0.1,   0.25,  0.5,  1,     2};
struct ClaimCallTimes {
  std::array<std::uint64_t, kCallSeconds.size()> within{};
  std::uint64_t calls = 0;
  double seconds = 0;
};

struct DeduplicatorStats {
  ClaimCounts all;
  std::map<std::string, ClaimCounts, std::less<>> tenants;
  ClaimCallTimes calls;                // that were answered
  std::uint64_t waiting_requests = 0;  // for verdicts
};

// The thread between the intake and the packer that has the ids of events claimed in the ring, and
// says which events are dropped: carries out what ClaimStage decides. What claims nothing goes
// through on the caller's thread.
//
// The bucket of claims of a lifetime is made when a claim finds that it is not there.
//
// Threads: any, at once.
class Deduplicator {
 public:
  using Deliver = std::function<void(std::vector<KeptRequest>)>;

  // What the options point to outlives it. `deliver` is called on its thread or on a caller's, and
  // must not block.
  Deduplicator(DeduplicatorOptions options, Deliver deliver);
  ~Deduplicator();  // Stop

  void Start();
  void Add(std::vector<KeptRequest> requests);
  // All requests of this group have been added.
  void EndGroup(ClaimOwner owner);

  // Until all that was added is delivered, or for `grace`. False: something still waits.
  bool WaitUntilIdle(Duration grace);
  // What waits stays in the intake. Calls under way are not waited for, and not heard of; a bucket
  // that is being made is.
  void Stop();

  DeduplicatorStats stats() const;

 private:
  struct Mailbox;
  using Input = std::function<void(Deduplicator*, Instant, ClaimEffects*)>;

  void Loop();
  void AddNow(KeptRequest request, Instant now, ClaimEffects* effects);
  void Perform(ClaimEffects effects);
  void Count(const ClaimEffects& effects);
  void Send(const ClaimCall& call);
  void MakeBuckets();

  const DeduplicatorOptions options_;
  const Deliver deliver_;
  const std::shared_ptr<Mailbox> mailbox_;  // shared with calls under way, which may outlive this
  // The thread's own.
  ClaimStage stage_;
  std::unordered_map<std::uint64_t, KeptRequest> held_;  // by number
  std::thread thread_;
  std::thread bucket_thread_;
};

}  // namespace carillon
