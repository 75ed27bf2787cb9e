#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <grpcpp/channel.h>

namespace carillon {

inline constexpr int kMaxReceivedMessageBytes = 16 << 20;

// One channel an endpoint, connected when first used and kept for the pool's life: of a node that
// is gone an idle one remains. Threads: any.
class ChannelPool {
 public:
  ChannelPool();
  std::shared_ptr<grpc::Channel> To(const std::string& endpoint);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace carillon
