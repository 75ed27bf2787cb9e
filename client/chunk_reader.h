#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/channel_pool.h"
#include "client/client.h"

namespace carillon {

inline constexpr std::size_t kMaxKeysPerGet = 10'000;

// Client::GetChunks: one stream; when it breaks, the keys not yet answered are asked for again.
Status ReadChunks(ChannelPool* pool, const ClientOptions& options, const std::string& bucket,
                  const std::vector<ChunkKey>& keys,
                  const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each);

}  // namespace carillon
