#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/status.h"

struct ZSTD_CDict_s;
struct ZSTD_DDict_s;

// Dictionaries of zstd: what the events of one bucket and type have in common, said once, so that a
// chunk of a few events is small (docs/FORMATS.md, docs/design/0010-dictionaries.md).
namespace carillon {

inline constexpr std::size_t kMaxDictionaryBytes = 16 * 1024;
// Lines above this have enough in common with themselves: they are encoded without a dictionary.
inline constexpr std::size_t kMaxRawBytesWithDictionary = 16 * 1024;

// Where dictionaries are stored, each as a chunk of its own, of epoch 0. The ttl is the longest
// there is: from epoch 0 that lasts until 2070, and no other data is of that ttl class, so their
// segments hold nothing else.
inline constexpr char kDictionaryBucket[] = "dictionaries";

// The key of the dictionary `id` that the value of `chunk`, of `bucket`, names: epoch 0, dc, cell,
// and type of the chunk, the bucket's name as the subtype, the id as the number.
ChunkKey DictionaryKeyOf(const ChunkKey& chunk, std::string_view bucket, std::uint32_t id);

// A dictionary, ready for use. Never changes. Threads: any, at once.
// Memory: its bytes and about 30 KB; once encoded with, another 150 KB.
class Dictionary {
 public:
  // DATA_LOSS: not a zstd dictionary with an id, or more than kMaxDictionaryBytes.
  static StatusOr<std::shared_ptr<const Dictionary>> Load(Bytes bytes);
  ~Dictionary();
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  std::uint32_t id() const { return id_; }  // never 0
  const Bytes& bytes() const { return bytes_; }

  // For crunch/chunk_codec.cc.
  const ZSTD_CDict_s* encoder() const;
  const ZSTD_DDict_s* decoder() const { return decoder_; }

 private:
  explicit Dictionary(Bytes bytes) : bytes_(std::move(bytes)) {}

  const Bytes bytes_;  // encoder and decoder point into them
  std::uint32_t id_ = 0;
  ZSTD_DDict_s* decoder_ = nullptr;
  mutable std::once_flag encoder_made_;
  mutable ZSTD_CDict_s* encoder_ = nullptr;
};

}  // namespace carillon
