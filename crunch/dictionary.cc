#include "crunch/dictionary.h"

#include <string>
#include <utility>

#define ZSTD_STATIC_LINKING_ONLY  // for what refers to a dictionary without copying it
#include <zstd.h>

#include "base/check.h"
#include "crunch/chunk_codec.h"

namespace carillon {

ChunkKey DictionaryKeyOf(const ChunkKey& chunk, std::string_view bucket, std::uint32_t id) {
  return {.epoch = Epoch(0),
          .dc = chunk.dc,
          .cell = chunk.cell,
          .type = chunk.type,
          .subtype = std::string(bucket),
          .number = id};
}

StatusOr<std::shared_ptr<const Dictionary>> Dictionary::Load(Bytes bytes) {
  if (bytes.size() > kMaxDictionaryBytes) {
    return DataLoss("dictionary of {} bytes, at most {}", bytes.size(), kMaxDictionaryBytes);
  }
  // Without the magic zstd would take any bytes for a dictionary; those have no id.
  const std::uint32_t id = ZSTD_getDictID_fromDict(bytes.data(), bytes.size());
  if (id == 0) return DataLoss("{} bytes that are no zstd dictionary with an id", bytes.size());
  const std::shared_ptr<Dictionary> dictionary(new Dictionary(std::move(bytes)));
  dictionary->id_ = id;
  dictionary->decoder_ =
      ZSTD_createDDict_byReference(dictionary->bytes_.data(), dictionary->bytes_.size());
  if (dictionary->decoder_ == nullptr) {
    return DataLoss("dictionary {} of {} bytes is damaged", id, dictionary->bytes_.size());
  }
  return dictionary;
}

Dictionary::~Dictionary() {
  ZSTD_freeDDict(decoder_);
  ZSTD_freeCDict(encoder_);
}

const ZSTD_CDict_s* Dictionary::encoder() const {
  std::call_once(encoder_made_, [this] {
    encoder_ = ZSTD_createCDict_byReference(bytes_.data(), bytes_.size(), kChunkLevel);
    CHECK(encoder_ != nullptr);
  });
  return encoder_;
}

}  // namespace carillon
