#include "crunch/dictionary_trainer.h"

#include <utility>

#include <zdict.h>

#include "base/check.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary.h"

namespace carillon {

void DictionaryTrainer::Add(ByteSpan lines) {
  if (lines.empty() || lines.size() > kMaxRawBytesWithDictionary || IsReady()) return;
  if (++chunks_ % kHoldOut == 0) {
    held_out_.append(lines);
    held_out_bytes_.push_back(lines.size());
    return;
  }
  samples_.append(lines);
  while (!lines.empty()) {
    const std::size_t newline = lines.find('\n');
    CHECK(newline != ByteSpan::npos);
    sample_bytes_.push_back(newline + 1);
    lines.remove_prefix(newline + 1);
  }
}

std::optional<Bytes> DictionaryTrainer::Train() const {
  CHECK(IsReady());
  Bytes trained(kMaxDictionaryBytes, '\0');
  const std::size_t size =
      ZDICT_trainFromBuffer(trained.data(), trained.size(), samples_.data(), sample_bytes_.data(),
                            static_cast<unsigned>(sample_bytes_.size()));
  if (ZDICT_isError(size)) return std::nullopt;
  trained.resize(size);
  const auto dictionary = Dictionary::Load(trained);
  if (!dictionary.ok()) return std::nullopt;
  std::size_t without = 0;
  std::size_t with = 0;
  ByteSpan rest = held_out_;
  for (const std::size_t bytes : held_out_bytes_) {
    without += EncodeChunkValue(rest.substr(0, bytes)).size();
    with += EncodeChunkValue(rest.substr(0, bytes), dictionary->get()).size();
    rest.remove_prefix(bytes);
  }
  if (with == 0 || without * 100 < with * kMinGainPercent) return std::nullopt;
  return trained;
}

}  // namespace carillon
