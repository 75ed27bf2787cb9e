#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/tenant/kept_tenants.h"
#include "ring/tenant_section.h"
#include "storage/file_system.h"

namespace carillon {

// Follows the tenants of the ring, and keeps the last ones in the spool's directory, so that a
// collector that starts while the ring is away knows them.
//
// The endpoints are asked in turn, one every kInterval, so that one that is cut off from the others
// and has old news does not hide new ones; when one does not answer, the next is asked at once.
// What is older than what is known changes nothing. Another cluster's tenants are taken only when
// the known one has not been heard for kPatience.
//
// Threads: one of its own, which calls `hear`; the rest: any.
class TenantFollower {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr Duration kPatience = std::chrono::seconds(10);
  // As ClusterAdmin::Tenants, of one endpoint.
  using Ask = std::function<StatusOr<std::optional<RingTenants>>(const RingTenants& known)>;

  struct Options {
    std::vector<Ask> asks;                         // one an endpoint
    std::function<void(const RingTenants&)> hear;  // takes tenants that are new
    FileSystem* files = MachineFileSystem();
    std::string directory;  // of the spool; exists
    const Clock* clock = &SystemClock();
  };

  explicit TenantFollower(Options options);
  ~TenantFollower();  // waits for the question under way

  // Hears what was kept, if there is anything. Damage is logged, and as if there were nothing.
  void HearKept();

  // Begins to ask. Waits for the first answer, at most for `patience`, unless something was kept.
  void Start(Duration patience);

  // Asks the next endpoint, and those behind it until one answers. Whether one did. What Start's
  // thread does; tests call it themselves.
  bool Poll();

  // Since an endpoint answered; nullopt: none has.
  std::optional<Duration> SinceHeard() const;
  // Of the tenants that are known.
  std::string cluster() const;
  std::uint64_t version() const;

 private:
  void Run();
  bool IsNews(const RingTenants& tenants, Instant now);
  void Take(RingTenants tenants);
  void Keep();

  const Options options_;
  std::size_t next_ = 0;         // of options_.asks
  bool kept_ = true;             // the file has what is known
  bool told_ = false;            // the log knows that nobody answers
  std::string strange_cluster_;  // that the log has been told of
  mutable std::mutex mutex_;     // guards the rest
  std::condition_variable changed_;
  RingTenants known_;
  std::optional<Instant> heard_;        // an endpoint's answer
  std::optional<Instant> heard_known_;  // an answer of known_.cluster
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace carillon
