#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace carillon {

// Threads that do what they are given, first come first served. Threads: Do from any.
class Callers {
 public:
  explicit Callers(std::uint64_t count);
  ~Callers();  // does what waits, then ends
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  void Do(std::function<void()> work);

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace carillon
