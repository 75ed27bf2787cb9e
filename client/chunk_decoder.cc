#include "client/chunk_decoder.h"

#include "crunch/chunk_codec.h"

namespace carillon {

StatusOr<Bytes> ChunkDecoder::Decode(const ChunkKey& key, ByteSpan value) {
  const std::uint32_t id = DictionaryIdOf(value);
  if (id == 0) return DecodeChunkValue(value);
  const ChunkKey place = DictionaryKeyOf(key, bucket_, id);
  auto dictionary = dictionaries_.Find(place);
  if (dictionary == nullptr) {
    ASSIGN_OR_RETURN(dictionary,
                     dictionaries_.Keep(place, client_->GetChunk(kDictionaryBucket, place)));
  }
  return DecodeChunkValue(value, dictionary.get());
}

}  // namespace carillon
