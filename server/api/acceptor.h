#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "server/shell/metrics.h"

namespace carillon {

// Accepts connections on a port and hands their descriptors over, at most so many at once: those
// that begin with the preamble of frames to whom serves other nodes, all others to gRPC. Who says
// nothing for kSpeakWithin is closed. Debian's gRPC stops accepting for ever after one EMFILE
// (CVE-2023-4785); this loop keeps a descriptor in reserve, refuses what is too much, and goes on.
//
// Threads: one of its own calls the takers.
class Acceptor {
 public:
  struct Options {
    std::string address;  // "HOST:PORT"; port 0: any
    std::size_t max_connections = 1024;
    int backlog = 1024;
  };
  static constexpr Duration kSpeakWithin = std::chrono::seconds(10);

  // Each owns the descriptor from then on.
  struct Takers {
    std::function<void(int listener, int connection)> grpc;
    std::function<void(int connection)> frames;  // empty: other nodes are not served
  };

  // INVALID_ARGUMENT: no HOST:PORT. UNAVAILABLE: the port cannot be had; says why.
  static StatusOr<std::unique_ptr<Acceptor>> Listen(const Options& options, Metrics* metrics);
  ~Acceptor();  // Stop

  // "HOST:PORT" with the port that was bound.
  const std::string& address() const { return address_; }

  void Start(Takers takers);
  void Stop();

 private:
  // A connection handed over: open as long as its descriptor is still that socket.
  struct Handed {
    int fd = -1;
    std::uint64_t inode = 0;
  };

  // One that has not yet said what it is.
  struct Silent {
    int fd = -1;
    Instant since;
  };

  Acceptor(int listener, std::string address, const Options& options, Metrics* metrics);
  void Loop();
  void AcceptOne();
  void HearSilent(const std::vector<pollfd>& watched, Instant now);
  void HandOver(int connection, bool frames);
  void ForgetClosed();
  void RefuseForWantOfDescriptors();

  const Options options_;
  const std::string address_;
  Metrics* metrics_;
  Takers takers_;
  int listener_ = -1;
  int stop_ = -1;             // an eventfd
  int reserve_ = -1;          // given up for a moment when there are no descriptors left
  std::vector<Handed> open_;  // silent ones too
  std::vector<Silent> silent_;
  std::thread thread_;
};

}  // namespace carillon
