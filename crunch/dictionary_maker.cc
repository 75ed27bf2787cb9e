#include "crunch/dictionary_maker.h"

#include <algorithm>
#include <optional>
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
  if (lines.empty() || lines.size() > kMaxRawBytesWithDictionary) return nullptr;
  const Instant now = options_.clock->Now();
  const std::lock_guard lock(mutex_);
  Places::value_type* const one = FindPlace(key, now);
  if (one == nullptr) return nullptr;
  Place& place = one->second;
  place.used = now;
  if (place.busy) {
    if (place.trainer) place.trainer->Add(lines);
    return place.adopted;
  }
  if (place.rest_bytes > 0) {
    place.rest_bytes -= std::min<std::uint64_t>(place.rest_bytes, lines.size());
    return place.adopted;
  }
  if (!place.trainer) {
    if (!place.adopted) {
      if (!MakeRoom(now)) return nullptr;
      held_.push_back(one);
    }
    place.trainer = std::make_unique<DictionaryTrainer>();
  }
  place.trainer->Add(lines);
  const bool look = !place.looked && place.trainer->seen_bytes() >= kLookBytes;
  if (look || place.trainer->IsReady()) Enqueue(one);
  return place.adopted;
}

void DictionaryMaker::Enqueue(Places::value_type* one) {
  one->second.busy = true;
  to_make_.push_back(one);
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  wake_.notify_one();
}

// Null: there are too many.
DictionaryMaker::Places::value_type* DictionaryMaker::FindPlace(const ChunkKey& key, Instant now) {
  const auto found = places_.find(key);
  if (found != places_.end()) return &*found;
  if (!MakeRoom(now)) return nullptr;  // without room there would be nothing to remember of it
  if (places_.size() >= kMaxPlaces) ForgetIdle(now);
  if (places_.size() >= kMaxPlaces) return nullptr;
  return &*places_.emplace(key, Place{}).first;
}

// For one more that is held. Looks at no more than max_held.
bool DictionaryMaker::MakeRoom(Instant now) {
  if (held_.size() < options_.max_held) return true;
  const auto oldest =
      std::min_element(held_.begin(), held_.end(), [](const auto* a, const auto* b) {
        if (a->second.busy != b->second.busy) return b->second.busy;
        return a->second.used < b->second.used;
      });
  if (oldest == held_.end()) return false;
  Place& place = (*oldest)->second;
  if (place.busy || now - place.used < kIdle) return false;
  Adopt(&place, nullptr);
  places_.erase((*oldest)->first);
  held_.erase(oldest);
  return true;
}

// Of those that only rest. Looks at all, and so seldom.
void DictionaryMaker::ForgetIdle(Instant now) {
  if (now - forgot_at_ < kIdle / 10) return;
  forgot_at_ = now;
  std::erase_if(places_, [now](const Places::value_type& one) {
    const Place& place = one.second;
    const bool held = place.trainer || place.adopted || place.busy;
    return !held && now - place.used >= kIdle;
  });
}

void DictionaryMaker::Adopt(Place* place, std::shared_ptr<const Dictionary> dictionary) {
  if (dictionary && !place->adopted) adopted_.fetch_add(1, std::memory_order_relaxed);
  if (!dictionary && place->adopted) adopted_.fetch_sub(1, std::memory_order_relaxed);
  place->adopted = std::move(dictionary);
}

void DictionaryMaker::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !to_make_.empty(); });
    if (stopping_) return;
    Places::value_type* const one = to_make_.front();
    to_make_.pop_front();
    Place& place = one->second;
    // While it only looks, the place goes on collecting.
    auto trainer = place.trainer->IsReady() ? std::move(place.trainer)
                                            : std::make_unique<DictionaryTrainer>(*place.trainer);
    const std::shared_ptr<const Dictionary> current = place.adopted;
    lock.unlock();
    const auto made = Make(one->first, *trainer, current);
    lock.lock();
    if (!Finish(&place, std::move(trainer), made)) {
      Enqueue(one);
      wake_.wait_for(lock, options_.pause, [this] { return stopping_.load(); });
    } else if (place.trainer && place.trainer->IsReady()) {
      Enqueue(one);
    }
  }
}

// False: to be done again.
bool DictionaryMaker::Finish(Place* place, std::unique_ptr<DictionaryTrainer> trainer,
                             const StatusOr<std::shared_ptr<const Dictionary>>& made) {
  const bool taken = made.status().code() == StatusCode::kAlreadyExists;  // again it would be, too
  if (!made.ok()) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    failure_ = made.status();
    if (!taken) {
      if (!place->trainer) place->trainer = std::move(trainer);
      return false;
    }
  } else {
    Adopt(place, *made);
  }
  place->busy = false;
  place->looked = true;
  if (place->trainer) return true;  // it has only looked
  place->rest_bytes = place->adopted ? kKeepBytes : kRestBytes;
  if (!place->adopted) {
    std::erase_if(held_, [place](const auto* one) { return &one->second == place; });
  }
  return true;
}

// Null: none is worth it.
StatusOr<std::shared_ptr<const Dictionary>> DictionaryMaker::Make(
    const ChunkKey& place, const DictionaryTrainer& trainer,
    const std::shared_ptr<const Dictionary>& current) const {
  DictionaryShelf::Dictionaries known;
  if (shelf_.find) {
    ASSIGN_OR_RETURN(known, shelf_.find(place));
  }
  if (current) known.insert(known.begin(), current);
  std::shared_ptr<const Dictionary> best = trainer.BestOf(known);
  if (!trainer.IsReady() || stopping_) return best;
  std::optional<Bytes> bytes = trainer.Train();
  if (!bytes) return best;
  ASSIGN_OR_RETURN(const auto fresh, Dictionary::Load(*std::move(bytes)));
  if (stopping_ || (best && !trainer.IsWorthIt(*fresh, *best))) return best;
  ChunkKey key = place;
  key.number = fresh->id();
  RETURN_IF_ERROR(shelf_.store(key, fresh->bytes()));
  return fresh;
}

}  // namespace carillon
