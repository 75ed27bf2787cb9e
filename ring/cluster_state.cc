#include "ring/cluster_state.h"

#include <algorithm>

#include "base/chunk_key.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr std::uint16_t kStateFormatVersion = 1;
constexpr std::size_t kMaxAddressBytes = 256;

void PutUuid(Bytes* out, const Uuid& uuid) {
  out->append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
}

Uuid TakeUuid(Decoder* decoder) {
  Uuid uuid;
  const ByteSpan bytes = decoder->Take(uuid.bytes.size());
  std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
  return uuid;
}

void PutBucket(Bytes* out, const std::string& name, const BucketProperties& properties) {
  PutString(out, name);
  for (const std::uint64_t field :
       {std::uint64_t{properties.n_val}, std::uint64_t{properties.w}, properties.ttl_seconds,
        static_cast<std::uint64_t>(properties.sync), std::uint64_t{properties.max_chunk_bytes},
        properties.quota_bytes_per_second, properties.max_bytes}) {
    PutVarint(out, field);
  }
}

BucketProperties TakeBucket(Decoder* decoder) {
  BucketProperties properties;
  properties.n_val = static_cast<std::uint32_t>(decoder->Varint());
  properties.w = static_cast<std::uint32_t>(decoder->Varint());
  properties.ttl_seconds = decoder->Varint();
  properties.sync = static_cast<SyncMode>(decoder->Varint() % 3);
  properties.max_chunk_bytes = static_cast<std::uint32_t>(decoder->Varint());
  properties.quota_bytes_per_second = decoder->Varint();
  properties.max_bytes = decoder->Varint();
  return properties;
}

Status CheckHomes(const ClusterState& state) {
  if (state.placement.size() != state.partitions()) {
    return InvalidArgument("placement of {} partitions, want {}", state.placement.size(),
                           state.partitions());
  }
  for (std::size_t p = 0; p < state.placement.size(); ++p) {
    std::vector<std::uint16_t> homes = state.placement[p];
    if (homes.empty()) return InvalidArgument("partition {} has no home", p);
    std::sort(homes.begin(), homes.end());
    if (std::adjacent_find(homes.begin(), homes.end()) != homes.end()) {
      return InvalidArgument("partition {} has a home twice", p);
    }
    if (homes.back() >= state.members.size()) {
      return InvalidArgument("partition {} has a home that is no member", p);
    }
  }
  return OkStatus();
}

}  // namespace

const BucketProperties* ClusterState::FindBucket(const std::string& name) const {
  const auto found = buckets.find(name);
  return found == buckets.end() ? nullptr : &found->second;
}

ClusterState FirstState(const Uuid& cluster, const Member& founder, std::uint32_t partition_bits) {
  ClusterState state;
  state.cluster = cluster;
  state.version = StateVersion(1);
  state.partition_bits = partition_bits;
  state.members = {founder};
  state.placement.assign(state.partitions(), {0});
  state.buckets[kDefaultBucket] = {};
  state.buckets[kRollupsBucket] = {};
  return state;
}

Status Validate(const ClusterState& state) {
  if (state.cluster.IsNil()) return InvalidArgument("cluster state without a cluster");
  if (state.version.value() == 0) return InvalidArgument("cluster state of version 0");
  if (state.partition_bits < kMinPartitionBits || state.partition_bits > kMaxPartitionBits) {
    return InvalidArgument("{} partitions, want {}..{}", state.partitions(),
                           1u << kMinPartitionBits, 1u << kMaxPartitionBits);
  }
  if (state.members.empty() || state.members.size() > kMaxMembers) {
    return InvalidArgument("{} members, want 1..{}", state.members.size(), kMaxMembers);
  }
  for (std::size_t i = 0; i < state.members.size(); ++i) {
    const Member& member = state.members[i];
    RETURN_IF_ERROR(CheckName("member name", member.name));
    if (member.address.size() > kMaxAddressBytes) {
      return InvalidArgument("address of {} bytes", member.address.size());
    }
    if (i > 0 && state.members[i - 1].node >= member.node) {
      return InvalidArgument("members are not in order, or one is there twice");
    }
  }
  if (state.buckets.size() > kMaxBuckets) {
    return InvalidArgument("{} buckets, at most {}", state.buckets.size(), kMaxBuckets);
  }
  for (const auto& [name, properties] : state.buckets) {
    RETURN_IF_ERROR(CheckName("bucket", name));
    RETURN_IF_ERROR(Validate(properties));
  }
  return CheckHomes(state);
}

