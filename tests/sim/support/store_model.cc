#include "tests/sim/support/store_model.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/hash.h"
#include "storage/index.h"

namespace carillon {
namespace {

constexpr std::size_t kPageChunks = 3;  // small: paging is checked on the way
constexpr std::size_t kMaxPages = 100'000;

std::string NameOf(const StoreModel::ChunkId& id) {
  return id.first + "/" + ToString(id.second);
}

}  // namespace

WritePlacement PlaceOnRing(std::string_view bucket, std::string_view key,
                           std::uint32_t partition_bits) {
  Bytes record_key(bucket);
  record_key.push_back('\0');
  record_key.append(key);
  const auto position = static_cast<std::uint16_t>(Hash64(record_key) >> 48);
  const auto partition = static_cast<std::uint16_t>(position >> (16 - partition_bits));
  return {.partition = PartitionId(partition), .ring_position = position};
}

void StoreModel::SetPartitionBits(std::uint32_t bits) {
  partition_bits_ = bits;
  for (TriedCommit& tried : commits_) {
    const Commit& commit = tried.write.commit;
    tried.write.placement =
        PlaceOnRing(commit.bucket, ManifestKey(commit.epoch, commit.dc), partition_bits_);
  }
}

ChunkRef StoreModel::RefOf(const ChunkId& id) const {
  return {.partition = PlaceOnRing(id.first, ToString(id.second), partition_bits_).partition,
          .bucket = id.first,
          .key = id.second};
}

ChunkInfo StoreModel::InfoOf(const ChunkId& id) const {
  const Bytes& value = chunks_.at(id).value;
  return {.key = id.second,
          .events = 1,
          .raw_bytes = value.size(),
          .value_bytes = static_cast<std::uint32_t>(value.size()),
          .value_crc = Crc32c(value)};
}

void StoreModel::TryChunk(const ChunkWrite& write) {
  Chunk& chunk = chunks_[{write.bucket, write.key}];
  if (chunk.owed) return;
  chunk.value = write.value.Flatten();
  chunk.gone = false;
  chunk.weak = write.sync != SyncMode::kAlways;
}

void StoreModel::AcknowledgeChunk(const ChunkWrite& write) {
  Chunk& chunk = chunks_.at({write.bucket, write.key});
  chunk.owed = chunk.owed || write.sync == SyncMode::kAlways;
  if (write.sync == SyncMode::kAlways) chunk.weak = false;
}

void StoreModel::TryCommit(const CommitWrite& write) {
  const auto before = std::find_if(commits_.begin(), commits_.end(), [&](const TriedCommit& tried) {
    return tried.write.commit == write.commit;
  });
  if (before != commits_.end()) {
    before->gone = false;
    return;
  }
  commits_.push_back({.write = write});
  for (const ChunkInfo& info : write.commit.chunks) {
    chunks_.at({write.commit.bucket, info.key}).committed = true;
  }
}

std::vector<CommitWrite> StoreModel::GoneCommits() const {
  std::vector<CommitWrite> gone;
  for (const TriedCommit& tried : commits_) {
    if (tried.gone) gone.push_back(tried.write);
  }
  return gone;
}

void StoreModel::AcknowledgeCommit(const CommitWrite& write) {
  for (TriedCommit& tried : commits_) {
    if (tried.write.commit == write.commit) tried.owed = true;
  }
}

void StoreModel::TryDrop(PartitionId partition) {
  for (auto& [id, chunk] : chunks_) {
    if (RefOf(id).partition == partition) chunk.owed = false;
  }
  for (TriedCommit& tried : commits_) {
    if (tried.write.placement.partition == partition) tried.owed = false;
  }
}

void StoreModel::AcknowledgeDrop(PartitionId partition) {
  for (auto& [id, chunk] : chunks_) {
    if (RefOf(id).partition == partition) chunk.gone = true;
  }
  for (TriedCommit& tried : commits_) {
    if (tried.write.placement.partition == partition) tried.gone = true;
  }
}

std::vector<std::string> StoreModel::Check(const Store& store) {
  std::vector<std::string> violations;
  CheckChunks(store, &violations);
  CheckManifests(store, &violations);
  CheckSeals(store, &violations);
  CheckDigests(store, &violations);
  CheckEntries(store, &violations);
  return violations;
}

void StoreModel::CheckChunks(const Store& store, std::vector<std::string>* violations) {
  indexed_.clear();
  served_.clear();
  for (auto& [id, chunk] : chunks_) {
    const auto read = store.ReadChunk(RefOf(id));
    const auto complain = [&, name = NameOf(id)](std::string_view what) {
      violations->push_back(fmt::format("chunk {}: {}: {}", name, what, ToString(read.status())));
    };
    // A damaged record is still counted: a repair brings the same bytes back.
    if (read.ok() || read.status().code() == StatusCode::kDataLoss) indexed_.push_back(id);
    if (read.ok()) {
      served_.insert(id);
      if (read->value.view() != chunk.value) complain("served with other bytes");
      if (read->value_crc != Crc32c(chunk.value)) complain("served with another crc");
      if (chunk.gone) complain("served after its partition was dropped");
      if (!chunk.weak) chunk.owed = true;
    } else if (read.status().code() != StatusCode::kNotFound) {
      // A write that was never acknowledged may be there in part, which is damage like any other.
      if (chunk.owed) complain("neither served nor NOT_FOUND");
    } else if (chunk.owed) {
      complain("acknowledged and lost");
    }
  }
}

bool StoreModel::IsKnownInfo(const std::string& bucket, const ChunkInfo& info) const {
  return std::any_of(commits_.begin(), commits_.end(), [&](const TriedCommit& tried) {
    const Commit& commit = tried.write.commit;
    return commit.bucket == bucket &&
           std::find(commit.chunks.begin(), commit.chunks.end(), info) != commit.chunks.end();
  });
}

void StoreModel::ListSeconds(const Store& store, const std::string& bucket,
                             std::vector<std::string>* violations) {
  ManifestScan scan{.bucket = bucket,
                    .range = {.first = Epoch(0), .limit = Epoch(kMaxEpoch)},
                    .max_chunks = kPageChunks};
  std::pair<Epoch, std::string> last{Epoch(0), ""};
  for (std::size_t page_number = 0; page_number < kMaxPages; ++page_number) {
    const auto page = store.ScanManifests(scan);
    if (!page.ok()) {
      violations->push_back(fmt::format("scan: {}", ToString(page.status())));
      return;
    }
    for (const Second& second : page->seconds) {
      if (std::pair(second.epoch, second.dc) <= last) {
        violations->push_back(fmt::format("second {} is out of order", second.epoch));
      }
      last = {second.epoch, second.dc};
      for (const ChunkInfo& info : second.chunks) {
        const std::string key = ToString(info.key);
        if (!IsKnownInfo(bucket, info)) {
          violations->push_back(fmt::format("manifest invents chunk {}", key));
        }
        if (!listed_.insert({bucket, key}).second) {
          violations->push_back(fmt::format("manifest lists chunk {} twice", key));
        }
      }
    }
    if (!page->next_from) return;
    scan.range.first = *page->next_from;
  }
  violations->push_back("a scan does not end");
}

void StoreModel::CheckManifests(const Store& store, std::vector<std::string>* violations) {
  listed_.clear();
  std::set<std::string> buckets;
  for (const TriedCommit& tried : commits_) buckets.insert(tried.write.commit.bucket);
  for (const std::string& bucket : buckets) ListSeconds(store, bucket, violations);
  for (TriedCommit& tried : commits_) {
    const Commit& commit = tried.write.commit;
    std::size_t listed = 0;
    for (const ChunkInfo& info : commit.chunks) {
      listed += listed_.contains({commit.bucket, ToString(info.key)}) ? 1 : 0;
    }
    const auto complain = [&](std::string_view what) {
      violations->push_back(fmt::format("commit of {}: {}: {} of {} chunks listed",
                                        ManifestKey(commit.epoch, commit.dc), what, listed,
                                        commit.chunks.size()));
    };
    if (listed != 0 && listed != commit.chunks.size()) complain("half visible");
    if (tried.gone && listed != 0) complain("listed after its partition was dropped");
    if (tried.owed && listed != commit.chunks.size()) complain("acknowledged and lost");
    if (listed != 0) tried.owed = true;
  }
}

void StoreModel::CheckSeals(const Store& store, std::vector<std::string>* violations) const {
  const auto seals = store.Seals();
  if (!seals.ok()) {
    violations->push_back(fmt::format("seals: {}", ToString(seals.status())));
    return;
  }
  for (const TriedCommit& tried : commits_) {
    const Commit& commit = tried.write.commit;
    if (!tried.owed || !commit.seal) continue;
    const bool kept = std::any_of(seals->begin(), seals->end(), [&](const WriterSeal& seal) {
      return seal.bucket == commit.bucket && seal.dc == commit.dc &&
             seal.writer == commit.seal->writer && seal.sealed >= commit.seal->epoch;
    });
    if (!kept) violations->push_back(fmt::format("seal of {} is lost", commit.epoch));
  }
}

void StoreModel::CheckDigests(const Store& store, std::vector<std::string>* violations) const {
  std::map<std::pair<std::string, std::uint64_t>, std::map<PartitionId, Digest>> wanted;
  for (const auto& [id, chunk] : chunks_) {
    const std::uint64_t hour = id.second.epoch.value() / 3600;
    wanted[{id.first, hour}];  // also where nothing is expected
  }
  for (const ChunkId& id : indexed_) {
    wanted[{id.first, id.second.epoch.value() / 3600}][RefOf(id).partition].Add(
        DigestOf(DigestEntryKey("c", id.first, id.second), Crc32c(chunks_.at(id).value)));
  }
  for (const TriedCommit& tried : commits_) {
    const Commit& commit = tried.write.commit;
    for (const ChunkInfo& info : commit.chunks) {
      if (!listed_.contains({commit.bucket, ToString(info.key)})) continue;
      wanted[{commit.bucket, commit.epoch.value() / 3600}][tried.write.placement.partition].Add(
          DigestOf(DigestEntryKey("m", commit.bucket, info.key), info.value_crc));
    }
  }
  for (auto& [place, by_partition] : wanted) {
    for (std::uint32_t p = 0; p < (1u << partition_bits_); ++p) {
      const PartitionId partition(static_cast<std::uint16_t>(p));
      const auto digest = store.ReadDigest(partition, place.first, place.second);
      const Digest& want = by_partition[partition];
      if (digest.ok() && *digest == want) continue;
      violations->push_back(fmt::format(
          "digest of partition {}, {}, hour {}: counts {}, a recount says {}", partition,
          place.first, place.second, digest.ok() ? digest->count : 0, want.count));
    }
  }
}

// What another node would be told: what is served, and nothing else, is listed; the rest of what
// the digests count is named as damaged.
void StoreModel::CheckEntries(const Store& store, std::vector<std::string>* violations) const {
  std::set<ChunkId> chunks;
  Listed lines;
  std::set<PartitionId> counted;
  for (std::uint32_t p = 0; p < (1u << partition_bits_); ++p) {
    const PartitionId partition(static_cast<std::uint16_t>(p));
    const auto digests = store.ListDigests(partition);
    std::uint64_t count = store.DamagedEntries(partition).size();
    for (const HourDigest& hour : digests.ok() ? *digests : std::vector<HourDigest>()) {
      counted.insert(partition);
      EntryPage page;
      do {
        auto next = store.ListEntries(partition, hour.bucket, hour.hour, page.next, kPageChunks);
        page = next.ok() ? std::move(*next) : EntryPage();
        count += page.entries.size();
        for (const SyncEntry& entry : page.entries) {
          if (entry.kind == SyncEntry::Kind::kChunk) chunks.emplace(entry.bucket, entry.info.key);
          if (entry.kind == SyncEntry::Kind::kManifest) {
            lines.emplace(entry.bucket, ToString(entry.info.key));
          }
        }
      } while (!page.next.empty());
    }
    if (digests.ok() && count == TotalOf(*digests).count) continue;
    violations->push_back(fmt::format("partition {}: {} entries listed or damaged, {} are counted",
                                      partition, count,
                                      digests.ok() ? TotalOf(*digests).count : 0));
  }
  if (store.HeldPartitions().value() != std::vector(counted.begin(), counted.end())) {
    violations->push_back("other partitions are held than are counted");
  }
  if (chunks != served_) violations->push_back("other chunks are listed than are served");
  if (lines != listed_) violations->push_back("other lines are listed than are served");
}

}  // namespace carillon
