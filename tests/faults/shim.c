// Loaded before libc into a node (LD_PRELOAD): its disk fails and its clock jumps as a shared page
// says. CARILLON_SHIM_PAGE names the file of the page, CARILLON_SHIM_PATH what a path must contain
// for its calls to fail.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct Page {
  volatile uint8_t fail_reads, fail_writes, fail_syncs, unused;
  volatile uint32_t failed;         // calls that did
  volatile int64_t ahead_seconds;   // of the wall clock
};

static struct Page quiet;
static struct Page* page = &quiet;
static const char* wanted = "";

__attribute__((constructor)) static void Open(void) {
  const char* path = getenv("CARILLON_SHIM_PAGE");
  if (getenv("CARILLON_SHIM_PATH") != NULL) wanted = getenv("CARILLON_SHIM_PATH");
  if (path == NULL) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void* mapped = mmap(NULL, sizeof(struct Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) abort();
  page = mapped;
  close(fd);
}

static int Fails(uint8_t on, int fd) {
  if (!on) return 0;
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = 0;
  if (strstr(path, wanted) == NULL) return 0;
  __sync_fetch_and_add(&page->failed, 1);
  errno = EIO;
  return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t pread(int fd, void* into, size_t size, off_t at) {
  REAL(pread);
  return Fails(page->fail_reads, fd) ? -1 : real(fd, into, size, at);
}
ssize_t pread64(int fd, void* into, size_t size, off64_t at) { return pread(fd, into, size, at); }

ssize_t preadv2(int fd, const struct iovec* into, int count, off_t at, int flags) {
  REAL(preadv2);
  return Fails(page->fail_reads, fd) ? -1 : real(fd, into, count, at, flags);
}

ssize_t pwritev(int fd, const struct iovec* from, int count, off_t at) {
  REAL(pwritev);
  return Fails(page->fail_writes, fd) ? -1 : real(fd, from, count, at);
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  REAL(pwrite);
  return Fails(page->fail_writes, fd) ? -1 : real(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) {
  return pwrite(fd, from, size, at);
}

ssize_t write(int fd, const void* from, size_t size) {
  REAL(write);
  return Fails(page->fail_writes, fd) ? -1 : real(fd, from, size);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return Fails(page->fail_syncs, fd) ? -1 : real(fd);
}

int fsync(int fd) {
  REAL(fsync);
  return Fails(page->fail_syncs, fd) ? -1 : real(fd);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  REAL(clock_gettime);
  const int result = real(clock, now);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += page->ahead_seconds;
  return result;
}

// Who waits until a time of the wall clock waits by the same clock.
long syscall(long number, ...) {
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; ++i) a[i] = va_arg(list, long);
  va_end(list);
  struct timespec until;
  if (number == SYS_futex && (a[1] & FUTEX_CLOCK_REALTIME) && a[3] != 0) {
    until = *(const struct timespec*)a[3];
    until.tv_sec -= page->ahead_seconds;
    a[3] = (long)&until;
  }
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
