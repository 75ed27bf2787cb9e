#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/checksum.h"
#include "base/random.h"
#include "tools/carillon/bench/benches.h"

namespace carillon {
namespace {

constexpr std::size_t kBlockBytes = 100'000;

double SecondsSince(Instant began) {
  return std::chrono::duration<double>(SystemClock().Now() - began).count();
}

Measurement Repeat(const std::string& name, double seconds, const std::function<void()>& once) {
  Measurement result;
  result.name = name;
  result.value_bytes = kBlockBytes;
  result.outstanding = 1;
  const double cpu = OwnCpuSeconds();
  const Instant began = SystemClock().Now();
  while (SecondsSince(began) < seconds) {
    for (int i = 0; i < 64; ++i) once();
    result.operations += 64;
  }
  result.seconds = SecondsSince(began);
  result.client_cpu_seconds = OwnCpuSeconds() - cpu;
  return result;
}

// A connected pair of loopback TCP sockets. Negative descriptors: none to be had.
struct TcpPair {
  int a = -1;
  int b = -1;
};

TcpPair Connect() {
  TcpPair pair;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0 &&
      ::getsockname(listener, generic, &size) == 0) {
    pair.a = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(pair.a, generic, size) == 0) pair.b = ::accept(listener, nullptr, nullptr);
  }
  (void)::close(listener);
  return pair;
}

StatusOr<Measurement> LoopbackTcp(double seconds) {
  const TcpPair pair = Connect();
  if (pair.a < 0 || pair.b < 0) return Unavailable("no loopback connection");
  std::uint64_t received = 0;
  std::thread reader([&] {
    std::string buffer(256 * 1024, '\0');
    while (true) {
      const ssize_t got = ::read(pair.b, buffer.data(), buffer.size());
      if (got <= 0) return;
      received += static_cast<std::uint64_t>(got);
    }
  });
  const std::string block = RandomBytes(kBlockBytes, 1);
  Measurement result = Repeat("loopback TCP", seconds, [&] {
    for (std::size_t sent = 0; sent < block.size();) {
      const ssize_t n = ::write(pair.a, block.data() + sent, block.size() - sent);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  });
  (void)::close(pair.a);
  reader.join();
  (void)::close(pair.b);
  result.operations = received / kBlockBytes;
  return result;
}

}  // namespace

std::string RandomBytes(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = random.Next();
    std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  return bytes;
}

Status RunCalibrations(const BenchOptions& options, const Report& report) {
  const double seconds = options.seconds / 3;
  const std::string from = RandomBytes(kBlockBytes, 2);
  std::string to(kBlockBytes, '\0');
  volatile char sink = 0;
  report(Repeat("memcpy", seconds, [&] {
    std::memcpy(to.data(), from.data(), kBlockBytes);
    sink = to[7];
  }));
  volatile std::uint32_t crc = 0;
  report(Repeat("CRC32C", seconds, [&] { crc = Crc32c(from); }));
  ASSIGN_OR_RETURN(const Measurement tcp, LoopbackTcp(seconds));
  report(tcp);
  return OkStatus();
}

}  // namespace carillon
