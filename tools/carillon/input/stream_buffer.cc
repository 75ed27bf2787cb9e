#include "tools/carillon/input/stream_buffer.h"

#include <cstring>

namespace carillon {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

}  // namespace

StreamBuffer::StreamBuffer(std::unique_ptr<ByteSource> source)
    : source_(std::move(source)), bytes_(2 * kBlockBytes + kTextPadding) {}

StatusOr<bool> StreamBuffer::Fill() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (bytes_.size() - end_ < kBlockBytes + kTextPadding) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (bytes_.size() - end_ < kBlockBytes + kTextPadding) bytes_.resize(2 * bytes_.size());
  }
  ASSIGN_OR_RETURN(const std::size_t got, source_->Read(bytes_.data() + end_, kBlockBytes));
  end_ += got;
  return got > 0;
}

}  // namespace carillon
