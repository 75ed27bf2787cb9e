#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/checksum.h"
#include "base/random.h"
#include "client/client.h"
#include "ring/hash_ring.h"
#include "storage/rocksdb_key_value.h"
#include "storage/store.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/child_node.h"

namespace carillon {
namespace {

constexpr std::size_t kValueBytes = 200;
constexpr std::size_t kBatch = 1024;
constexpr std::uint64_t kChunksPerEpoch = 1000;
constexpr std::uint64_t kRandomGets = 2000;
constexpr std::uint32_t kPartitionBits = 6;

double SecondsSince(Instant began) {
  return std::chrono::duration<double>(SystemClock().Now() - began).count();
}

ChunkKey KeyOf(std::uint64_t i, std::uint64_t first_epoch) {
  return {.epoch = Epoch(first_epoch + i / kChunksPerEpoch),
          .dc = "1",
          .cell = "cell0",
          .type = "MANY",
          .subtype = "",
          .number = i};
}

WriteRequest PutOf(const ChunkKey& key, const SharedBytes& value, std::uint32_t crc) {
  const KeyHash hash = HashKey("events", ToString(key));
  WriteRequest request;
  request.chunk = ChunkWrite{.placement = {.partition = PartitionOf(hash, kPartitionBits),
                                           .ring_position = RingPosition(hash)},
                             .bucket = "events",
                             .key = key,
                             .value = Rope(value),
                             .value_crc = crc,
                             .ttl_seconds = 8 * 86400,
                             .sync = SyncMode::kOs};
  return request;
}

StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& path, KeyValueFactory* indexes) {
  static const StoreIdentity kIdentity{.cluster = RandomUuid(), .node = RandomUuid()};
  StoreOptions options;
  options.files = MachineFileSystem();
  options.indexes = indexes;
  options.clock = &SystemClock();
  options.directories = {path};
  options.identity = kIdentity;
  options.random_seed = RandomSeed();
  options.min_free = 0;
  options.partition_bits = kPartitionBits;
  return Store::Open(options);
}

// Fills a data directory as a node would, by its store.
Status Fill(const std::string& path, std::uint64_t chunks, std::uint64_t first_epoch) {
  const auto indexes = NewRocksdbFactory({});
  ASSIGN_OR_RETURN(const auto store, OpenStore(path, indexes.get()));
  const SharedBytes value(Bytes(RandomBytes(kValueBytes, 5)));
  const std::uint32_t crc = Crc32c(value.view());
  for (std::uint64_t i = 0; i < chunks;) {
    std::vector<WriteRequest> batch;
    for (; batch.size() < kBatch && i < chunks; ++i) {
      batch.push_back(PutOf(KeyOf(i, first_epoch), value, crc));
    }
    for (const WriteOutcome& outcome : store->Write(0, batch)) RETURN_IF_ERROR(outcome.status);
    if (i % (kBatch * 512) == 0) store->Maintain(0);
  }
  return store->Close();
}

// A number of /proc/PID/`file`, after `name`.
std::uint64_t ProcNumber(int pid, const char* file, const std::string& name) {
  std::ifstream lines(fmt::format("/proc/{}/{}", pid, file));
  std::string word;
  std::uint64_t number = 0;
  while (lines >> word) {
    if (word == name) lines >> number;
  }
  return number;
}

// Waits until the index compacts no more: its reads are not those of a GET.
void AwaitQuiet() {
  std::uint64_t before = 0;
  for (int i = 0, quiet = 0; i < 300 && quiet < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const std::uint64_t now = ProcNumber(::getpid(), "io", "syscr:");
    quiet = now - before < 20 ? quiet + 1 : 0;
    before = now;
  }
}

// Reads of files that a random read of a chunk costs, in a process that does nothing else. The
// first half only fills the cache with filters and index blocks.
StatusOr<double> CountReads(const std::string& path, std::uint64_t chunks,
                            std::uint64_t first_epoch) {
  const auto indexes = NewRocksdbFactory({});
  ASSIGN_OR_RETURN(const auto store, OpenStore(path, indexes.get()));
  AwaitQuiet();
  Random random(12);
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < 2 * kRandomGets; ++i) {
    if (i == kRandomGets) before = ProcNumber(::getpid(), "io", "syscr:");
    const ChunkKey key = KeyOf(random.Below(chunks), first_epoch);
    const KeyHash hash = HashKey("events", ToString(key));
    RETURN_IF_ERROR(
        store
            ->ReadChunk(
                {.partition = PartitionOf(hash, kPartitionBits), .bucket = "events", .key = key})
            .status());
  }
  const std::uint64_t reads = ProcNumber(::getpid(), "io", "syscr:") - before;
  RETURN_IF_ERROR(store->Close());
  return static_cast<double>(reads) / kRandomGets;
}

StatusOr<double> TimeSplit(const std::string& path) {
  const auto indexes = NewRocksdbFactory({});
  ASSIGN_OR_RETURN(const auto store, OpenStore(path, indexes.get()));
  const Instant began = SystemClock().Now();
  RETURN_IF_ERROR(store->SetPartitionBits(kPartitionBits + 1));
  const double seconds = SecondsSince(began);
  RETURN_IF_ERROR(store->Close());
  return seconds;
}

}  // namespace

StatusOr<ManyResult> RunManyBench(const BenchOptions& options, std::uint64_t chunks) {
  ASSIGN_OR_RETURN(const auto directory, TemporaryDirectory::Make(options.directory));
  const std::string data = directory->path() + "/data";
  const std::uint64_t first_epoch =
      WallSeconds(SystemClock().WallNow()) - chunks / kChunksPerEpoch - 60;
  ManyResult result{.chunks = chunks};
  const Instant began = SystemClock().Now();
  RETURN_IF_ERROR(Fill(data, chunks, first_epoch));
  result.fill_seconds = SecondsSince(began);

  const Instant started = SystemClock().Now();
  ASSIGN_OR_RETURN(
      auto node, ChildProcess::Start({ProgramDirectory() + "/carillond", "--data", data, "--listen",
                                      "127.0.0.1:0", "--http", "", "--log-level", "warning"}));
  result.start_seconds = SecondsSince(started);
  ASSIGN_OR_RETURN(const auto client, Client::Connect({.endpoints = {node->address()}}));
  Random random(11);
  for (std::uint64_t i = 0; i < kRandomGets; ++i) {
    const Instant get_began = SystemClock().Now();
    RETURN_IF_ERROR(client->GetChunk("events", KeyOf(random.Below(chunks), first_epoch)).status());
    result.get_milliseconds += SecondsSince(get_began) * 1e3 / static_cast<double>(kRandomGets);
  }
  result.rss_bytes = ProcNumber(node->pid(), "status", "VmRSS:") * 1024;
  result.anonymous_bytes = ProcNumber(node->pid(), "status", "RssAnon:") * 1024;
  node.reset();
  ASSIGN_OR_RETURN(result.reads_per_get, CountReads(data, chunks, first_epoch));
  ASSIGN_OR_RETURN(result.split_seconds, TimeSplit(data));
  return result;
}

}  // namespace carillon
