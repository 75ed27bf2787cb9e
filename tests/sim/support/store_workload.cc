#include "tests/sim/support/store_workload.h"

#include <array>

#include "base/check.h"
#include "base/checksum.h"

namespace carillon {
namespace {

constexpr std::uint64_t kFirstEpoch = 1'700'000'000;
constexpr std::uint32_t kMostPartitionBits = 4;

Bytes RandomValue(Random* random) {
  const std::uint64_t size = random->OneIn(8) ? random->Below(9000) : random->Below(700);
  Bytes value;
  while (value.size() < size) value.push_back(static_cast<char>(random->Next()));
  return value;
}

std::uint64_t RandomTtl(Random* random) {
  static constexpr std::array<std::uint64_t, 4> kTtls = {8 * 86400, 8 * 86400, 86400, 0};
  return kTtls[random->Below(kTtls.size())];
}

// One run of the workload; the steps are its methods.
class Workload {
 public:
  Workload(const WorkloadOptions& options, bool faults, Random* random, StoreMachine* machine,
           StoreModel* model, std::vector<std::string>* violations)
      : options_(options),
        faults_(faults),
        random_(random),
        machine_(machine),
        model_(model),
        violations_(violations) {}

  void Step() {
    switch (random_->Below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        PutBatch();
        break;
      case 5:
        PutAgain();
        break;
      case 6:
        PutOtherBytes();
        break;
      case 7:
      case 8:
        CommitSecond();
        break;
      case 9:
      case 10:
        Upkeep();
        break;
      case 11:
        Rarely();
        break;
    }
  }

 private:
  SyncMode RandomSync() {
    if (!options_.weak_sync || !random_->OneIn(6)) return SyncMode::kAlways;
    return random_->OneIn(2) ? SyncMode::kOs : SyncMode::kInterval;
  }

  ChunkWrite NewChunk() {
    ChunkWrite write;
    write.bucket = random_->OneIn(5) ? "rollups" : "events";
    write.key = {.epoch = Epoch(kFirstEpoch - 3600 * random_->Below(2) - random_->Below(3)),
                 .dc = random_->OneIn(3) ? "sin" : "ams",
                 .cell = "cell0",
                 .type = random_->OneIn(2) ? "WEB" : "EMK",
                 .subtype = random_->OneIn(2) ? "" : "app",
                 .number = random_->Next() >> 1};
    const Bytes value = RandomValue(random_);
    write.value.Append(SharedBytes(value.substr(0, value.size() / 3)));
    write.value.Append(SharedBytes(value.substr(value.size() / 3)));
    write.value_crc = Crc32c(value);
    write.ttl_seconds = RandomTtl(random_);
    write.sync = RandomSync();
    write.placement = PlaceOnRing(write.bucket, ToString(write.key), machine_->partition_bits);
    return write;
  }

  std::vector<WriteOutcome> Write(const std::vector<WriteRequest>& requests) {
    for (const WriteRequest& request : requests) {
      if (request.chunk) model_->TryChunk(*request.chunk);
      if (request.commit) model_->TryCommit(*request.commit);
    }
    auto outcomes = machine_->store->Write(0, requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (!outcomes[i].status.ok()) {
        if (!faults_) Complain("a write failed", outcomes[i].status);
      } else if (requests[i].chunk) {
        model_->AcknowledgeChunk(*requests[i].chunk);
      } else {
        model_->AcknowledgeCommit(*requests[i].commit);
      }
    }
    return outcomes;
  }

  void PutBatch() {
    std::vector<WriteRequest> requests(1 + random_->Below(4));
    for (WriteRequest& request : requests) request.chunk = NewChunk();
    if (requests.size() > 2 && random_->OneIn(3)) requests.push_back(requests.front());
    (void)Write(requests);  // what was answered is in the model
  }

