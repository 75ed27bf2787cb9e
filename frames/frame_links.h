#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "frames/frame_link.h"

namespace carillon {

// The ways to many nodes: a connection an address and lane, made when something is asked there.
// What is asked on one lane does not stand behind what is under way on another.
//
// An ask fails as soon as its node is known to be away, and within kTick of its timeout at the
// latest; nothing is tried twice. Threads: any, but Stop not from a `done`; one of its own.
class FrameLinks {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(20);

  struct Options {
    std::size_t max_reply_bytes = 0;
    std::size_t max_links = 4000;  // to more at once nothing can be asked
  };
  explicit FrameLinks(const Options& options);
  ~FrameLinks();  // Stop

  // `address`: HOST:PORT. `done` is called once, from any thread, also before this returns, and
  // must not block: with the body of the reply, or the status of a refusal, or why there is none.
  // RESOURCE_EXHAUSTED: too many links. UNAVAILABLE, DEADLINE_EXCEEDED: no answer.
  void Ask(const std::string& address, int lane, FrameKind kind, Rope body, Duration timeout,
           FrameLink::Done done);

  // Ends what is under way with UNAVAILABLE, and whatever is asked later. Returns when every
  // `done` has been called.
  void Stop();

  std::size_t size() const;

 private:
  StatusOr<std::shared_ptr<FrameLink>> LinkTo(const std::string& address, int lane);
  bool DropIdleLink();
  void KeepTicking();
  void Tick();

  const Options options_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;  // of io_'s thread
  std::atomic<bool> ticking_{false};

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::shared_ptr<FrameLink>> links_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace carillon
