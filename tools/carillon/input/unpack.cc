#include <array>
#include <limits>

#include <zlib.h>
#include <zstd.h>

#include "base/check.h"
#include "tools/carillon/input/byte_source.h"

namespace carillon {
namespace {

constexpr std::size_t kBlockBytes = 64 << 10;
constexpr int kZstdWindowLogMax = 27;     // 128 MB: what the zstd program itself takes
constexpr int kGzipWindowBits = 15 + 16;  // 16: with the gzip header

// What both unpackers share: the packed bytes at hand.
class PackedInput {
 public:
  explicit PackedInput(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // Requires: everything was consumed. False at the end.
  StatusOr<bool> Refill() {
    ASSIGN_OR_RETURN(size_, source_->Read(block_.data(), block_.size()));
    used_ = 0;
    return size_ > 0;
  }
  const char* data() const { return block_.data() + used_; }
  std::size_t size() const { return size_ - used_; }
  void Consume(std::size_t bytes) { used_ += bytes; }
  std::uint64_t position() const { return source_->position(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::array<char, kBlockBytes> block_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> packed) : input_(std::move(packed)) {
    CHECK(inflateInit2(&stream_, kGzipWindowBits) == Z_OK);
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  StatusOr<std::size_t> Read(char* to, std::size_t size) override {
    while (!failed_) {
      if (input_.size() == 0) {
        ASSIGN_OR_RETURN(const bool more, input_.Refill());
        if (!more) return End();
      }
      if (!in_member_) {
        CHECK(inflateReset(&stream_) == Z_OK);
        in_member_ = true;
      }
      ASSIGN_OR_RETURN(const std::size_t got, Inflate(to, size));
      if (got > 0) return got;
    }
    return 0;
  }
  std::uint64_t position() const override { return input_.position(); }

 private:
  StatusOr<std::size_t> End() {
    if (!in_member_) return 0;
    failed_ = true;
    return DataLoss("gzip data ends early, at byte {}", input_.position());
  }
  StatusOr<std::size_t> Inflate(char* to, std::size_t size) {
    const std::size_t room = std::min<std::size_t>(size, std::numeric_limits<uInt>::max());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
    stream_.avail_in = static_cast<uInt>(input_.size());
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    input_.Consume(input_.size() - stream_.avail_in);
    if (result == Z_STREAM_END) {
      in_member_ = false;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      failed_ = true;
      const char* why = stream_.msg != nullptr ? stream_.msg : "not gzip";
      return DataLoss("gzip data is damaged before byte {}: {}", input_.position(), why);
    }
    return room - stream_.avail_out;
  }

  PackedInput input_;
  z_stream stream_{};
  bool in_member_ = false;
  bool failed_ = false;
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> packed)
      : input_(std::move(packed)), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    CHECK(context_ != nullptr);
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  StatusOr<std::size_t> Read(char* to, std::size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (!failed_ && out.pos == 0) {
      if (input_.size() == 0 && !flushing_) {
        ASSIGN_OR_RETURN(const bool more, input_.Refill());
        if (!more) return End();
      }
      ZSTD_inBuffer in{input_.data(), input_.size(), 0};
      wanted_ = ZSTD_decompressStream(context_.get(), &out, &in);
      input_.Consume(in.pos);
      if (ZSTD_isError(wanted_)) {
        failed_ = true;
        return DataLoss("zstd data is damaged before byte {}: {}", input_.position(),
                        ZSTD_getErrorName(wanted_));
      }
      flushing_ = out.pos == out.size && wanted_ != 0;  // it may hold more than fitted
    }
    return out.pos;
  }
  std::uint64_t position() const override { return input_.position(); }

 private:
  StatusOr<std::size_t> End() {
    if (wanted_ == 0) return 0;
    failed_ = true;
    return DataLoss("zstd data ends early, at byte {}", input_.position());
  }

  PackedInput input_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  std::size_t wanted_ = 0;  // 0: a frame ended
  bool flushing_ = false;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> Gunzip(std::unique_ptr<ByteSource> packed) {
  return std::make_unique<GzipSource>(std::move(packed));
}

std::unique_ptr<ByteSource> Unzstd(std::unique_ptr<ByteSource> packed) {
  return std::make_unique<ZstdSource>(std::move(packed));
}

}  // namespace carillon
