#include <benchmark/benchmark.h>

#include "base/checksum.h"
#include "base/chunk_key.h"
#include "base/random.h"
#include "crunch/chunk_codec.h"
#include "proto/wire.h"
#include "ring/hash_ring.h"
#include "storage/index_key.h"
#include "storage/segment_format.h"

namespace carillon {
namespace {

constexpr char kKey[] = "1428415043:1:cell0:WEB:app:chunk4294967296";

Bytes RandomBytes(std::size_t size) {
  Random random(1);
  Bytes bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

void BM_Crc32c(benchmark::State& state) {
  const Bytes bytes = RandomBytes(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Crc32c)->Arg(1'000)->Arg(100'000);

void BM_ParseChunkKey(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ParseChunkKey(kKey));
}
BENCHMARK(BM_ParseChunkKey);

void BM_HashKey(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(HashKey("events", kKey));
}
BENCHMARK(BM_HashKey);

void BM_ChunkIndexKey(benchmark::State& state) {
  const ChunkKey key = *ParseChunkKey(kKey);
  for (auto _ : state) benchmark::DoNotOptimize(ChunkIndexKey(PartitionId(7), "events", key));
}
BENCHMARK(BM_ChunkIndexKey);

void BM_RecordHead(benchmark::State& state) {
  const RecordHeader header{.type = RecordType::kChunk,
                            .key_bytes = static_cast<std::uint16_t>(sizeof kKey - 1),
                            .value_bytes = 100'000};
  Bytes out;
  for (auto _ : state) {
    out.clear();
    AppendRecordHead(header, kKey, 42, 4096, &out);
    benchmark::DoNotOptimize(DecodeRecordHead(out, 42, 4096));
  }
}
BENCHMARK(BM_RecordHead);

void BM_DecodePutChunkRequest(benchmark::State& state) {
  wire::PutChunkRequest request;
  request.bucket = "events";
  request.key = kKey;
  request.value = Rope(RandomBytes(100'000));
  const Rope message = wire::Encode(request);
  for (auto _ : state) benchmark::DoNotOptimize(wire::DecodePutChunkRequest(message));
}
BENCHMARK(BM_DecodePutChunkRequest);

void BM_DecodeChunkValue(benchmark::State& state) {
  Bytes ndjson;
  for (int i = 0; i < 2'000; ++i) {
    ndjson += fmt::format("{{\"timestamp\":1428415043,\"type\":\"WEB\",\"user\":{},\"n\":{}}}\n",
                          i * 7919 % 1000, i);
  }
  const Bytes value = EncodeChunkValue(ndjson);
  for (auto _ : state) benchmark::DoNotOptimize(DecodeChunkValue(value));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(ndjson.size()));
}
BENCHMARK(BM_DecodeChunkValue);

}  // namespace
}  // namespace carillon
