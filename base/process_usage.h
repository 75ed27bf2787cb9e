#pragma once

#include <cstdint>

namespace carillon {

// What this process has used since it began, as the system counts it.
struct ProcessUsage {
  double cpu_seconds = 0;  // of all threads, user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
  std::uint64_t disk_bytes_written = 0;  // that had to go to a disk; 0 where it is not told
  std::uint64_t disk_bytes_read = 0;     // that came from a disk, not from the page cache
};

// Threads: any. Cost: two system calls and two small files of /proc.
ProcessUsage OwnUsage();

// CPU seconds alone: one system call.
double OwnCpuSeconds();

}  // namespace carillon
