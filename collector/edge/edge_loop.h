#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "collector/edge/edge_host.h"
#include "collector/edge/exchange.h"
#include "collector/edge/http_desk.h"

namespace carillon {

// Something with a socket that a loop looks after.
class LoopMember {
 public:
  virtual ~LoopMember() = default;
  // What was watched for is there, or the socket has failed (both).
  virtual void OnReady(bool readable, bool writable) = 0;
  // Called a few times a second: closes what has waited too long.
  virtual void Tick(Instant now) = 0;
  // Closes when nothing is under way, now or later.
  virtual void Drain() = 0;
  // Closes now.
  virtual void Close() = 0;
};

// One thread with its own epoll, its connections, and their memory: connections of different loops
// share nothing but EdgeHost's counters. Sockets are watched by level, so that a connection at
// steady state needs no call to say that it reads on.
//
// Threads: its own, except where said.
class EdgeLoop {
 public:
  // What one read may bring: whole requests, many at once when they are pipelined.
  static constexpr std::size_t kReadBytes = 64 * 1024;

  explicit EdgeLoop(EdgeHost* host);
  ~EdgeLoop();

  EdgeHost* host() { return host_; }
  HttpDesk* desk() { return &desk_; }
  // Shared by all connections: what a connection leaves unread it keeps for itself.
  char* read_buffer() { return read_buffer_.data(); }
  ReceptionScratch* scratch() { return &scratch_; }

  Exchange* TakeExchange();
  void GiveExchange(Exchange* exchange);

  // Keeps the member until Remove.
  void Add(std::shared_ptr<LoopMember> member);
  void Remove(LoopMember* member);
  // From now on the member hears when its descriptor can be read or written. Requires: Add.
  // Closing the descriptor ends it.
  void Watch(LoopMember* member, int descriptor, bool readable, bool writable);

  // Whether a line about a client may be logged: one a second, so that nobody fills the log.
  bool MayLog();

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
  void Run();
  void HandlePosted();
  void HandleCompleted();
  void Sweep(Instant now);
  void Wake();
  std::vector<std::shared_ptr<LoopMember>> Members() const;

  EdgeHost* const host_;
  HttpDesk desk_;
  ReceptionScratch scratch_;
  std::vector<char> read_buffer_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> free_;
  std::unordered_map<LoopMember*, std::shared_ptr<LoopMember>> members_;
  std::vector<std::shared_ptr<LoopMember>> removed_;  // until what is ready has been handed out
  int epoll_ = -1;
  int wakeup_ = -1;  // an eventfd
  std::atomic<bool> woken_{false};
  std::mutex mutex_;
  std::vector<Exchange*> completed_;           // under mutex_
  std::vector<std::function<void()>> posted_;  // under mutex_
  std::vector<Exchange*> handled_;
  Instant logged_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace carillon
