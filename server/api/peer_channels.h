#pragma once

#include <map>
#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "base/clock.h"
#include "base/status.h"

namespace carillon {

struct PeerChannelLimits {
  Duration idle_after = std::chrono::minutes(10);
  std::size_t most = 2000;
};

// A channel for each address that is asked: made when first used, dropped when unused for a while
// or when its place is needed. A channel connects by itself, and soon again after a failure.
//
// Channels are dropped by Take and Clear only, and never while a lease is out: the last channel of
// all must not be dropped by a thread of gRPC's, which would wait for itself.
// Threads: one caller at a time.
class PeerChannels {
 public:
  explicit PeerChannels(const PeerChannelLimits& limits) : limits_(limits) {}

  // A lease on the channel to `address`: to be given back by Return.
  // RESOURCE_EXHAUSTED: so many are in use.
  StatusOr<std::shared_ptr<grpc::Channel>> Take(const std::string& address, Instant now);
  // Requires: a lease of `address` is out, and what it gave has been let go of.
  void Return(const std::string& address, Instant now);

  void Clear() { entries_.clear(); }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::shared_ptr<grpc::Channel> channel;
    std::size_t leases = 0;
    Instant used;
  };
  void DropIdle(Instant now);
  bool MakeRoom();

  const PeerChannelLimits limits_;
  std::map<std::string, Entry> entries_;
  Instant swept_;
};

}  // namespace carillon
