#pragma once

#include <vector>

#include "base/bucket.h"
#include "base/checksum.h"
#include "client/client.h"
#include "crunch/dictionary.h"
#include "crunch/dictionary_maker.h"

// The ring as a DictionaryShelf: chunks of kDictionaryBucket, and its second 0, whose manifest is
// how writers find what others have stored (docs/design/0010-dictionaries.md). Readers need no
// manifest. All of it waits for the ring. Inline: who is handed a Client need not link the client.
namespace carillon {

// Of one place: what is looked at. There are more only when events have changed that often.
inline constexpr std::size_t kMaxDictionariesOfPlace = 16;

// The bucket is made when it is not there yet. OK: w homes have the dictionary on disk, and it is
// in the manifest. ALREADY_EXISTS: the key is of another dictionary.
inline Status StoreDictionary(Client* client, const ChunkKey& key, const Bytes& bytes) {
  const SharedBytes value{Bytes(bytes)};
  Status status = client->PutChunk(kDictionaryBucket, key, value).status();
  if (status.code() == StatusCode::kNotFound) {
    const BucketChange properties{.n_val = 3, .ttl_seconds = kMaxTtlSeconds};
    const Status made = client->CreateBucket(kDictionaryBucket, properties).status();
    if (!made.ok() && made.code() != StatusCode::kAlreadyExists) {
      return Annotate(made, fmt::format("bucket {}", kDictionaryBucket));
    }
    status = client->PutChunk(kDictionaryBucket, key, value).status();
  }
  RETURN_IF_ERROR(status);
  const ChunkInfo info{.key = key,
                       .raw_bytes = bytes.size(),
                       .value_bytes = static_cast<std::uint32_t>(bytes.size()),
                       .value_crc = Crc32c(bytes)};
  return client->CommitSecond(
      {.bucket = kDictionaryBucket, .epoch = key.epoch, .dc = key.dc, .chunks = {info}});
}

// Those of one place, at most kMaxDictionariesOfPlace. What is none, or is gone or damaged, is left
// out. Other errors: of the LIST, or of one that could not be read now.
inline StatusOr<DictionaryShelf::Dictionaries> FindDictionaries(Client* client,
                                                                const ChunkKey& place) {
  DictionaryShelf::Dictionaries found;
  ListQuery query{.bucket = kDictionaryBucket,
                  .range = {place.epoch, Epoch(place.epoch.value() + 1)}};
  query.filter = {.dc = place.dc, .cell = place.cell, .type = place.type, .subtype = place.subtype};
  const auto page = client->ListSeconds(query);
  if (page.status().code() == StatusCode::kNotFound) return found;  // no such bucket yet
  RETURN_IF_ERROR(page.status());
  std::vector<ChunkKey> keys;
  for (const Second& second : page->seconds) {
    for (const ChunkInfo& info : second.chunks) {
      ChunkKey of_place = info.key;
      of_place.number = place.number;
      if (of_place == place && keys.size() < kMaxDictionariesOfPlace) keys.push_back(info.key);
    }
  }
  if (keys.empty()) return found;
  Status unread;
  const auto take = [&](const ChunkKey& key, StatusOr<Bytes> bytes) {
    const StatusCode code = bytes.status().code();
    if (!bytes.ok()) {
      if (code != StatusCode::kNotFound && code != StatusCode::kDataLoss) unread = bytes.status();
      return;
    }
    auto dictionary = Dictionary::Load(*std::move(bytes));
    if (dictionary.ok() && (*dictionary)->id() == key.number) found.push_back(*dictionary);
  };
  RETURN_IF_ERROR(client->GetChunks(kDictionaryBucket, keys, take));
  RETURN_IF_ERROR(unread);
  return found;
}

// `client` must outlive it.
inline DictionaryShelf DictionariesIn(Client* client) {
  return {.find = [client](const ChunkKey& place) { return FindDictionaries(client, place); },
          .store = [client](const ChunkKey& key,
                            const Bytes& bytes) { return StoreDictionary(client, key, bytes); }};
}

}  // namespace carillon
