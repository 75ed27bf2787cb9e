#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "crunch/chunk_codec.h"

namespace carillon {

struct BatcherLimits {
  std::size_t max_chunk_bytes = 512'000;
  std::size_t max_buffered_bytes = 64u << 20;  // of events in open seconds
  std::size_t max_open_seconds = 4096;
};

// Lines of one (epoch, type, subtype), enough for about one chunk.
struct EventBatch {
  Epoch epoch;
  std::string type;
  std::string subtype;
  Bytes lines;
};

struct ClosedSecond {
  Epoch epoch;
  bool seal = false;
};

// What the batcher wants done: all batches first, then the closings, each in order. A closing
// means: commit the second when every batch of it so far is stored.
struct BatcherEffects {
  std::vector<EventBatch> batches;
  std::vector<ClosedSecond> closed;
  bool empty() const { return batches.empty() && closed.empty(); }
};

// Decides which events go into which chunk and when a second closes.
//
//   (no second) --event--> open --Close, or the oldest above a limit--> closed (no second)
//
// An event for a closed second opens it anew. Pure. One caller at a time. Memory:
// max_buffered_bytes and one chunk's lines, and a name for each open (epoch, type, subtype).
// Cost of Add: a copy of the event; two small map lookups when it is not of the same epoch, type,
// and subtype as the one before.
class SecondBatcher {
 public:
  explicit SecondBatcher(BatcherLimits limits) : limits_(limits) {}

  // INVALID_ARGUMENT: a bad epoch, type, or subtype, an empty event, a newline in it.
  // RESOURCE_EXHAUSTED: the event alone is larger than a chunk. FAILED_PRECONDITION: the second
  // was sealed. Nothing was taken then.
  Status Add(Epoch epoch, std::string_view type, std::string_view subtype, std::string_view event,
             BatcherEffects* effects);

  // Closes the second, if it is open. With `seal`, closes it and every one before it, and says so
  // with `seal` at the last even if none was open.
  void Close(Epoch epoch, bool seal, BatcherEffects* effects);
  void CloseAll(BatcherEffects* effects);

  // Lines of this type and subtype became values of `value_bytes` together: for the next batches.
  void Learn(const std::string& type, const std::string& subtype, std::size_t raw_bytes,
             std::size_t value_bytes);

  std::size_t buffered_bytes() const { return buffered_bytes_; }
  std::size_t open_seconds() const { return seconds_.size(); }

 private:
  struct Name {
    std::string type;
    std::string subtype;
  };
  struct NameView {
    std::string_view type;
    std::string_view subtype;
  };
  struct NameLess {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const int order = std::string_view(a.type).compare(b.type);
      return order != 0 ? order < 0 : std::string_view(a.subtype) < std::string_view(b.subtype);
    }
  };
  struct Group {
    Bytes lines;
    std::size_t target_bytes = 0;  // to close the batch at
  };
  using Groups = std::map<Name, Group, NameLess>;
  using Seconds = std::map<Epoch, Groups>;

  StatusOr<Groups::value_type*> FindGroup(Epoch epoch, NameView name);
  std::size_t TargetOf(NameView name) const;
  void CutBatch(Epoch epoch, Groups::value_type* group, BatcherEffects* effects);
  Seconds::iterator CloseSecond(Seconds::iterator second, BatcherEffects* effects);
  void KeepWithinLimits(BatcherEffects* effects);

  const BatcherLimits limits_;
  Seconds seconds_;
  std::map<Name, CompressionRatio, NameLess> ratios_;
  std::size_t buffered_bytes_ = 0;
  std::optional<Epoch> sealed_;
  // Where the last event went; null when that may be gone.
  Epoch last_epoch_;
  Groups::value_type* last_group_ = nullptr;
};

}  // namespace carillon
