#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// The second seam of storage: an ordered map under the index. Two implementations: RocksDB
// (rocksdb_key_value.h), and memory (memory_key_value.h) for the simulator and for checking.
namespace carillon {

enum class Family : std::uint8_t { kChunks, kManifests, kDigests, kMeta, kClaims };
inline constexpr std::size_t kFamilies = 5;

// Changes that become visible, and that survive a crash, all together or not at all.
struct KeyValueBatch {
  enum class Kind : std::uint8_t { kPut, kDelete, kDeleteRange, kMergeDigest };
  struct Change {
    Kind kind;
    Family family;
    Bytes key;
    Bytes value;  // of kDeleteRange: the end, not in the range
  };
  std::vector<Change> changes;  // applied in order

  void Put(Family family, Bytes key, Bytes value) {
    changes.push_back({Kind::kPut, family, std::move(key), std::move(value)});
  }
  void Delete(Family family, Bytes key) {
    changes.push_back({Kind::kDelete, family, std::move(key), {}});
  }
  void DeleteRange(Family family, Bytes first, Bytes limit) {
    changes.push_back({Kind::kDeleteRange, family, std::move(first), std::move(limit)});
  }
  // `digest`: EncodeDigest; added to what is there (digest.h).
  void MergeDigest(Bytes key, Bytes digest) {
    changes.push_back({Kind::kMergeDigest, Family::kDigests, std::move(key), std::move(digest)});
  }
};

// A walk over a family as it was when the cursor was made. Threads: one caller at a time.
class KeyValueCursor {
 public:
  virtual ~KeyValueCursor() = default;
  // To the first key >= `key`.
  virtual void Seek(std::string_view key) = 0;
  virtual void Next() = 0;
  // False at the end and after an error.
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Status status() const = 0;
};

// Nothing survives a crash but what a Flush that returned OK covered; a crash brings back the state
// at such a Flush or a later state of some batch boundary, never a mixture.
// Threads: reads from any; Write and Flush one caller at a time.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;

  // nullopt: no such key. DATA_LOSS: the store itself is damaged. UNAVAILABLE: disk failure.
  virtual StatusOr<std::optional<Bytes>> Get(Family family, std::string_view key) const = 0;
  // The value, if it is there and no disk has to be waited for; nullopt says nothing: use Get.
  virtual std::optional<Bytes> GetAtOnce(Family /*family*/, std::string_view /*key*/) const {
    return std::nullopt;
  }
  virtual StatusOr<std::vector<std::optional<Bytes>>> MultiGet(
      Family family, const std::vector<Bytes>& keys) const = 0;
  virtual std::unique_ptr<KeyValueCursor> NewCursor(Family family) const = 0;
  virtual Status Write(const KeyValueBatch& batch) = 0;
  // Makes everything written so far survive a crash.
  virtual Status Flush() = 0;
  // Begins what Flush does and does not wait for it.
  virtual Status FlushSoon() = 0;
  // Bytes of unflushed changes, roughly.
  virtual std::uint64_t UnflushedBytes() const = 0;
};

// How a disk gets its index. `Destroy` is for an index that is damaged or lost.
class KeyValueFactory {
 public:
  virtual ~KeyValueFactory() = default;
  // DATA_LOSS: damaged, to be destroyed and rebuilt.
  virtual StatusOr<std::unique_ptr<KeyValueStore>> Open(const std::string& directory) = 0;
  virtual Status Destroy(const std::string& directory) = 0;
};

}  // namespace carillon
