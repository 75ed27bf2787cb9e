#include "tools/carillon/bench/measurement.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>

namespace carillon {
namespace {

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double Percentile(const std::vector<float>& sorted, double fraction) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size() - 1));
  return sorted[index];
}

void FillPercentiles(Measurement* result) {
  std::vector<float>& latencies = result->latencies_ms;
  std::sort(latencies.begin(), latencies.end());
  result->p50_ms = Percentile(latencies, 0.5);
  result->p99_ms = Percentile(latencies, 0.99);
  result->max_ms = Percentile(latencies, 1);
}

// The loop's state, shared by the callbacks.
class Loop {
 public:
  Loop(double seconds, const StartOperation& start)
      : start_(start), began_(SystemClock().Now()), seconds_(seconds) {}

  Status Run(std::uint64_t outstanding) {
    {
      const std::lock_guard lock(mutex_);
      under_way_ = outstanding;
    }
    for (std::uint64_t i = 0; i < outstanding; ++i) StartOne();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return under_way_ == 0; });
    return failure_;
  }

  std::vector<float> TakeLatencies() { return std::move(latencies_ms_); }
  Duration elapsed() const { return last_ - began_; }

 private:
  void StartOne() {
    std::uint64_t i = 0;
    {
      const std::lock_guard lock(mutex_);
      i = next_++;
    }
    const Instant began = SystemClock().Now();
    start_(i, [this, began](const Status& status) { EndOne(began, status); });
  }

  void EndOne(Instant began, const Status& status) {
    const Instant now = SystemClock().Now();
    bool again = false;
    {
      const std::lock_guard lock(mutex_);
      if (!status.ok() && failure_.ok()) failure_ = status;
      if (status.ok()) latencies_ms_.push_back(static_cast<float>(Seconds(now - began) * 1e3));
      last_ = std::max(last_, now);
      again = failure_.ok() && Seconds(now - began_) < seconds_;
      if (!again && --under_way_ == 0) ended_.notify_all();
    }
    if (again) StartOne();
  }

  const StartOperation& start_;
  const Instant began_;
  const double seconds_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::uint64_t next_ = 0;
  std::uint64_t under_way_ = 0;
  Status failure_;
  Instant last_;
  std::vector<float> latencies_ms_;
};

}  // namespace

StatusOr<Measurement> RunClosedLoop(std::uint64_t outstanding, double seconds,
                                    const StartOperation& start) {
  const double cpu = OwnCpuSeconds();
  Loop loop(seconds, start);
  RETURN_IF_ERROR(loop.Run(outstanding));
  Measurement result;
  result.latencies_ms = loop.TakeLatencies();
  result.outstanding = outstanding;
  result.operations = result.latencies_ms.size();
  result.seconds = Seconds(loop.elapsed());
  result.client_cpu_seconds = OwnCpuSeconds() - cpu;
  FillPercentiles(&result);
  return result;
}

void Measurement::Add(const Measurement& slice) {
  outstanding = slice.outstanding;
  operations += slice.operations;
  seconds += slice.seconds;
  client_cpu_seconds += slice.client_cpu_seconds;
  server_cpu_seconds += slice.server_cpu_seconds;
  latencies_ms.insert(latencies_ms.end(), slice.latencies_ms.begin(), slice.latencies_ms.end());
  FillPercentiles(this);
}

double CpuSecondsOf(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const std::size_t paren = line.rfind(')');
  if (paren == std::string::npos) return 0;
  std::istringstream fields(line.substr(paren + 2));
  std::string skipped;
  double user = 0, system = 0;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace carillon
