#include "tools/carillon/stop_signal.h"

#include <algorithm>
#include <atomic>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/check.h"

namespace carillon {
namespace {

// What the handler touches: a flag, and a pipe that ends the waiting.
std::atomic<bool> raised{false};
int wake_pipe[2] = {-1, -1};

void HandleSignal(int number) {
  if (raised.exchange(true)) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], &byte, 1);
}

}  // namespace

StopSignal::StopSignal() {
  CHECK(wake_pipe[0] == -1);
  CHECK(::pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
  raised = false;
  std::signal(SIGINT, HandleSignal);
  std::signal(SIGTERM, HandleSignal);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  for (int& end : wake_pipe) {
    ::close(end);
    end = -1;
  }
}

bool StopSignal::IsRaised() const {
  return raised;
}

bool StopSignal::WaitUntil(Instant time) {
  while (!raised) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - SystemClock().Now());
    if (left.count() <= 0) break;
    pollfd entry{wake_pipe[0], POLLIN, 0};
    const auto timeout = std::min<std::int64_t>(left.count(), 60'000);
    (void)::poll(&entry, 1, static_cast<int>(timeout));  // interrupted: looks again
  }
  return raised;
}

}  // namespace carillon
