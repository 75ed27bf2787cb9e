#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "crunch/dictionary.h"

namespace carillon {

// Makes a dictionary of the events of one bucket and type, from the small chunks that were seen,
// and tells how good others are for these.
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
  // Without a dictionary, chunks must take at least so many percent of what they take with it; and
  // with another dictionary, if there is one, of what they take with a new one.
  static constexpr std::size_t kMinGainPercent = 130;

  // A chunk's lines, each ending in '\n'. Empty ones, those above kMaxRawBytesWithDictionary, and
  // all once it is ready change nothing.
  void Add(ByteSpan lines);

  std::size_t seen_bytes() const { return samples_.size() + held_out_.size(); }
  // Enough was seen.
  bool IsReady() const { return seen_bytes() >= kSampleBytes; }

  // The dictionary's bytes, for Dictionary::Load; nullopt when none is worth it: too few lines, too
  // little in common, or too little gained. Requires: IsReady(). Cost: 0.1 to 0.3 s of CPU.
  std::optional<Bytes> Train() const;

  // Of `known`, none of which was made from these chunks: the one that makes all that was seen
  // smallest; null when none is worth it. Cost: about 1 us of CPU a chunk and dictionary.
  std::shared_ptr<const Dictionary> BestOf(
      std::span<const std::shared_ptr<const Dictionary>> known) const;

  // Is `fresh`, of Train(), so much better than `other` that it is worth another dictionary?
  bool IsWorthIt(const Dictionary& fresh, const Dictionary& other) const;

 private:
  struct Chunks {
    Bytes lines;
    std::vector<std::size_t> sizes;  // of each chunk

    void Add(ByteSpan chunk);
    // Of their values; `dictionary` may be null.
    std::size_t EncodedBytes(const Dictionary* dictionary) const;
    std::size_t size() const { return lines.size(); }
  };

  std::size_t chunks_ = 0;
  Chunks samples_;
  std::vector<std::size_t> line_sizes_;  // of each line in samples_
  Chunks held_out_;
};

}  // namespace carillon
