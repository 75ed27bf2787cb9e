#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/clock.h"
#include "base/status.h"
#include "crunch/dictionary.h"
#include "crunch/dictionary_trainer.h"

namespace carillon {

// Where the dictionaries of all writers are. Both may block; called by one thread at a time.
struct DictionaryShelf {
  using Dictionaries = std::vector<std::shared_ptr<const Dictionary>>;
  // What any writer has stored for a place, if that is not too much. May be empty: nothing is
  // looked for.
  std::function<StatusOr<Dictionaries>(const ChunkKey& place)> find;
  // Stores a dictionary's bytes as the chunk `key` of kDictionaryBucket. OK: readers will find it
  // there, and so will `find`, unless the place has too many. ALREADY_EXISTS: the key is of another
  // dictionary.
  std::function<Status(const ChunkKey& key, const Bytes& bytes)> store;
};

struct DictionaryMakerOptions {
  const Clock* clock = &SystemClock();
  // Places that have a dictionary, or samples for one.
  std::size_t max_held = 64;
  // After the shelf has failed, it is left alone for so long.
  Duration pause = std::chrono::seconds(30);
};

// The dictionaries of one writer: looks at the lines of its small chunks, finds a dictionary that
// suits them or trains one and has it stored, and only then offers it.
//
//   collecting --kLookBytes seen--> looked for --> collecting --enough seen--> looked for, trained,
//        ^                                                                      stored if it is
//        better
//        \----- kKeepBytes of lines later, or kRestBytes when there is none -----------/
//
// Looked for means: of the present one and those on the shelf, the one that makes the samples
// smallest, or none if no one is kMinGainPercent better than none. Only a new one must be as much
// better than that. When the shelf fails, what was to be done is done once more after a pause.
//
// A place of which nothing was heard for kIdle makes way for another when there are max_held;
// until then nothing is made of later ones.
//
// The shelf and the training have one thread, which begins with the first of them: Choose never
// waits for it. Threads: any, at once. Memory: max_held times about 330 KB at most, and 300 bytes
// for each of kMaxPlaces.
class DictionaryMaker {
 public:
  static constexpr std::size_t kLookBytes = 8 * 1024;
  static constexpr std::uint64_t kRestBytes = 64 * DictionaryTrainer::kSampleBytes;
  static constexpr std::uint64_t kKeepBytes = 8 * kRestBytes;
  static constexpr std::size_t kMaxPlaces = 4096;
  static constexpr Duration kIdle = std::chrono::minutes(10);

  explicit DictionaryMaker(DictionaryShelf shelf, DictionaryMakerOptions options = {})
      : shelf_(std::move(shelf)), options_(options) {}
  ~DictionaryMaker();  // waits for a call of the shelf, or a training, that is under way
  DictionaryMaker(const DictionaryMaker&) = delete;
  DictionaryMaker& operator=(const DictionaryMaker&) = delete;

  // What to encode `lines` with; null: nothing. `place` is DictionaryKeyOf(key of the chunk,
  // bucket, 0). Lines above kMaxRawBytesWithDictionary are not looked at.
  std::shared_ptr<const Dictionary> Choose(const ChunkKey& place, ByteSpan lines);

  // Places that have a dictionary now.
  std::uint64_t adopted() const { return adopted_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }
  // The last one of the shelf's; OK when there was none.
  Status failure() const;

 private:
  struct Place {
    std::unique_ptr<DictionaryTrainer> trainer;  // while it collects
    std::shared_ptr<const Dictionary> adopted;
    std::uint64_t rest_bytes = 0;  // to pass by before collecting
    bool looked = false;           // for what others have stored
    bool busy = false;             // to be looked for or trained: the thread has it, or will
    Instant used{};
  };
  using Places = std::map<ChunkKey, Place>;

  // With mutex_ held, all but Loop and Make.
  Places::value_type* FindPlace(const ChunkKey& key, Instant now);
  bool MakeRoom(Instant now);
  void ForgetIdle(Instant now);
  void Enqueue(Places::value_type* one);
  void Loop();
  bool Finish(Place* place, std::unique_ptr<DictionaryTrainer> trainer,
              const StatusOr<std::shared_ptr<const Dictionary>>& made);
  void Adopt(Place* place, std::shared_ptr<const Dictionary> dictionary);
  StatusOr<std::shared_ptr<const Dictionary>> Make(
      const ChunkKey& key, const DictionaryTrainer& trainer,
      const std::shared_ptr<const Dictionary>& current) const;

  const DictionaryShelf shelf_;
  const DictionaryMakerOptions options_;
  std::atomic<std::uint64_t> adopted_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  Places places_;                          // one that is busy is not removed
  std::vector<Places::value_type*> held_;  // those with a trainer, a dictionary, or busy
  std::deque<Places::value_type*> to_make_;
  Instant forgot_at_{};
  Status failure_;
  std::thread thread_;
};

}  // namespace carillon