Bytes EncodeClusterState(const ClusterState& state) {
  Bytes bytes;
  PutFixed(&bytes, kStateFormatVersion);
  PutUuid(&bytes, state.cluster);
  PutFixed(&bytes, state.version.value());
  PutFixed(&bytes, state.previous.low);
  PutFixed(&bytes, state.previous.high);
  PutVarint(&bytes, state.partition_bits);
  PutVarint(&bytes, state.members.size());
  for (const Member& member : state.members) {
    PutUuid(&bytes, member.node.value());
    PutString(&bytes, member.name);
    PutString(&bytes, member.address);
  }
  for (const std::vector<std::uint16_t>& homes : state.placement) {
    PutVarint(&bytes, homes.size());
    for (const std::uint16_t home : homes) PutVarint(&bytes, home);
  }
  PutVarint(&bytes, state.buckets.size());
  for (const auto& [name, properties] : state.buckets) PutBucket(&bytes, name, properties);
  return bytes;
}

StatusOr<ClusterState> DecodeClusterState(ByteSpan bytes) {
  Decoder decoder(bytes);
  if (decoder.Fixed<std::uint16_t>() != kStateFormatVersion) {
    return DataLoss("cluster state of an unknown format");
  }
  ClusterState state;
  state.cluster = TakeUuid(&decoder);
  state.version = StateVersion(decoder.Fixed<std::uint64_t>());
  state.previous.low = decoder.Fixed<std::uint64_t>();
  state.previous.high = decoder.Fixed<std::uint64_t>();
  const std::uint64_t bits = decoder.Varint();
  const std::uint64_t members = decoder.Varint();
  if (bits > kMaxPartitionBits || members > kMaxMembers) {
    return DataLoss("cluster state with {} partition bits and {} members", bits, members);
  }
  state.partition_bits = static_cast<std::uint32_t>(bits);
  for (std::uint64_t i = 0; i < members && !decoder.failed(); ++i) {
    Member member;
    member.node = NodeId(TakeUuid(&decoder));
    member.name = decoder.String();
    member.address = decoder.String();
    state.members.push_back(std::move(member));
  }
  state.placement.resize(state.partitions());
  for (std::vector<std::uint16_t>& homes : state.placement) {
    const std::uint64_t count = decoder.Varint();
    if (count > kMaxMembers) return DataLoss("partition with {} homes", count);
    for (std::uint64_t i = 0; i < count && !decoder.failed(); ++i) {
      homes.push_back(static_cast<std::uint16_t>(decoder.Varint()));
    }
  }
  const std::uint64_t buckets = decoder.Varint();
  if (buckets > kMaxBuckets) return DataLoss("cluster state with {} buckets", buckets);
  for (std::uint64_t i = 0; i < buckets && !decoder.failed(); ++i) {
    const std::string name(decoder.String());
    state.buckets[name] = TakeBucket(&decoder);
  }
  if (!decoder.Done()) return DataLoss("cluster state of {} bytes is malformed", bytes.size());
  if (const Status valid = Validate(state); !valid.ok()) {
    return DataLoss("cluster state is not valid: {}", Message(valid));
  }
  return state;
}

Hash128Value HashOf(const ClusterState& state) {
  return Hash128(EncodeClusterState(state));
}

}  // namespace carillon
