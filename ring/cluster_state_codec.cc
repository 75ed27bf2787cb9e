// The canonical bytes of a cluster state (docs/FORMATS.md, "Cluster state").
#include "base/coding.h"
#include "ring/cluster_state.h"

namespace carillon {
namespace {

// A state that never had a tenant has the bytes it had before there were any.
constexpr std::uint16_t kWithoutTenants = 3;
constexpr std::uint16_t kWithTenants = 4;
// While rules of buckets settle; tenants are empty if there never was one.
constexpr std::uint16_t kWithSettling = 5;

using Indexes = std::vector<std::uint16_t>;

void PutIndexes(Bytes* out, const Indexes& indexes) {
  PutVarint(out, indexes.size());
  for (const std::uint16_t index : indexes) PutVarint(out, index);
}

void PutMember(Bytes* out, const Member& member) {
  PutUuid(out, member.node.value());
  PutString(out, member.name);
  PutString(out, member.address);
  PutString(out, member.rack);
  PutVarint(out, member.weight);
  PutVarint(out, static_cast<std::uint64_t>(member.role));
  PutVarint(out, member.life.counter);
  PutFixed(out, member.life.id);
}

void PutPartition(Bytes* out, const PartitionHomes& partition) {
  PutVarint(out, static_cast<std::uint64_t>(partition.phase));
  PutVarint(out, partition.changed.value());
  PutIndexes(out, partition.homes);
  PutIndexes(out, partition.next);
  PutIndexes(out, partition.ready);
  PutIndexes(out, partition.target);
}

void PutBucket(Bytes* out, const std::string& name, const BucketProperties& properties) {
  PutString(out, name);
  for (const std::uint64_t field :
       {std::uint64_t{properties.n_val}, std::uint64_t{properties.w}, properties.ttl_seconds,
        static_cast<std::uint64_t>(properties.sync), std::uint64_t{properties.max_chunk_bytes},
        properties.quota_bytes_per_second}) {
    PutVarint(out, field);
  }
}

void PutStaged(Bytes* out, const StagedChange& change) {
  PutVarint(out, static_cast<std::uint64_t>(change.kind));
  PutUuid(out, change.node.value());
  PutUuid(out, change.other.value());
  PutVarint(out, change.weight);
  PutString(out, change.rack);
}

// Reads fields in order; the first that is out of its range is remembered.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : decoder_(bytes) {}

  std::uint64_t Number(std::uint64_t most) {
    const std::uint64_t number = decoder_.Varint();
    if (number <= most) return number;
    out_of_range_ = true;
    return 0;
  }
  Uuid TakeUuid() { return carillon::TakeUuid(&decoder_); }
  std::string Text() { return std::string(decoder_.String()); }
  template <typename T>
  T Fixed() {
    return decoder_.Fixed<T>();
  }

  Indexes TakeIndexes() {
    Indexes indexes(Number(kMaxMembers));
    for (std::uint16_t& index : indexes) {
      index = static_cast<std::uint16_t>(Number(kMaxMembers));
      if (failed()) return {};
    }
    return indexes;
  }

  bool failed() const { return out_of_range_ || decoder_.failed(); }
  bool Done() const { return !out_of_range_ && decoder_.Done(); }

 private:
  Decoder decoder_;
  bool out_of_range_ = false;
};

constexpr std::uint64_t kAny32 = ~std::uint32_t{0};
constexpr std::uint64_t kAny64 = ~std::uint64_t{0};

Member TakeMember(Reader* reader) {
  Member member;
  member.node = NodeId(reader->TakeUuid());
  member.name = reader->Text();
  member.address = reader->Text();
  member.rack = reader->Text();
  member.weight = static_cast<std::uint32_t>(reader->Number(kMaxWeight));
  member.role = static_cast<MemberRole>(reader->Number(2));
  member.life.counter = reader->Number(kAny64);
  member.life.id = reader->Fixed<std::uint64_t>();
  return member;
}

PartitionHomes TakePartition(Reader* reader) {
  PartitionHomes partition;
  partition.phase = static_cast<Phase>(reader->Number(2));
  partition.changed = StateVersion(reader->Number(kAny64));
  partition.homes = reader->TakeIndexes();
  partition.next = reader->TakeIndexes();
  partition.ready = reader->TakeIndexes();
  partition.target = reader->TakeIndexes();
  return partition;
}

BucketProperties TakeBucket(Reader* reader) {
  BucketProperties properties;
  properties.n_val = static_cast<std::uint32_t>(reader->Number(kAny32));
  properties.w = static_cast<std::uint32_t>(reader->Number(kAny32));
  properties.ttl_seconds = reader->Number(kAny64);
  properties.sync = static_cast<SyncMode>(reader->Number(2));
  properties.max_chunk_bytes = static_cast<std::uint32_t>(reader->Number(kAny32));
  properties.quota_bytes_per_second = reader->Number(kAny64);
  return properties;
}

StagedChange TakeStaged(Reader* reader) {
  StagedChange change;
  change.kind = static_cast<StagedChange::Kind>(
      reader->Number(static_cast<std::uint64_t>(StagedChange::Kind::kRebalance)));
  change.node = NodeId(reader->TakeUuid());
  change.other = NodeId(reader->TakeUuid());
  change.weight = static_cast<std::uint32_t>(reader->Number(kMaxWeight));
  change.rack = reader->Text();
  return change;
}

void PutSettling(Bytes* out, const SettlingRules& settling) {
  PutVarint(out, settling.since.value());
  PutVarint(out, settling.before.size());
  for (const auto& [bucket, rule] : settling.before) {
    PutString(out, bucket);
    PutVarint(out, rule.n_val);
    PutVarint(out, rule.w);
  }
  PutIndexes(out, settling.ready);
}

SettlingRules TakeSettling(Reader* reader) {
  SettlingRules settling;
  settling.since = StateVersion(reader->Number(kAny64));
  const std::uint64_t buckets = reader->Number(kMaxBuckets);
  for (std::uint64_t i = 0; i < buckets && !reader->failed(); ++i) {
    ReplicaRule& rule = settling.before[reader->Text()];
    rule.n_val = static_cast<std::uint32_t>(reader->Number(kMaxReplicas));
    rule.w = static_cast<std::uint32_t>(reader->Number(kMaxReplicas));
  }
  settling.ready = reader->TakeIndexes();
  return settling;
}

std::optional<SavedPlan> TakePlan(Reader* reader) {
  if (reader->Number(1) == 0) return std::nullopt;
  SavedPlan plan;
  plan.id = reader->TakeUuid();
  const std::uint64_t partitions = reader->Number(std::uint64_t{1} << kMaxPartitionBits);
  for (std::uint64_t i = 0; i < partitions && !reader->failed(); ++i) {
    plan.targets.push_back(reader->TakeIndexes());
  }
  return plan;
}

void TakeHead(Reader* reader, ClusterState* state) {
  state->cluster = reader->TakeUuid();
  state->generation = reader->Fixed<std::uint64_t>();
  state->version = StateVersion(reader->Fixed<std::uint64_t>());
  state->previous.low = reader->Fixed<std::uint64_t>();
  state->previous.high = reader->Fixed<std::uint64_t>();
  state->change = reader->TakeUuid();
  state->note = reader->Text();
  state->paused = reader->Number(1) == 1;
  state->partition_bits = static_cast<std::uint32_t>(reader->Number(kMaxPartitionBits));
}

}  // namespace

