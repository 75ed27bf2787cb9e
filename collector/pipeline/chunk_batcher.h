#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "collector/pipeline/spool_format.h"
#include "crunch/chunk_codec.h"

namespace carillon {

struct ChunkBatcherLimits {
  std::size_t max_chunk_bytes = 512'000;
  std::size_t max_buffered_bytes = std::size_t{64} << 20;  // of open batches, see below
  Duration lateness = std::chrono::seconds(1);
};

// Both of the same moment.
struct BatchTime {
  Instant now;
  std::int64_t wall_us = 0;  // since 1970
};

// Whose events, and where they go.
struct StreamName {
  std::string tenant;
  std::string bucket;
  std::string type;
  std::string subtype;
  friend auto operator<=>(const StreamName&, const StreamName&) = default;
};

struct BatchEvent {
  std::string_view tenant;
  std::string_view bucket;
  std::string_view type;
  std::string_view subtype;
  Epoch epoch;
  std::string_view json;  // one line, without its end
  CoveredEvent place;
};

// Lines of one stream and epoch, enough for about one chunk.
struct EventsOfChunk {
  std::shared_ptr<const StreamName> stream;
  Epoch epoch;
  Bytes lines;                        // each with its end
  std::vector<CoveredEvent> covered;  // of each line, in order
  Instant second_closes;              // when the last lines of this epoch are due
};

// Decides which events go into which chunk, and when.
//
//   (none) --event--> open --enough lines, its time, or too much of its tenant--> closed (none)
//
// An open batch is due when its second and the lateness have passed; one that was opened later than
// that (late events), or for a second far ahead, after it was open for the lateness. When all open
// batches together are above max_buffered_bytes, those of the tenants with most bytes are closed
// until a quarter is free: a tenant that sends too much gets small chunks, not the others.
//
// Pure. One caller at a time. Memory: max_buffered_bytes (kBatchOverheadBytes an open batch and
// kCoveredBytes an event are counted), one chunk's lines, and the names of kMaxIdleStreams streams.
// Cost of Add: a copy of the event; two map lookups when it is not of the same stream and epoch as
// the one before.
class ChunkBatcher {
 public:
  explicit ChunkBatcher(ChunkBatcherLimits limits) : limits_(limits) {}

  static constexpr std::size_t kBatchOverheadBytes = 512;
  static constexpr std::size_t kCoveredBytes = sizeof(CoveredEvent);
  static constexpr std::size_t kMaxIdleStreams = 4096;
  // Whatever the compression: of one batch.
  static constexpr std::size_t kMaxBatchBytes = std::size_t{8} << 20;
  static constexpr std::size_t kMaxBatchEvents = 100'000;

  // Requires: names and event as Keep takes them; places of one (stream, epoch) ascend.
  void Add(const BatchEvent& event, const BatchTime& time, std::vector<EventsOfChunk>* closed);
  // Closes what is due.
  void Tick(Instant now, std::vector<EventsOfChunk>* closed);
  // When Tick must run next; nullopt: nothing is open.
  std::optional<Instant> Deadline() const;
  void CloseAll(std::vector<EventsOfChunk>* closed);

  // Lines of this stream became values of `value_bytes` together: for the next batches.
  void Learn(const StreamName& stream, std::size_t raw_bytes, std::size_t value_bytes);

  std::size_t buffered_bytes() const { return buffered_bytes_; }
  std::size_t open_batches() const { return batches_.size(); }

 private:
  using StreamId = std::uint64_t;
  using BatchKey = std::pair<StreamId, Epoch>;
  struct Stream {
    std::shared_ptr<const StreamName> name;
    StreamId id = 0;
    CompressionRatio ratio;
    std::size_t open = 0;  // batches
  };
  struct Batch {
    Stream* stream = nullptr;
    Bytes lines;
    std::vector<CoveredEvent> covered;
    std::size_t target_bytes = 0;
    Instant due;

    std::size_t counted_bytes() const {
      return lines.size() + covered.size() * kCoveredBytes + kBatchOverheadBytes;
    }
  };
  using Batches = std::map<BatchKey, Batch>;

  Stream* FindStream(const BatchEvent& event);
  Batches::value_type* FindBatch(const BatchEvent& event, const BatchTime& time);
  Instant DueOf(Epoch epoch, const BatchTime& time) const;
  Batches::iterator Close(Batches::iterator batch, std::vector<EventsOfChunk>* closed);
  void KeepWithinLimits(std::vector<EventsOfChunk>* closed);

  struct NameView {
    std::string_view tenant, bucket, type, subtype;
  };
  struct NameLess {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return Parts(a) < Parts(b);
    }
    template <typename Name>
    static std::tuple<std::string_view, std::string_view, std::string_view, std::string_view> Parts(
        const Name& name) {
      return {name.tenant, name.bucket, name.type, name.subtype};
    }
  };

  const ChunkBatcherLimits limits_;
  std::map<StreamName, Stream, NameLess> streams_;
  StreamId next_stream_ = 1;
  Batches batches_;
  std::set<std::pair<Instant, BatchKey>> due_;
  std::size_t buffered_bytes_ = 0;
  Batches::value_type* last_ = nullptr;  // where the last event went; null when that may be gone
};

}  // namespace carillon
