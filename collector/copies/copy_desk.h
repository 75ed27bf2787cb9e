#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/bytes.h"
#include "collector/copies/copy_store.h"

namespace carillon {

// Where other collectors' questions come in: checks that they know the key, and has one thread
// answer them, one after the other.
//
// Threads: any, at once.
class CopyDesk {
 public:
  static constexpr std::size_t kMaxWaiting = 64;

  // `key`: not empty.
  CopyDesk(std::unique_ptr<CopyStore> store, std::string key);
  ~CopyDesk();  // Stop
  CopyDesk(const CopyDesk&) = delete;
  CopyDesk& operator=(const CopyDesk&) = delete;

  // Cost: that of a comparison that takes as long for any key of that size.
  bool Knows(std::string_view key) const;

  // Calls `done` once, from any thread, with an encoded CopyReply.
  void Handle(Bytes ask, std::function<void(Bytes)> done);

  CopyStoreStats stats() const;
  // Answers what waits. Returns when no callback runs any more.
  void Stop();

 private:
  struct Waiting {
    Bytes ask;
    std::function<void(Bytes)> done;
  };
  void Loop();

  const std::unique_ptr<CopyStore> store_;  // the thread's
  const std::string key_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  CopyStoreStats stats_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace carillon
