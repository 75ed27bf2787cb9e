#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tools/carillon/input/byte_source.h"

namespace carillon {

// Bytes simdjson may read past the end of a text.
inline constexpr std::size_t kTextPadding = 64;

// The bytes of a source that were read and not consumed yet, in one piece, always followed by
// kTextPadding readable bytes. Grows as long as its owner fills without consuming: the owner sets
// the limit. Threads: one caller at a time.
class StreamBuffer {
 public:
  explicit StreamBuffer(std::unique_ptr<ByteSource> source);

  // Valid until Fill.
  std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  // Reads on: false at the end of the source. May move the bytes.
  StatusOr<bool> Fill();
  // Requires: bytes <= view().size().
  void Consume(std::size_t bytes) { begin_ += bytes; }
  // Of the file itself.
  std::uint64_t position() const { return source_->position(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace carillon
