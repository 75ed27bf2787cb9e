#include "storage/index_key.h"

#include "base/coding.h"
#include "base/hash.h"

namespace carillon {
namespace {

constexpr char kByIdLetter = 'i';
constexpr char kByTimeLetter = 't';

void PutName(Bytes* out, std::string_view name) {
  out->append(name);
  out->push_back('\0');
}

std::string TakeName(std::string_view* bytes, bool* failed) {
  const std::size_t nul = bytes->find('\0');
  if (nul == std::string_view::npos) {
    *failed = true;
    return {};
  }
  std::string name(bytes->substr(0, nul));
  bytes->remove_prefix(nul + 1);
  return name;
}

}  // namespace

std::uint16_t ChunkPosition(std::string_view bucket, const ChunkKey& key) {
  return static_cast<std::uint16_t>(HashOfKey(bucket, ToString(key)) >> 48);
}

std::uint16_t ManifestPosition(std::string_view bucket, Epoch epoch, std::string_view dc) {
  return static_cast<std::uint16_t>(HashOfKey(bucket, ManifestKey(epoch, dc)) >> 48);
}

Bytes PartitionPrefix(PartitionId partition) {
  Bytes key;
  PutOrdered(&key, partition.value());
  return key;
}

Bytes EpochPrefix(PartitionId partition, std::string_view bucket, Epoch epoch) {
  Bytes key = PartitionPrefix(partition);
  PutName(&key, bucket);
  PutOrdered(&key, epoch.value());
  return key;
}

Bytes SecondPrefix(PartitionId partition, std::string_view bucket, Epoch epoch,
                   std::string_view dc) {
  Bytes key = EpochPrefix(partition, bucket, epoch);
  PutName(&key, dc);
  return key;
}

Bytes ChunkIndexKey(PartitionId partition, std::string_view bucket, const ChunkKey& key) {
  Bytes bytes;
  bytes.reserve(2 + bucket.size() + key.dc.size() + key.cell.size() + key.type.size() +
                key.subtype.size() + 5 + 16);
  PutOrdered(&bytes, partition.value());
  PutName(&bytes, bucket);
  PutOrdered(&bytes, key.epoch.value());
  PutName(&bytes, key.dc);
  PutName(&bytes, key.cell);
  PutName(&bytes, key.type);
  PutName(&bytes, key.subtype);
  PutOrdered(&bytes, key.number);
  return bytes;
}

Bytes DigestKey(PartitionId partition, std::string_view bucket, std::uint64_t hour) {
  return EpochPrefix(partition, bucket, Epoch(hour));
}

StatusOr<ParsedIndexKey> ParseChunkIndexKey(std::string_view bytes) {
  ParsedIndexKey parsed;
  bool failed = bytes.size() < 2;
  if (!failed) {
    parsed.partition = PartitionId(Decoder(bytes).Ordered<std::uint16_t>());
    bytes.remove_prefix(2);
    parsed.bucket = TakeName(&bytes, &failed);
  }
  if (!failed && bytes.size() >= 8) {
    parsed.key.epoch = Epoch(Decoder(bytes).Ordered<std::uint64_t>());
    bytes.remove_prefix(8);
    parsed.key.dc = TakeName(&bytes, &failed);
    parsed.key.cell = TakeName(&bytes, &failed);
    parsed.key.type = TakeName(&bytes, &failed);
    parsed.key.subtype = TakeName(&bytes, &failed);
  }
  if (failed || bytes.size() != 8) return DataLoss("index key is malformed");
  parsed.key.number = Decoder(bytes).Ordered<std::uint64_t>();
  return parsed;
}

Bytes ClaimIdKey(PartitionId partition, std::string_view bucket, const ClaimId& id) {
  Bytes key;
  key.reserve(2 + bucket.size() + 2 + kClaimIdBytes);
  PutOrdered(&key, partition.value());
  PutName(&key, bucket);
  key.push_back(kByIdLetter);
  PutUuid(&key, id.value());
  return key;
}

Bytes ClaimTimePrefix(PartitionId partition, std::string_view bucket, std::uint64_t claimed_at) {
  Bytes key;
  key.reserve(2 + bucket.size() + 2 + 8 + kClaimIdBytes);
  PutOrdered(&key, partition.value());
  PutName(&key, bucket);
  key.push_back(kByTimeLetter);
  PutOrdered(&key, claimed_at);
  return key;
}

Bytes ClaimTimeKey(PartitionId partition, std::string_view bucket, std::uint64_t claimed_at,
                   const ClaimId& id) {
  Bytes key = ClaimTimePrefix(partition, bucket, claimed_at);
  PutUuid(&key, id.value());
  return key;
}

StatusOr<ParsedClaimKey> ParseClaimKey(std::string_view bytes) {
  ParsedClaimKey parsed;
  ASSIGN_OR_RETURN(parsed.partition, ParsePartition(bytes));
  bytes.remove_prefix(2);
  bool failed = false;
  parsed.bucket = TakeName(&bytes, &failed);
  const char letter = failed || bytes.empty() ? '\0' : bytes.front();
  if (!bytes.empty()) bytes.remove_prefix(1);
  Decoder decoder(bytes);
  if (letter == kByTimeLetter) parsed.claimed_at = decoder.Ordered<std::uint64_t>();
  parsed.id = ClaimId(TakeUuid(&decoder));
  if (!decoder.Done() || (letter != kByIdLetter && letter != kByTimeLetter)) {
    return DataLoss("claim key is malformed");
  }
  return parsed;
}

StatusOr<PartitionId> ParsePartition(std::string_view bytes) {
  if (bytes.size() < 2) return DataLoss("index key is malformed");
  return PartitionId(Decoder(bytes).Ordered<std::uint16_t>());
}

StatusOr<ParsedDigestKey> ParseDigestKey(std::string_view bytes) {
  ParsedDigestKey parsed;
  ASSIGN_OR_RETURN(parsed.partition, ParsePartition(bytes));
  bytes.remove_prefix(2);
  bool failed = false;
  parsed.bucket = TakeName(&bytes, &failed);
  if (failed || bytes.size() != 8) return DataLoss("digest key is malformed");
  parsed.hour = Decoder(bytes).Ordered<std::uint64_t>();
  return parsed;
}

Bytes PrefixLimit(std::string_view prefix) {
  Bytes limit(prefix);
  while (!limit.empty() && static_cast<unsigned char>(limit.back()) == 0xff) limit.pop_back();
  if (!limit.empty()) limit.back() = static_cast<char>(limit.back() + 1);
  return limit;
}

}  // namespace carillon
