#include "tests/sim/cluster/cluster_machine.h"

#include "base/check.h"

namespace carillon {
namespace {

constexpr std::size_t kEntriesPerPage = 16;  // small, so that there are many pages

DigestLine LineOf(const HourDigest& from) {
  return {
      .bucket = from.bucket, .hour = from.hour, .count = from.digest.count, .sum = from.digest.sum};
}

ChunkRef RefOf(const std::string& bucket, const ChunkPlace& place) {
  return {.partition = place.partition, .bucket = bucket, .key = place.key};
}

}  // namespace

Status ClusterMachine::Open() {
  StoreOptions options;
  options.files = &files;
  options.indexes = &indexes;
  options.clock = &clock;
  options.directories = {"/data"};
  options.identity = identity;
  options.partition_bits = saved.state->partition_bits;
  options.random_seed = seed;
  options.segment_bytes = 64 << 10;
  options.allocate_bytes = 16 << 10;
  options.flush_log_bytes = 16 << 10;
  options.ballast_bytes = 4 << 10;
  options.on_sync_failure = [this](const Status&) { sync_failed = true; };
  ASSIGN_OR_RETURN(store, Store::Open(std::move(options)));
  ++boots;
  return OkStatus();
}

void ClusterMachine::Crash(CrashManner manner, Random* random) {
  store.reset();
  files.Crash(manner, random);
  files.ClearFaults();
  sync_failed = false;
}

DigestsDone ClusterMachine::Read(const ListDigests& effect) const {
  DigestsDone done{.operation = effect.operation, .status = OkStatus(), .lines = {}};
  const auto digests = store->ListDigests(effect.partition);
  done.status = digests.status();
  if (!digests.ok()) return done;
  for (const HourDigest& one : *digests) done.lines.push_back(LineOf(one));
  return done;
}

EntriesDone ClusterMachine::Read(const ListEntries& effect) const {
  EntriesDone done{.operation = effect.operation, .status = OkStatus(), .page = {}};
  auto page = store->ListEntries(effect.partition, effect.bucket, effect.hour, effect.after,
                                 kEntriesPerPage);
  done.status = page.status();
  if (!page.ok()) return done;
  for (SyncEntry& entry : page->entries) {
    done.page.entries.push_back({.manifest = entry.kind == SyncEntry::Kind::kManifest,
                                 .info = std::move(entry.info),
                                 .expire_at = entry.expire_at});
  }
  done.page.next = std::move(page->next);
  return done;
}

ClaimsListed ClusterMachine::Read(const ListClaims& effect) const {
  ClaimsListed done{.operation = effect.operation, .status = OkStatus(), .page = {}};
  auto page = store->ListClaims(effect.partition, effect.bucket, effect.slot, effect.after,
                                kEntriesPerPage);
  done.status = page.status();
  if (page.ok()) done.page = {.claims = std::move(page->claims), .next = std::move(page->next)};
  return done;
}

HeldDone ClusterMachine::Read(const ListHeld& effect) const {
  HeldDone done{.operation = effect.operation, .status = OkStatus(), .partitions = {}};
  auto held = store->HeldPartitions();
  done.status = held.status();
  if (held.ok()) done.partitions = *std::move(held);
  return done;
}

MeasuredDone ClusterMachine::Read(const MeasureHeld& effect) const {
  const auto sizes = store->Measure();
  MeasuredDone done{.operation = effect.operation, .status = sizes.status(), .sizes = {}};
  if (!sizes.ok()) return done;
  done.sizes.free_bytes = sizes->free_bytes;
  for (const PartitionSize& one : sizes->partitions) {
    done.sizes.partitions.push_back(
        {.partition = one.partition, .chunks = one.chunks, .bytes = one.bytes});
  }
  return done;
}

StatDone ClusterMachine::Read(const StatChunks& effect) const {
  std::vector<ChunkRef> refs;
  for (const ChunkPlace& place : effect.chunks) refs.push_back(RefOf(effect.bucket, place));
  const auto stats = store->StatChunks(refs);
  StatDone done{.operation = effect.operation, .status = stats.status(), .found = {}};
  if (!stats.ok()) return done;
  for (const auto& stat : *stats) {
    auto& found = done.found.emplace_back();
    if (stat) found = ChunkFound{.value_bytes = stat->value_bytes, .value_crc = stat->value_crc};
  }
  return done;
}

ReadDone ClusterMachine::Read(const ReadChunk& effect) const {
  auto chunk = store->ReadChunk(RefOf(effect.bucket, effect.chunk));
  ReadDone done{.operation = effect.operation, .status = chunk.status(), .value = {}};
  if (!chunk.ok()) return done;
  done.value = std::move(chunk->value);
  done.value_crc = chunk->value_crc;
  return done;
}

ScanDone ClusterMachine::Read(const ScanSeconds& effect) const {
  auto page = store->ScanManifests({.partitions = effect.partitions,
                                    .bucket = effect.bucket,
                                    .range = effect.range,
                                    .dc = effect.dc,
                                    .max_chunks = effect.max_chunks});
  ScanDone done{.operation = effect.operation, .status = page.status(), .seconds = {}};
  if (!page.ok()) return done;
  done.seconds = std::move(page->seconds);
  done.next_from = page->next_from;
  return done;
}

std::vector<HeardSeal> ClusterMachine::Seals() const {
  std::vector<HeardSeal> heard;
  const auto seals = store->Seals();
  CHECK(seals.ok());
  for (const WriterSeal& seal : *seals) {
    heard.push_back({.bucket = seal.bucket,
                     .dc = seal.dc,
                     .seal = {.writer = seal.writer, .epoch = seal.sealed},
                     .heard_at = seal.heard_at});
  }
  return heard;
}

std::vector<SyncEntry> ClusterMachine::AllOf(PartitionId partition) const {
  std::vector<SyncEntry> all;
  const auto digests = store->ListDigests(partition);
  CHECK(digests.ok());
  for (const HourDigest& digest : *digests) {
    Bytes after;
    do {
      auto page = store->ListEntries(partition, digest.bucket, digest.hour, after, 1000);
      CHECK(page.ok());
      all.insert(all.end(), page->entries.begin(), page->entries.end());
      after = page->next;
    } while (!after.empty());
  }
  return all;
}

WriteRequest ToWrite(StoreChunk effect) {
  WriteRequest request;
  request.chunk = ChunkWrite{.placement = {.partition = effect.place.partition,
                                           .ring_position = effect.place.ring_position},
                             .bucket = std::move(effect.bucket),
                             .key = std::move(effect.key),
                             .value = std::move(effect.value),
                             .value_crc = effect.value_crc,
                             .ttl_seconds = effect.ttl_seconds,
                             .sync = effect.sync};
  return request;
}

WriteRequest ToWrite(StoreCommit effect) {
  WriteRequest request;
  request.commit = CommitWrite{.placement = {.partition = effect.place.partition,
                                             .ring_position = effect.place.ring_position},
                               .commit = std::move(effect.commit),
                               .ttl_seconds = effect.ttl_seconds,
                               .sync = effect.sync};
  return request;
}

}  // namespace carillon
