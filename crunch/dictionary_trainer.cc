#include "crunch/dictionary_trainer.h"

#include <utility>

#include <zdict.h>

#include "base/check.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

// Encoded into `with` instead of `without`: `with` is 0 when there was nothing to encode.
bool Gains(std::size_t without, std::size_t with) {
  return with > 0 && without * 100 >= with * DictionaryTrainer::kMinGainPercent;
}

}  // namespace

void DictionaryTrainer::Chunks::Add(ByteSpan chunk) {
  lines.append(chunk);
  sizes.push_back(chunk.size());
}

std::size_t DictionaryTrainer::Chunks::EncodedBytes(const Dictionary* dictionary) const {
  std::size_t bytes = 0;
  ByteSpan rest = lines;
  for (const std::size_t size : sizes) {
    bytes += EncodeChunkValue(rest.substr(0, size), dictionary).size();
    rest.remove_prefix(size);
  }
  return bytes;
}

void DictionaryTrainer::Add(ByteSpan lines) {
  if (lines.empty() || lines.size() > kMaxRawBytesWithDictionary || IsReady()) return;
  if (++chunks_ % kHoldOut == 0) return held_out_.Add(lines);
  samples_.Add(lines);
  while (!lines.empty()) {
    const std::size_t newline = lines.find('\n');
    CHECK(newline != ByteSpan::npos);
    line_sizes_.push_back(newline + 1);
    lines.remove_prefix(newline + 1);
  }
}

std::optional<Bytes> DictionaryTrainer::Train() const {
  CHECK(IsReady());
  Bytes trained(kMaxDictionaryBytes, '\0');
  const std::size_t size =
      ZDICT_trainFromBuffer(trained.data(), trained.size(), samples_.lines.data(),
                            line_sizes_.data(), static_cast<unsigned>(line_sizes_.size()));
  if (ZDICT_isError(size)) return std::nullopt;
  trained.resize(size);
  const auto dictionary = Dictionary::Load(trained);
  if (!dictionary.ok()) return std::nullopt;
  const std::size_t without = held_out_.EncodedBytes(nullptr);
  if (!Gains(without, held_out_.EncodedBytes(dictionary->get()))) return std::nullopt;
  return trained;
}

std::shared_ptr<const Dictionary> DictionaryTrainer::BestOf(
    std::span<const std::shared_ptr<const Dictionary>> known) const {
  if (known.empty()) return nullptr;
  const auto encoded = [this](const Dictionary* dictionary) {
    return samples_.EncodedBytes(dictionary) + held_out_.EncodedBytes(dictionary);
  };
  std::shared_ptr<const Dictionary> best;
  std::size_t best_bytes = 0;
  for (const auto& dictionary : known) {
    const std::size_t bytes = encoded(dictionary.get());
    if (best && bytes >= best_bytes) continue;
    best = dictionary;
    best_bytes = bytes;
  }
  return Gains(encoded(nullptr), best_bytes) ? best : nullptr;
}

bool DictionaryTrainer::IsWorthIt(const Dictionary& fresh, const Dictionary& other) const {
  return Gains(held_out_.EncodedBytes(&other), held_out_.EncodedBytes(&fresh));
}

}  // namespace carillon
