#include "tools/carillon/bench/memory_touch.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/clock.h"

namespace carillon {

StatusOr<double> TouchMemory(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto all = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page;
  if (bytes > all - all / 8) {
    return ResourceExhausted("{} MB of memory to touch: this machine has {} MB", bytes / 1'000'000,
                             all / 1'000'000);
  }
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return ResourceExhausted("no {} MB of memory", bytes / 1'000'000);
  const Instant began = SystemClock().Now();
  // In a process of its own: the peak of this one's memory is a figure of the benchmark, and
  // children inherit it.
  const pid_t child = ::fork();
  if (child == 0) {
    auto* const at = static_cast<volatile char*>(memory);
    for (std::uint64_t i = 0; i < bytes; i += page) at[i] = 1;
    ::_exit(0);
  }
  int status = 1;
  const bool done = child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
  (void)::munmap(memory, bytes);
  if (!done) return ResourceExhausted("{} MB of memory could not be touched", bytes / 1'000'000);
  const double seconds = std::chrono::duration<double>(SystemClock().Now() - began).count();
  return static_cast<double>(bytes) / 1e6 / seconds;
}

Status DropPageCache() {
  constexpr const char* kPath = "/proc/sys/vm/drop_caches";
  ::sync();
  std::ofstream file(kPath);
  if (file << "3\n" << std::flush) return OkStatus();
  return FailedPrecondition("the page cache stays: {} cannot be written, root may", kPath);
}

}  // namespace carillon
