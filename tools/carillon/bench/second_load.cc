#include "tools/carillon/bench/second_load.h"

#include <mutex>

#include "tools/carillon/bench/benches.h"

namespace carillon {
namespace {

struct SecondUnderWay {
  Commit commit;
  OperationDone done;
  std::mutex mutex;
  std::uint64_t waiting = 0;  // for chunks
  Status failure;
};

std::string DcOf(const LoadSpec& spec) {
  return fmt::format("p{}", spec.process);
}

}  // namespace

ChunkKey KeyOf(const LoadSpec& spec, Epoch epoch, std::uint64_t number) {
  return {.epoch = epoch,
          .dc = DcOf(spec),
          .cell = "bench",
          .type = "BENCH",
          .subtype = fmt::format("{:x}", spec.run),
          .number = number};
}

SharedBytes ValueOf(const LoadSpec& spec) {
  return SharedBytes(Bytes(RandomBytes(spec.value_bytes, spec.run + spec.process)));
}

Commit SecondOf(const LoadSpec& spec, Epoch epoch, std::uint32_t crc) {
  Commit commit{.bucket = spec.bucket, .epoch = epoch, .dc = DcOf(spec), .chunks = {}, .seal = {}};
  for (std::uint64_t n = 0; n < spec.chunks; ++n) {
    commit.chunks.push_back({.key = KeyOf(spec, epoch, n),
                             .events = 1,
                             .raw_bytes = spec.value_bytes,
                             .value_bytes = static_cast<std::uint32_t>(spec.value_bytes),
                             .value_crc = crc});
  }
  return commit;
}

void WriteSecond(Client* client, const SharedBytes& value, Commit commit, OperationDone done) {
  auto second = std::make_shared<SecondUnderWay>();
  second->commit = std::move(commit);
  second->done = std::move(done);
  second->waiting = second->commit.chunks.size();
  const std::uint64_t bytes = second->waiting * value.size();
  const auto chunk_is_put = [client, second, bytes](const StatusOr<PutReply>& reply) {
    {
      const std::lock_guard lock(second->mutex);
      if (!reply.ok() && second->failure.ok()) second->failure = reply.status();
      if (--second->waiting != 0) return;
    }
    if (!second->failure.ok()) return second->done({second->failure});
    client->CommitSecondAsync(second->commit, [second, bytes](const Status& status) {
      second->done({status, bytes});
    });
  };
  for (const ChunkInfo& chunk : second->commit.chunks) {
    client->PutChunkAsync(second->commit.bucket, chunk.key, value, chunk_is_put);
  }
}

}  // namespace carillon
