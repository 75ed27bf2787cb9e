#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "server/shell/gossip_seal.h"

namespace carillon {

struct GossipSocketCounters {
  std::uint64_t sent = 0;
  std::uint64_t send_failed = 0;  // no route, a full buffer, an address that is none
  std::uint64_t received = 0;
  std::uint64_t dropped_bad_seal = 0;
  std::uint64_t dropped_too_large = 0;
  std::uint64_t dropped_rate = 0;  // more than `packets_per_second`; not opened
};

inline constexpr std::size_t kMaxLearnedAddresses = 4096;

struct GossipSocketOptions {
  std::uint32_t packets_per_second = 20'000;  // taken from the outside
};

// One UDP socket for gossip: what goes out is sealed, what comes in is opened, and what does not
// open is dropped and counted. Decides nothing.
//
// One thread of its own receives and calls `receive`; Send may be called by any thread and never
// waits: it knows numeric addresses, and names that Learn has looked up before.
class GossipSocket {
 public:
  // `message` is opened; `from` is the sender's HOST:PORT, numeric.
  using Receive = std::function<void(const std::string& from, Bytes message)>;

  // Binds HOST:PORT ("127.0.0.1:7401", "[::1]:0"); port 0 takes a free one.
  // `seal` outlives the socket. `receive` is called by the socket's thread and must not block.
  // INVALID_ARGUMENT: no such address. UNAVAILABLE: the machine refuses it.
  static StatusOr<std::unique_ptr<GossipSocket>> Open(const std::string& address,
                                                      const GossipSeal* seal,
                                                      GossipSocketOptions options, Receive receive);
  // Returns when `receive` runs no more. Not to be called from `receive`.
  ~GossipSocket();
  GossipSocket(const GossipSocket&) = delete;
  GossipSocket& operator=(const GossipSocket&) = delete;

  // Looks the HOST of `address` up and remembers what it is now, for Send. May take seconds: call
  // it when members change, not on the way of a packet. Numeric addresses need none.
  // INVALID_ARGUMENT: not HOST:PORT. UNAVAILABLE: not found; what was known stays.
  // RESOURCE_EXHAUSTED: kMaxLearnedAddresses are known.
  Status Learn(const std::string& address);

  // Seals and sends; a packet that cannot be sent is counted and lost, like on any network.
  // Requires: at most kMaxGossipMessageBytes.
  void Send(const std::string& address, ByteSpan message);

  std::string address() const { return address_; }  // with the port it has
  GossipSocketCounters counters() const;

 private:
  struct Target {
    sockaddr_storage address;
    socklen_t size;
  };
  GossipSocket(int socket, int wake, const GossipSeal* seal, GossipSocketOptions options,
               Receive receive);
  void Run();
  void ReceiveAll();
  void HandlePacket(const Target& from, ByteSpan packet);
  bool TakeFromRate();
  std::optional<Target> TargetOf(const std::string& address) const;
  static StatusOr<Target> LookUp(const std::string& address, bool numeric_only);
  static std::string ToText(const Target& target);

  const int socket_;
  const int wake_;  // an eventfd: written when the thread is to end
  const GossipSeal* const seal_;
  const GossipSocketOptions options_;
  const Receive receive_;
  std::string address_;
  mutable std::mutex mutex_;
  std::map<std::string, Target> learned_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> send_failed_{0};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> bad_seal_{0};
  std::atomic<std::uint64_t> too_large_{0};
  std::atomic<std::uint64_t> over_rate_{0};
  Instant second_began_;  // of the receiving thread
  std::uint32_t taken_ = 0;
  std::thread thread_;
};

}  // namespace carillon
