#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/channel.h>

#include "base/clock.h"
#include "base/random.h"
#include "client/channel_pool.h"
#include "client/client.h"
#include "client/node_frames.h"
#include "client/router.h"
#include "client/throttle.h"

namespace carillon {

// The Router as all calls of a client share it, and how it learns of the ring: GetClusterState of
// any endpoint, before the first call and again when a node is heard of that knows a newer state,
// or refuses a route, or when nodes fail. One fetch at a time, and no two within
// kMinFetchInterval. With ClientOptions::ring_aware false nothing is ever fetched.
//
// Threads: any. The destructor waits for the fetch under way.
class RingView {
 public:
  static constexpr Duration kMinFetchInterval = std::chrono::milliseconds(50);
  // After a node failed.
  static constexpr Duration kDoubtInterval = std::chrono::seconds(1);
  static constexpr Duration kFetchTimeout = std::chrono::seconds(1);
  static constexpr int kFetchAttempts = 3;  // each at another endpoint, if there is one

  explicit RingView(const ClientOptions& options);
  ~RingView();

  // Runs `act` when the first fetch has ended, well or not; at once if it has. The first call of
  // this begins the fetch.
  void WhenReady(std::function<void()> act);
  void WaitUntilReady();

  // The state as it is now; null: none, or of one member.
  Router::Ring ring() const;

  Target Find(const Aim& aim) const;
  Target Pick(const Aim& aim);
  std::map<std::string, std::vector<std::size_t>> Group(const std::string& bucket,
                                                        const std::vector<std::string>& keys);
  std::string NextHome(const Aim& aim, const std::vector<std::string>& except) const;

  // How long to wait for the answer of `target` to what is about `aim`: at most `at_most`, and less
  // (NodeHealth::Patience, twice as long after each silence) if somebody else can be asked then.
  Duration PatienceWith(const Target& target, const Aim& aim, int silences, Duration at_most) const;

  // Where to send a request that was aimed at `endpoint`; counts it.
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& endpoint);
  // The same by frames; null, and nothing is counted: they are not spoken there.
  NodeFrames* FramesTo(const std::string& endpoint);

  // How a request ended: what says that the endpoint is away counts against it, any other answer
  // for it. `latency` of a call whose answer is one message.
  void HandleEnd(const std::string& endpoint, const Status& status,
                 std::optional<Duration> latency);
  // Whether `endpoint` may be asked: who refuses most of what comes is not sent all of it
  // (Throttle). Then how it ended.
  Status MaySend(const std::string& endpoint, const Aim& aim);
  void HandleLoad(const std::string& endpoint, const Aim& aim, const Status& status);
  // An answer of `endpoint` named the version of its state.
  void HearVersion(StateVersion version, const std::string& endpoint);

  // Fetches the state, first of all from `endpoint`, and calls `done(true)`. If a fetch is under
  // way or was only just, calls `done(false)` after it: what it brought may be older.
  void Refresh(const std::string& endpoint, std::function<void(bool)> done);

  void CountRetry(bool elsewhere);
  void CountReceived(std::size_t bytes);
  ClientCounters counters() const;

 private:
  struct Fetch;
  using Waiter = std::function<void(bool)>;

  bool MayFetch(Duration interval) const;           // with mutex_ held
  std::shared_ptr<Fetch> NewFetch(std::string at);  // likewise; `at` empty: any endpoint
  void Start(std::shared_ptr<Fetch> fetch);
  void HandleFetched(const std::shared_ptr<Fetch>& fetch, const Status& status);
  Status Adopt(const Fetch& fetch);  // with mutex_ held

  const bool ring_aware_;
  ChannelPool channels_;
  NodeFrames frames_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable idle_;
  Router router_;
  Throttle throttle_;
  Random random_;
  bool ready_;
  bool fetching_ = false;
  bool stopping_ = false;
  StateVersion asked_for_;  // the newest version any node told us of in full
  std::optional<Instant> fetched_at_;
  std::vector<Waiter> waiters_;  // for the end of the fetch
  ClientCounters counters_;
};

// Whether a failed call says that its endpoint is away.
bool IsAway(const Status& status);

}  // namespace carillon
