#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace carillon {

// Makes a dictionary of the events of one bucket and type, from the small chunks that were seen.
//
// Most chunks give their lines as samples; every kHoldOut-th is kept whole, to see what a
// dictionary would make of chunks it was not made from.
//
// Pure: the same chunks make the same dictionary, of the same id. One caller at a time.
// Memory: kSampleBytes and one chunk.
class DictionaryTrainer {
 public:
  static constexpr std::size_t kSampleBytes = 128 * 1024;
  static constexpr std::size_t kHoldOut = 8;
  // A dictionary must make the chunks held out at least so many percent of its own result.
  static constexpr std::size_t kMinGainPercent = 130;

  // A chunk's lines, each ending in '\n'. Empty ones, those above kMaxRawBytesWithDictionary, and
  // all once it is ready change nothing.
  void Add(ByteSpan lines);

  // Enough was seen.
  bool IsReady() const { return samples_.size() + held_out_.size() >= kSampleBytes; }

  // The dictionary's bytes, for Dictionary::Load; nullopt when none is worth it: too few lines, too
  // little in common, or too little gained. Requires: IsReady(). Cost: 0.1 to 0.3 s of CPU.
  std::optional<Bytes> Train() const;

 private:
  std::size_t chunks_ = 0;
  Bytes samples_;
  std::vector<std::size_t> sample_bytes_;  // of each line in samples_
  Bytes held_out_;
  std::vector<std::size_t> held_out_bytes_;  // of each chunk in held_out_
};

}  // namespace carillon