  // An acknowledged chunk, or none.
  const StoreModel::ChunkId* PickOwed() {
    std::vector<const StoreModel::ChunkId*> owed;
    for (const auto& [id, chunk] : model_->chunks()) {
      if (chunk.owed && !chunk.gone) owed.push_back(&id);
    }
    return owed.empty() ? nullptr : owed[random_->Below(owed.size())];
  }

  ChunkWrite WriteOf(const StoreModel::ChunkId& id, Bytes value) {
    ChunkWrite write{
        .placement = PlaceOnRing(id.first, ToString(id.second), machine_->partition_bits),
        .bucket = id.first,
        .key = id.second,
        .value = Rope(value),
        .value_crc = Crc32c(value),
        .ttl_seconds = 8 * 86400};
    return write;
  }

  void PutAgain() {
    if (options_.drops && random_->OneIn(3)) return ComeBack();
    const StoreModel::ChunkId* id = PickOwed();
    if (id == nullptr) return;
    std::vector<WriteRequest> requests(1);
    requests[0].chunk = WriteOf(*id, model_->chunks().at(*id).value);
    const WriteOutcome outcome = machine_->store->Write(0, requests).front();
    if (outcome.status.ok() && !outcome.already_stored) {
      Complain("an acknowledged chunk was stored again", outcome.status);
    }
    if (!outcome.status.ok() && !faults_) Complain("a repeated put failed", outcome.status);
  }

  void PutOtherBytes() {
    const StoreModel::ChunkId* id = PickOwed();
    if (id == nullptr) return;
    std::vector<WriteRequest> requests(1);
    requests[0].chunk = WriteOf(*id, model_->chunks().at(*id).value + "x");
    const Status status = machine_->store->Write(0, requests).front().status;
    if (status.ok() || (!faults_ && status.code() != StatusCode::kAlreadyExists)) {
      Complain("other bytes under a key that is taken", status);
    }
  }

  // All acknowledged chunks of one second that no commit has named yet.
  void CommitSecond() {
    CommitWrite write;
    for (const auto& [id, chunk] : model_->chunks()) {
      if (!chunk.owed || chunk.gone || chunk.committed) continue;
      if (write.commit.chunks.empty()) {
        write.commit.bucket = id.first;
        write.commit.epoch = id.second.epoch;
        write.commit.dc = id.second.dc;
      }
      const bool same = id.first == write.commit.bucket && id.second.epoch == write.commit.epoch &&
                        id.second.dc == write.commit.dc;
      if (same) write.commit.chunks.push_back(model_->InfoOf(id));
    }
    if (write.commit.chunks.empty()) return;
    if (random_->OneIn(2)) {
      write.commit.seal = Seal{.writer = random_->Below(3), .epoch = write.commit.epoch};
    }
    write.ttl_seconds = RandomTtl(random_);
    write.placement =
        PlaceOnRing(write.commit.bucket, ManifestKey(write.commit.epoch, write.commit.dc),
                    machine_->partition_bits);
    std::vector<WriteRequest> requests(1);
    requests[0].commit = std::move(write);
    (void)Write(requests);  // what was answered is in the model
  }

  void Upkeep() {
    machine_->clock.Advance(random_->OneIn(4) ? 700 : 1);
    machine_->store->Maintain(0);
  }

  void Rarely() {
    if (options_.splits && machine_->partition_bits < kMostPartitionBits && random_->OneIn(2)) {
      Split();
    } else if (options_.restarts && random_->OneIn(2)) {
      const Status closed = machine_->store->Close();
      machine_->store.reset();
      const Status opened = machine_->Open();
      if (!faults_ && !closed.ok()) Complain("close", closed);
      if (!faults_ && !opened.ok()) Complain("open", opened);
    } else if (options_.drops) {
      Drop(PartitionId(static_cast<std::uint16_t>(
          random_->Below(std::uint64_t{1} << machine_->partition_bits))));
      if (random_->OneIn(2)) ComeBack();
    }
  }

