#include "crunch/dictionary_cache.h"

#include <algorithm>
#include <utility>

namespace carillon {

std::shared_ptr<const Dictionary> DictionaryCache::Find(const ChunkKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  found->second.used = ++clock_;
  return found->second.dictionary;
}

StatusOr<std::shared_ptr<const Dictionary>> DictionaryCache::Keep(const ChunkKey& key,
                                                                  StatusOr<Bytes> fetched) {
  const auto named = [&key](const Status& status) {
    return Annotate(
        status, fmt::format("its dictionary {} in bucket {}", ToString(key), kDictionaryBucket));
  };
  if (!fetched.ok()) return named(fetched.status());
  auto dictionary = Dictionary::Load(*std::move(fetched));
  if (!dictionary.ok()) return named(dictionary.status());
  if ((*dictionary)->id() != key.number) {
    return named(DataLoss("it is the dictionary of id {}", (*dictionary)->id()));
  }
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxDictionaries) {
    entries_.erase(std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  entries_[key] = {.dictionary = *dictionary, .used = ++clock_};
  return dictionary;
}

}  // namespace carillon
