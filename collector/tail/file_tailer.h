#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "collector/dialects/dialect.h"
#include "collector/tail/file_scan.h"
#include "collector/tail/tail_event.h"
#include "collector/tail/tail_store.h"

namespace carillon {

// Files that are followed together.
struct TailOptions {
  std::string name;                // of its positions: another name begins anew
  std::vector<std::string> paths;  // absolute; glob(7), and {a,b}
  std::string tenant;
  std::string stream;  // where the events belong: EventFields::stream
  LineFormat format = LineFormat::kLine;
  bool from_end = true;                   // of files that are there when it is first looked
  std::size_t max_line_bytes = 64 << 10;  // 1..kMaxTailLineBytes
};
inline constexpr std::size_t kMaxTailLineBytes = std::size_t{1} << 20;

// Since the start. Threads: any.
struct TailCounts {
  std::atomic<std::uint64_t> files{0};  // open now
  std::atomic<std::uint64_t> lines{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> cut{0};       // lines that were too long
  std::atomic<std::uint64_t> no_json{0};   // taken as lines although they should have been JSON
  std::atomic<std::uint64_t> refused{0};   // lines that cannot be kept, ever
  std::atomic<std::uint64_t> replaced{0};  // files that were truncated
  std::atomic<std::uint64_t> too_many{0};  // times that a file was not followed
  std::atomic<std::uint64_t> behind{0};    // bytes that are not read yet, now
};

// Keeps events of `tenant` and calls `done` once, from any thread: OK, RESOURCE_EXHAUSTED or
// UNAVAILABLE (later), INVALID_ARGUMENT (never). `events` outlives that call.
using KeepLines = std::function<void(const std::string& tenant, EventBatch* events,
                                     std::function<void(EdgeOutcome)> done)>;

// The one thread that reads files, as TailFiles decides, and has their lines kept. It looks at
// files that are open kPollEvery, and for others as often while there are few, else kLookEvery. A
// position moves on when what is before it is kept; when nothing can be kept it waits: the files
// are the buffer.
//
// Threads: Start and Stop one caller; the rest any.
class FileTailer {
 public:
  static constexpr Duration kPollEvery = std::chrono::milliseconds(200);
  static constexpr Duration kLookEvery = std::chrono::seconds(1);
  static constexpr std::size_t kFewFiles = 100;
  static constexpr std::size_t kReadBytes = 1 << 20;   // of a file at a time
  static constexpr std::size_t kBatchBytes = 1 << 20;  // of one tail, about
  static constexpr Duration kMostRetry = std::chrono::seconds(10);

  // `store` outlives this.
  FileTailer(std::vector<TailOptions> tails, std::string host, TailStore* store, KeepLines keep);
  ~FileTailer();  // Stop

  void Start();
  // Waits for what is being kept, and saves the positions.
  void Stop();

  const TailCounts& counts() const { return counts_; }

 private:
  struct Open {
    OpenFile file;
    OpenFile::Size read_at;  // how it looked when there was nothing more to be read
    std::uint64_t size = 0;
  };
  // Lines of one tail on their way.
  struct Batch {
    const TailOptions* tail = nullptr;
    EventBatch events;
    std::size_t bytes = 0;
    std::vector<TailAdvance> advances;
    EdgeOutcome outcome;
  };

  void Loop();
  bool Wait(Duration wait);
  void Look(bool siblings);
  bool Save();
  bool Round();
  bool ReadAll(std::vector<Batch>* batches);
  bool ReadOne(std::uint64_t number, Batch* batch);
  void TakeLines(std::uint64_t number, std::string_view fresh, bool last, Batch* batch);
  void Replace(std::uint64_t number, std::uint64_t instead);
  void Send(std::vector<Batch>* batches);
  void Finish(Batch* batch);
  std::size_t LinesAtOnce(const TailOptions& tail) const;

  const std::vector<TailOptions> tails_;
  const std::string host_;
  TailStore* const store_;
  const KeepLines keep_;
  TailCounts counts_;

  // The thread's own.
  TailFiles files_;
  std::vector<TailPattern> patterns_;
  std::map<std::uint64_t, Open> open_;
  std::map<std::string, std::size_t> careful_;  // by tail: lines to be kept one by one
  LineReader reader_;
  std::string block_;
  std::uint64_t next_ = 0;  // the file to begin with
  Duration retry_{0};       // before anything is read again

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::size_t under_way_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace carillon