Bytes EncodeClusterState(const ClusterState& state) {
  Bytes bytes;
  const bool has_tenants = state.tenants.changed.value() != 0;
  PutFixed(&bytes, state.settling ? kWithSettling : has_tenants ? kWithTenants : kWithoutTenants);
  PutUuid(&bytes, state.cluster);
  PutFixed(&bytes, state.generation);
  PutFixed(&bytes, state.version.value());
  PutFixed(&bytes, state.previous.low);
  PutFixed(&bytes, state.previous.high);
  PutUuid(&bytes, state.change);
  PutString(&bytes, state.note);
  PutVarint(&bytes, state.paused ? 1 : 0);
  PutVarint(&bytes, state.partition_bits);
  PutVarint(&bytes, state.members.size());
  for (const Member& member : state.members) PutMember(&bytes, member);
  for (const PartitionHomes& partition : state.placement) PutPartition(&bytes, partition);
  PutVarint(&bytes, state.buckets.size());
  for (const auto& [name, properties] : state.buckets) PutBucket(&bytes, name, properties);
  PutVarint(&bytes, state.staged.size());
  for (const StagedChange& change : state.staged) PutStaged(&bytes, change);
  PutVarint(&bytes, state.plan ? 1 : 0);
  if (state.plan) {
    PutUuid(&bytes, state.plan->id);
    PutVarint(&bytes, state.plan->targets.size());
    for (const Indexes& homes : state.plan->targets) PutIndexes(&bytes, homes);
  }
  if (has_tenants) PutString(&bytes, EncodeTenantSection(state.tenants));
  if (state.settling && !has_tenants) PutString(&bytes, {});
  if (state.settling) PutSettling(&bytes, *state.settling);
  return bytes;
}

StatusOr<ClusterState> DecodeClusterState(ByteSpan bytes) {
  Reader reader(bytes);
  const auto format = reader.Fixed<std::uint16_t>();
  if (format < kWithoutTenants || format > kWithSettling) {
    return DataLoss("cluster state of an unknown format");
  }
  ClusterState state;
  TakeHead(&reader, &state);
  const std::uint64_t members = reader.Number(kMaxMembers);
  for (std::uint64_t i = 0; i < members && !reader.failed(); ++i) {
    state.members.push_back(TakeMember(&reader));
  }
  for (std::size_t i = 0; i < state.partitions() && !reader.failed(); ++i) {
    state.placement.push_back(TakePartition(&reader));
  }
  const std::uint64_t buckets = reader.Number(kMaxBuckets);
  for (std::uint64_t i = 0; i < buckets && !reader.failed(); ++i) {
    const std::string name = reader.Text();
    state.buckets[name] = TakeBucket(&reader);
  }
  const std::uint64_t staged = reader.Number(kMaxStagedChanges);
  for (std::uint64_t i = 0; i < staged && !reader.failed(); ++i) {
    state.staged.push_back(TakeStaged(&reader));
  }
  state.plan = TakePlan(&reader);
  const std::string tenants = format == kWithoutTenants ? std::string() : reader.Text();
  if (format == kWithTenants || !tenants.empty()) {
    ASSIGN_OR_RETURN(state.tenants, DecodeTenantSection(tenants));
    if (state.tenants.changed.value() == 0) return DataLoss("cluster state with tenants of never");
  }
  if (format == kWithSettling) state.settling = TakeSettling(&reader);
  if (!reader.Done()) return DataLoss("cluster state of {} bytes is malformed", bytes.size());
  if (const Status valid = Validate(state); !valid.ok()) {
    return DataLoss("cluster state is not valid: {}", Message(valid));
  }
  return state;
}

}  // namespace carillon
