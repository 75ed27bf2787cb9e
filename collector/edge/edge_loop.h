#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "collector/edge/edge_host.h"
#include "collector/edge/exchange.h"
#include "collector/edge/http_desk.h"

namespace carillon {

// Something with a socket that a loop looks after.
class LoopMember {
 public:
  virtual ~LoopMember() = default;
  // Called a few times a second: closes what has waited too long.
  virtual void Tick(Instant now) = 0;
  // Closes when nothing is under way, now or later.
  virtual void Drain() = 0;
  // Closes now.
  virtual void Close() = 0;
};

// One thread with its own event loop, its connections, and their memory: connections of different
// loops share nothing but EdgeHost's counters.
//
// Threads: its own, except where said.
class EdgeLoop {
 public:
  // What one read may bring: whole requests, many at once when they are pipelined.
  static constexpr std::size_t kReadBytes = 64 * 1024;

  explicit EdgeLoop(EdgeHost* host);
  ~EdgeLoop();

  boost::asio::io_context& io() { return io_; }
  EdgeHost* host() { return host_; }
  HttpDesk* desk() { return &desk_; }
  // Shared by all connections: what a connection leaves unread it keeps for itself.
  char* read_buffer() { return read_buffer_.data(); }
  ReceptionScratch* scratch() { return &scratch_; }

  Exchange* TakeExchange();
  void GiveExchange(Exchange* exchange);

  void Add(std::shared_ptr<LoopMember> member);
  void Remove(LoopMember* member);

  // Any thread: an exchange of this loop may be answered. Many of them wake the loop once, and
  // each of their connections writes once.
  void Complete(Exchange* exchange);
  // Any thread: runs `work` on the loop.
  void Post(std::function<void()> work);

  // Any thread. Start once. Drain asks every member to end; Stop ends the thread, closes what is
  // left, and returns when nothing of it is running.
  void Start();
  void Drain();
  void Stop();

 private:
  void HandleCompleted();
  void Sweep();
  std::vector<std::shared_ptr<LoopMember>> Members() const;

  EdgeHost* const host_;
  HttpDesk desk_;
  ReceptionScratch scratch_;
  std::vector<char> read_buffer_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> free_;
  std::unordered_map<LoopMember*, std::shared_ptr<LoopMember>> members_;
  std::mutex mutex_;
  std::vector<Exchange*> completed_;  // under mutex_
  std::vector<Exchange*> handled_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer sweep_;
  std::thread thread_;
};

}  // namespace carillon
