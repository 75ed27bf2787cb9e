#include "base/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace carillon {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

double OwnCpuSeconds() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);  // fails for bad arguments only
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

ProcessUsage OwnUsage() {
  ProcessUsage result;
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  result.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  result.peak_resident_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  std::uint64_t pages = 0, resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident_pages) {
    result.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "read_bytes:") result.disk_bytes_read = value;
    if (name == "write_bytes:") result.disk_bytes_written = value;
  }
  return result;
}

}  // namespace carillon
