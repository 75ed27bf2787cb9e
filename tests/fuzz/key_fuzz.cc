// Keys and names from anywhere: accepted only as the one text of what they mean.
#include <cstddef>
#include <cstdint>

#include "base/bucket.h"
#include "base/check.h"
#include "base/chunk_info.h"
#include "base/chunk_key.h"
#include "base/ids.h"
#include "storage/index_key.h"

using namespace carillon;  // NOLINT: the function below must be global

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto key = ParseChunkKey(text); key.ok()) {
    CHECK(Validate(*key).ok());
    CHECK(ToString(*key) == text);
  } else {
    CHECK(key.status().code() == StatusCode::kInvalidArgument);
    CHECK(Message(key.status()).size() < 400);
  }
  if (const auto uuid = ParseUuid(text); uuid.ok()) CHECK(ToString(*uuid).size() == text.size());
  if (const auto ttl = ParseTtl(text); ttl.ok()) CHECK(*ParseTtl(FormatTtl(*ttl)) == *ttl);
  Commit commit{.bucket = "events", .epoch = Epoch(1), .dc = "1"};
  if (DecodeCommitValue(text, &commit).ok()) {
    Commit again{.bucket = "events", .epoch = Epoch(1), .dc = "1"};
    CHECK(DecodeCommitValue(EncodeCommitValue(commit), &again).ok());
    CHECK(again == commit);
  }
  if (const auto key = ParseChunkIndexKey(text); key.ok()) {
    CHECK(ChunkIndexKey(key->partition, key->bucket, key->key) == text);
  }
  return 0;
}