  // Whoever asks for a split has written down before that it is to be made.
  void Split() {
    machine_->partition_bits += 1 + random_->Below(2);
    model_->SetPartitionBits(machine_->partition_bits);
    const Status split = machine_->store->SetPartitionBits(machine_->partition_bits);
    if (!faults_ && !split.ok()) Complain("split", split);
  }

  void Drop(PartitionId partition) {
    model_->TryDrop(partition);
    const Status dropped =
        random_->OneIn(2) ? machine_->store->DropPartition(partition) : DropIfUnchanged(partition);
    if (dropped.ok()) model_->AcknowledgeDrop(partition);
    if (!faults_ && !dropped.ok()) Complain("drop", dropped);
  }

  Status DropIfUnchanged(PartitionId partition) {
    ASSIGN_OR_RETURN(const auto digests, machine_->store->ListDigests(partition));
    const Digest total = TotalOf(digests);
    Digest other = total;
    other.sum.low ^= 1;
    ASSIGN_OR_RETURN(const bool wrongly, machine_->store->DropPartitionIf(partition, other));
    if (wrongly) Complain("a drop of something else", OkStatus());
    ASSIGN_OR_RETURN(const bool dropped, machine_->store->DropPartitionIf(partition, total));
    return dropped ? OkStatus() : Internal("nothing changed, and it was not dropped");
  }

  // Some of what was dropped is written again, as when a partition moves here anew.
  void ComeBack() {
    std::vector<WriteRequest> requests;
    for (const auto& [id, chunk] : model_->chunks()) {
      if (!chunk.gone || random_->OneIn(3)) continue;
      requests.emplace_back().chunk = WriteOf(id, chunk.value);
      requests.back().chunk->ttl_seconds = RandomTtl(random_);
    }
    for (CommitWrite& commit : model_->GoneCommits()) {
      if (random_->OneIn(3)) continue;
      commit.ttl_seconds = RandomTtl(random_);
      requests.emplace_back().commit = std::move(commit);
    }
    if (!requests.empty()) (void)Write(requests);  // what was answered is in the model
  }

  void Complain(std::string_view what, const Status& status) {
    violations_->push_back(fmt::format("{}: {}", what, ToString(status)));
  }

  const WorkloadOptions options_;
  const bool faults_;
  Random* random_;
  StoreMachine* machine_;
  StoreModel* model_;
  std::vector<std::string>* violations_;
};

}  // namespace

StoreMachine::StoreMachine(std::uint64_t seed) : seed(seed) {
  CHECK(files.MakeDirectory("/srv").ok() && files.SyncDirectory("/").ok());
}

StoreOptions StoreMachine::options() {
  StoreOptions options;
  options.files = &files;
  options.indexes = &indexes;
  options.clock = &clock;
  options.directories = directories;
  for (std::size_t i = 0; i < 16; ++i) {
    options.identity.cluster.bytes[i] = static_cast<std::uint8_t>(i);
    options.identity.node.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  }
  options.partition_bits = partition_bits;
  options.split_batch_entries = 5;
  options.random_seed = seed;
  options.segment_bytes = 16 << 10;
  options.allocate_bytes = 8 << 10;
  options.segment_window_seconds = 1200;
  options.flush_log_bytes = 8 << 10;
  options.ballast_bytes = 8 << 10;
  options.on_sync_failure = [this](const Status&) { ++sync_failures; };
  return options;
}

Status StoreMachine::Open() {
  ASSIGN_OR_RETURN(store, Store::Open(options()));
  return OkStatus();
}

void RunWorkload(const WorkloadOptions& options, bool faults, Random* random, StoreMachine* machine,
                 StoreModel* model, std::vector<std::string>* violations) {
  Workload workload(options, faults, random, machine, model, violations);
  for (std::size_t i = 0; i < options.steps; ++i) {
    if (machine->store == nullptr || machine->files.stopped()) return;
    workload.Step();
  }
}

}  // namespace carillon
