#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/status.h"
#include "crunch/dictionary.h"
#include "crunch/dictionary_trainer.h"

namespace carillon {

// The dictionaries of one writer: looks at the lines of its small chunks, trains, has the result
// stored, and only then offers it.
//
//   collecting --enough seen--> training --worth it--> storing --stored--> adopted
//        ^                          \------not worth it, or not stored------> resting
//        \-------------------------- kRestBytes of lines later ------------------/
//
// Training and storing happen one at a time on a thread of its own, which begins with the first.
// Threads: any, at once. Memory: kMaxPlaces times DictionaryTrainer::kSampleBytes at most.
class DictionaryMaker {
 public:
  static constexpr std::size_t kMaxPlaces = 64;  // of later ones nothing is made
  static constexpr std::uint64_t kRestBytes = 64 * DictionaryTrainer::kSampleBytes;

  // Stores a dictionary's bytes as a chunk of kDictionaryBucket. OK: readers will find it there.
  // May block.
  using Store = std::function<Status(const ChunkKey& key, const Bytes& bytes)>;

  explicit DictionaryMaker(Store store) : store_(std::move(store)) {}
  ~DictionaryMaker();  // waits for what is being trained or stored
  DictionaryMaker(const DictionaryMaker&) = delete;
  DictionaryMaker& operator=(const DictionaryMaker&) = delete;

  // What to encode `lines` with; null: nothing. `place` is DictionaryKeyOf(key of the chunk,
  // bucket, 0). Lines above kMaxRawBytesWithDictionary are not looked at.
  std::shared_ptr<const Dictionary> Choose(const ChunkKey& place, ByteSpan lines);

  std::uint64_t adopted() const { return adopted_.load(std::memory_order_relaxed); }
  // Why the last one was not stored; OK when all were.
  Status failure() const;

 private:
  struct Place {
    std::unique_ptr<DictionaryTrainer> trainer;  // collecting, and until it is trained
    std::shared_ptr<const Dictionary> adopted;
    std::uint64_t rest_bytes = 0;  // to pass by before collecting again
    bool taken = false;            // the thread has its trainer
  };
  using Places = std::map<ChunkKey, Place>;

  void Loop();
  Places::value_type* FindReady();
  StatusOr<std::shared_ptr<const Dictionary>> Make(const ChunkKey& place,
                                                   const DictionaryTrainer& trainer) const;

  const Store store_;
  std::atomic<std::uint64_t> adopted_{0};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Places places_;
  Status failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace carillon
