#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>

namespace carillon {

inline constexpr int kMaxReceivedMessageBytes = 16 << 20;

// One channel an endpoint, connected when first used. All calls go to the current one; whoever
// fails there moves everybody on to the next. Threads: any.
class ChannelPool {
 public:
  // Requires: not empty.
  explicit ChannelPool(const std::vector<std::string>& endpoints);

  struct Pick {
    std::size_t index = 0;
    std::string endpoint;
    std::shared_ptr<grpc::Channel> channel;
  };
  Pick Current() const;

  // The endpoint `index` failed. Changes nothing when another one is current already.
  void MoveOn(std::size_t index);

 private:
  struct Entry {
    std::string endpoint;
    std::shared_ptr<grpc::Channel> channel;
  };
  std::vector<Entry> entries_;
  std::atomic<std::size_t> current_{0};
};

}  // namespace carillon
