#include "client/chunk_reader.h"

#include <utility>

#include "carillon/v1/events.pb.h"

#include "base/checksum.h"
#include "client/messages.h"
#include "client/retrying_stream.h"
#include "proto/wire.h"

namespace carillon {
namespace {

StatusOr<Bytes> TakeValue(const ChunkKey& key, const wire::GetChunksResponse& answer) {
  if (answer.code != 0) {
    return MakeStatus(static_cast<StatusCode>(answer.code), answer.message);
  }
  const std::uint32_t crc = Crc32c(answer.value);
  if (crc != answer.value_crc) {
    return DataLoss("chunk {}: crc {:08x}, the node says {:08x}", ToString(key), crc,
                    answer.value_crc);
  }
  return answer.value.Flatten();
}

Status CheckKeys(const std::vector<ChunkKey>& keys) {
  if (keys.size() > kMaxKeysPerGet) {
    return InvalidArgument("{} keys in one call, at most {}", keys.size(), kMaxKeysPerGet);
  }
  for (const ChunkKey& key : keys) RETURN_IF_ERROR(Validate(key));
  return OkStatus();
}

}  // namespace

Status ReadChunks(ChannelPool* pool, const ClientOptions& options, const std::string& bucket,
                  const std::vector<ChunkKey>& keys,
                  const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each) {
  RETURN_IF_ERROR(CheckKeys(keys));
  std::size_t answered = 0;
  const auto request = [&] {
    v1::GetChunksRequest message;
    message.set_bucket(bucket);
    for (std::size_t i = answered; i < keys.size(); ++i) message.add_keys(ToString(keys[i]));
    return Serialize(message);
  };
  RetryingStream stream(pool, options, "/carillon.v1.EventsService/GetChunks", request);
  while (answered < keys.size()) {
    ASSIGN_OR_RETURN(const std::optional<Rope> message, stream.Next());
    if (!message) {
      return Internal("the node answered {} of {} keys", answered, keys.size());
    }
    ASSIGN_OR_RETURN(const wire::GetChunksResponse answer, wire::DecodeGetChunksResponse(*message));
    const ChunkKey& key = keys[answered];
    if (answer.key != ToString(key)) {
      return Internal("asked for {}, the node answered '{}'", ToString(key), answer.key);
    }
    ++answered;
    each(key, TakeValue(key, answer));
  }
  return OkStatus();
}

}  // namespace carillon
