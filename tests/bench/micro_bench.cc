#include <benchmark/benchmark.h>

#include "base/checksum.h"
#include "base/chunk_key.h"
#include "base/random.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary_trainer.h"
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

// Events of about 300 bytes, of one type.
std::string WebEvent(Random* random) {
  static constexpr const char* kActions[] = {"view", "search", "click", "cart", "buy"};
  return fmt::format(
      R"({{"timestamp":{},"type":"WEB","subtype":"app","user":"{:016x}","action":{{"name":"{}",)"
      R"("page":"/hotel/{}.html","wallclock_ms":{}}},"tuning":{{"variant":{},"fe":"fe-{:03d}"}},)"
      R"("agent":"Mozilla/5.0 X11 Linux x86_64 AppleWebKit/537.36","referer":"https://example.com/)"
      R"(search?from={}"}})",
      1'700'000'000 + random->Below(100'000), random->Next(), kActions[random->Below(5)],
      random->Below(100'000), random->Below(900), random->Below(4), random->Below(200),
      random->Below(1'000'000));
}

struct SmallChunks {
  std::shared_ptr<const Dictionary> dictionary;  // null: without
  std::vector<std::string> chunks;
  std::vector<Bytes> values;
  double events = 0;
  double bytes = 0;  // of values
};

// range(0): events a chunk; range(1): with a dictionary.
SmallChunks MakeSmallChunks(const benchmark::State& state) {
  Random random(1);
  const auto next = [&] {
    std::string lines;
    for (int i = 0; i < state.range(0); ++i) lines += WebEvent(&random) + '\n';
    return lines;
  };
  SmallChunks made;
  if (state.range(1) != 0) {
    DictionaryTrainer trainer;
    while (!trainer.IsReady()) trainer.Add(WebEvent(&random) + '\n');
    made.dictionary = *Dictionary::Load(trainer.Train().value());
  }
  for (int i = 0; i < 200; ++i) {
    made.chunks.push_back(next());
    made.values.push_back(EncodeChunkValue(made.chunks.back(), made.dictionary.get()));
    made.bytes += static_cast<double>(made.values.back().size());
    made.events += static_cast<double>(state.range(0));
  }
  return made;
}

void Report(benchmark::State& state, const SmallChunks& made) {
  state.counters["bytes_per_event"] = made.bytes / made.events;
  state.counters["time_per_event"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_EncodeSmallChunk(benchmark::State& state) {
  const SmallChunks made = MakeSmallChunks(state);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        EncodeChunkValue(made.chunks[i++ % made.chunks.size()], made.dictionary.get()));
  }
  Report(state, made);
}
BENCHMARK(BM_EncodeSmallChunk)->ArgsProduct({{1, 3, 10, 100}, {0, 1}});

void BM_DecodeSmallChunk(benchmark::State& state) {
  const SmallChunks made = MakeSmallChunks(state);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        DecodeChunkValue(made.values[i++ % made.values.size()], made.dictionary.get()));
  }
  Report(state, made);
}
BENCHMARK(BM_DecodeSmallChunk)->ArgsProduct({{1, 3, 10, 100}, {0, 1}});

}  // namespace
}  // namespace carillon
