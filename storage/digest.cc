#include "storage/digest.h"

#include "base/coding.h"

namespace carillon {

Digest DigestOf(ByteSpan entry_key, std::uint32_t value_crc) {
  Bytes entry(entry_key);
  PutFixed(&entry, value_crc);
  return {.count = 1, .sum = Hash128(entry)};
}

Digest NegativeDigestOf(ByteSpan entry_key, std::uint32_t value_crc) {
  Digest digest = DigestOf(entry_key, value_crc);
  digest.count = ~std::uint64_t{0};  // -1: counts wrap
  return digest;
}

Bytes EncodeDigest(const Digest& digest) {
  Bytes bytes;
  PutFixed(&bytes, digest.count);
  PutFixed(&bytes, digest.sum.low);
  PutFixed(&bytes, digest.sum.high);
  return bytes;
}

StatusOr<Digest> DecodeDigest(ByteSpan bytes) {
  Decoder decoder(bytes);
  Digest digest;
  digest.count = decoder.Fixed<std::uint64_t>();
  digest.sum.low = decoder.Fixed<std::uint64_t>();
  digest.sum.high = decoder.Fixed<std::uint64_t>();
  if (!decoder.Done()) return DataLoss("digest of {} bytes", bytes.size());
  return digest;
}

}  // namespace carillon
