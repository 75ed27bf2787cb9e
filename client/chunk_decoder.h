#pragma once

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/status.h"
#include "client/client.h"
#include "crunch/dictionary_cache.h"

namespace carillon {

// The events in the values of one bucket's chunks. A dictionary that a value names is fetched when
// it is first met, and kept (DictionaryCache).
//
// Threads: any, at once; Decode may wait for a GetChunk. `client` must outlive it.
class ChunkDecoder {
 public:
  ChunkDecoder(Client* client, std::string bucket) : client_(client), bucket_(std::move(bucket)) {}

  // NDJSON. As DecodeChunkValue; an error of the dictionary names its key. NOT_FOUND: it is not
  // stored.
  StatusOr<Bytes> Decode(const ChunkKey& key, ByteSpan value);

 private:
  Client* const client_;
  const std::string bucket_;
  DictionaryCache dictionaries_;
};

}  // namespace carillon
