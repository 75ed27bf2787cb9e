#pragma once

#include <memory>
#include <vector>

namespace carillon {

// Something that gathers what is given to it and hands all of it on when it is told to.
class Flushable {
 public:
  virtual ~Flushable() = default;
  // Threads: any.
  virtual void Flush() = 0;
};

// While one lives on a thread, what that thread sends may be gathered; its end flushes it. So many
// small messages that one piece of work gives rise to go out together, and nothing waits for a
// timer. Of nested ones the outermost counts.
//
// A thread must not wait for an answer within one. Not to be moved to another thread.
class FlushScope {
 public:
  FlushScope();
  ~FlushScope();
  FlushScope(const FlushScope&) = delete;
  FlushScope& operator=(const FlushScope&) = delete;

  // True: `what` is flushed at the end of the scope that is open on this thread. False: none is.
  static bool Defer(std::shared_ptr<Flushable> what);

 private:
  FlushScope* const outer_;
  std::vector<std::shared_ptr<Flushable>> deferred_;
};

}  // namespace carillon
