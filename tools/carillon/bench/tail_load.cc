#include "tools/carillon/bench/tail_load.h"

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/checksum.h"
#include "tools/carillon/bench/second_load.h"

namespace carillon {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(5);

// A second that was written, and may not be read yet.
struct Written {
  OperationDone done;
  std::uint64_t bytes = 0;
  std::optional<Instant> committed;
  bool read = false;
};

class TailLoad final : public RingLoad {
 public:
  TailLoad(LoadSpec spec, Client* writer, Client* reader)
      : spec_(std::move(spec)),
        client_(writer),
        reader_(reader),
        value_(ValueOf(spec_)),
        crc_(Crc32c(value_.view())),
        newest_(spec_.now.value()),
        thread_([this] { Follow(); }) {}
  ~TailLoad() override {
    stopping_ = true;
    thread_.join();
  }

  // Forwards in time, from long ago, so that no second is in the future.
  void Start(std::uint64_t i, OperationDone done) override {
    const Epoch epoch(spec_.now.value() + i);
    {
      const std::lock_guard lock(mutex_);
      written_[epoch] = {.done = std::move(done), .bytes = 0, .committed = {}, .read = false};
      newest_ = std::max(newest_, epoch.value());
    }
    WriteSecond(client_, value_, SecondOf(spec_, epoch, crc_),
                [this, epoch](const OperationEnd& end) {
                  const auto committed = [&end](Written* second) {
                    second->committed = SystemClock().Now();
                    second->bytes = end.bytes;
                  };
                  Settle(epoch, end.status, committed);
                });
  }

 private:
  // Changes a second, and ends its operation when it failed, or is both committed and read.
  template <typename Change>
  void Settle(Epoch epoch, const Status& status, const Change& change) {
    OperationEnd end{status};
    OperationDone done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = written_.find(epoch);
      if (found == written_.end()) return;
      change(&found->second);
      if (status.ok() && (!found->second.committed || !found->second.read)) return;
      end.bytes = found->second.bytes;
      end.since = found->second.committed;
      done = std::move(found->second.done);
      written_.erase(found);
    }
    done(end);
  }

  void Follow() {
    while (!stopping_) {
      EpochRange range{spec_.now, spec_.now};
      {
        const std::lock_guard lock(mutex_);
        if (!written_.empty()) range = {written_.begin()->first, Epoch(newest_ + 1)};
      }
      if (range.first < range.limit) ReadNew(range);
      std::this_thread::sleep_for(kPollInterval);
    }
  }

  void ReadNew(EpochRange range) {
    const auto page = reader_->ListSeconds({.bucket = spec_.bucket,
                                            .range = range,
                                            .filter = {.dc = fmt::format("p{}", spec_.process),
                                                       .cell = "",
                                                       .type = "BENCH",
                                                       .subtype = fmt::format("{:x}", spec_.run)}});
    if (!page.ok()) return;  // asked again
    for (const Second& second : page->seconds) {
      std::vector<ChunkKey> keys;
      for (const ChunkInfo& chunk : second.chunks) keys.push_back(chunk.key);
      std::size_t good = 0;
      const Status status = reader_->GetChunks(
          spec_.bucket, keys,
          [&good](const ChunkKey&, const StatusOr<Bytes>& value) { good += value.ok() ? 1 : 0; });
      if (!status.ok() || good != spec_.chunks) continue;
      Settle(second.epoch, OkStatus(), [](Written* written) { written->read = true; });
    }
  }

  const LoadSpec spec_;
  Client* const client_;
  Client* const reader_;
  const SharedBytes value_;
  const std::uint32_t crc_;
  std::mutex mutex_;
  std::map<Epoch, Written> written_;
  std::uint64_t newest_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<RingLoad> NewTailLoad(LoadSpec spec, Client* writer, Client* reader) {
  return std::make_unique<TailLoad>(std::move(spec), writer, reader);
}

}  // namespace carillon
