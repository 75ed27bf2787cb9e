#pragma once

#include "base/bucket.h"
#include "client/client.h"
#include "crunch/dictionary.h"

namespace carillon {

// Stores a dictionary (DictionaryMaker::Store). The bucket is made when it is not there yet. OK:
// w homes have it on disk. ALREADY_EXISTS: the key is of another dictionary. Waits.
inline Status StoreDictionary(Client* client, const ChunkKey& key, const Bytes& bytes) {
  const SharedBytes value{Bytes(bytes)};
  const Status status = client->PutChunk(kDictionaryBucket, key, value).status();
  if (status.code() != StatusCode::kNotFound) return status;
  const Status made =
      client
          ->CreateBucket(kDictionaryBucket, BucketChange{.n_val = 3, .ttl_seconds = kMaxTtlSeconds})
          .status();
  if (!made.ok() && made.code() != StatusCode::kAlreadyExists) {
    return Annotate(made, fmt::format("bucket {}", kDictionaryBucket));
  }
  return client->PutChunk(kDictionaryBucket, key, value).status();
}

}  // namespace carillon
