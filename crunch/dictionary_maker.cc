#include "crunch/dictionary_maker.h"

#include <algorithm>
#include <utility>

namespace carillon {

DictionaryMaker::~DictionaryMaker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status DictionaryMaker::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::shared_ptr<const Dictionary> DictionaryMaker::Choose(const ChunkKey& key, ByteSpan lines) {
  if (lines.size() > kMaxRawBytesWithDictionary) return nullptr;
  const std::lock_guard lock(mutex_);
  auto found = places_.find(key);
  if (found == places_.end()) {
    if (places_.size() >= kMaxPlaces) return nullptr;
    found = places_.emplace(key, Place{}).first;
  }
  Place& place = found->second;
  if (place.adopted || place.taken) return place.adopted;
  if (place.rest_bytes > 0) {
    place.rest_bytes -= std::min<std::uint64_t>(place.rest_bytes, lines.size());
    return nullptr;
  }
  if (!place.trainer) place.trainer = std::make_unique<DictionaryTrainer>();
  place.trainer->Add(lines);
  if (place.trainer->IsReady()) {
    if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
    wake_.notify_one();
  }
  return nullptr;
}

DictionaryMaker::Places::value_type* DictionaryMaker::FindReady() {
  for (auto& place : places_) {
    if (place.second.trainer && place.second.trainer->IsReady()) return &place;
  }
  return nullptr;
}

void DictionaryMaker::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    Places::value_type* ready = nullptr;
    wake_.wait(lock, [&] { return stopping_ || (ready = FindReady()) != nullptr; });
    if (stopping_) return;
    auto& [key, place] = *ready;  // places are never removed
    const std::unique_ptr<DictionaryTrainer> trainer = std::move(place.trainer);
    place.taken = true;
    lock.unlock();
    const auto made = Make(key, *trainer);
    lock.lock();
    place.taken = false;
    if (made.ok() && *made) {
      place.adopted = *made;
      adopted_.fetch_add(1, std::memory_order_relaxed);
    } else {
      place.rest_bytes = kRestBytes;
      if (!made.ok()) failure_ = made.status();
    }
  }
}

// Null: none is worth it.
StatusOr<std::shared_ptr<const Dictionary>> DictionaryMaker::Make(
    const ChunkKey& place, const DictionaryTrainer& trainer) const {
  std::optional<Bytes> bytes = trainer.Train();
  if (!bytes) return nullptr;
  ASSIGN_OR_RETURN(const auto dictionary, Dictionary::Load(*std::move(bytes)));
  ChunkKey key = place;
  key.number = dictionary->id();
  RETURN_IF_ERROR(store_(key, dictionary->bytes()));
  return dictionary;
}

}  // namespace carillon
