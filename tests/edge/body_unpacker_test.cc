#include "collector/edge/body_unpacker.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

namespace carillon {
namespace {

std::string Deflate(const std::string& text, int window) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}
std::string Gzip(const std::string& text) {
  return Deflate(text, 15 + 16);
}
std::string Zstd(const std::string& text, int window_log = 0) {
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  if (window_log > 0) ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  EXPECT_EQ(::ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0u);
  ::ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

class BodyUnpackerTest : public testing::Test {
 protected:
  StatusCode Unpack(ContentCoding coding, const std::string& packed, UnpackLimits limits = {}) {
    out_.clear();
    return unpacker_.Unpack(coding, packed, limits, &out_).code();
  }
  std::string Text(std::size_t size) const {
    std::string text;
    std::uint32_t state = 1;
    while (text.size() < size) {
      state = state * 1664525 + 1013904223;
      text.push_back(static_cast<char>('a' + (state >> 28)));
    }
    return text;
  }
  BodyUnpacker unpacker_;
  std::string out_;
};

TEST_F(BodyUnpackerTest, UnpacksEveryCodingOfEverySize) {
  for (const std::size_t size : {0u, 1u, 1000u, 65'536u, 300'000u}) {
    const std::string text = Text(size);
    EXPECT_EQ(Unpack(ContentCoding::kGzip, Gzip(text)), StatusCode::kOk);
    EXPECT_EQ(out_, text);
    EXPECT_EQ(Unpack(ContentCoding::kDeflate, Deflate(text, 15)), StatusCode::kOk);
    EXPECT_EQ(out_, text);
    EXPECT_EQ(Unpack(ContentCoding::kDeflate, Deflate(text, -15)), StatusCode::kOk);
    EXPECT_EQ(out_, text);
    EXPECT_EQ(Unpack(ContentCoding::kZstd, Zstd(text)), StatusCode::kOk);
    EXPECT_EQ(out_, text);
    EXPECT_EQ(Unpack(ContentCoding::kIdentity, text), StatusCode::kOk);
    EXPECT_EQ(out_, text);
  }
}

TEST_F(BodyUnpackerTest, TakesSeveralMembersAsOneBody) {
  EXPECT_EQ(Unpack(ContentCoding::kGzip, Gzip("ab") + Gzip("cd")), StatusCode::kOk);
  EXPECT_EQ(out_, "abcd");
  EXPECT_EQ(Unpack(ContentCoding::kZstd, Zstd("ab") + Zstd("cd")), StatusCode::kOk);
  EXPECT_EQ(out_, "abcd");
}

TEST_F(BodyUnpackerTest, RefusesWhatIsTornOrNotPackedAtAll) {
  for (const auto& [coding, packed] : {std::pair{ContentCoding::kGzip, Gzip(Text(1000))},
                                       std::pair{ContentCoding::kDeflate, Deflate(Text(1000), 15)},
                                       std::pair{ContentCoding::kZstd, Zstd(Text(1000))}}) {
    for (std::size_t size = 0; size < packed.size(); ++size) {
      EXPECT_EQ(Unpack(coding, packed.substr(0, size)), StatusCode::kInvalidArgument) << size;
    }
    EXPECT_EQ(Unpack(coding, packed + "xyz"), StatusCode::kInvalidArgument);
    EXPECT_EQ(Unpack(coding, "{\"a\":1}"), StatusCode::kInvalidArgument);
    EXPECT_EQ(Unpack(coding, packed), StatusCode::kOk);  // and goes on as if nothing had been
  }
}

TEST_F(BodyUnpackerTest, StopsABombBeforeItGoesOff) {
  const std::string zeros(64u << 20, '\0');
  for (const auto& [coding, packed] : {std::pair{ContentCoding::kGzip, Gzip(zeros)},
                                       std::pair{ContentCoding::kDeflate, Deflate(zeros, 15)},
                                       std::pair{ContentCoding::kZstd, Zstd(zeros)}}) {
    EXPECT_EQ(Unpack(coding, packed), StatusCode::kOutOfRange);
    EXPECT_LE(out_.size(), kFreeUnpackedBytes + 1);
    EXPECT_EQ(Unpack(coding, packed, {.max_bytes = 4u << 20, .max_ratio = 1'000'000}),
              StatusCode::kOutOfRange);
    EXPECT_LE(out_.size(), (4u << 20) + 1);
  }
}

TEST_F(BodyUnpackerTest, TakesExactlyTheLimitAndNoByteMore) {
  const std::string text = Text(100'000);
  const UnpackLimits exact{.max_bytes = 100'000};
  const UnpackLimits less{.max_bytes = 99'999};
  for (const auto& [coding, packed] :
       {std::pair{ContentCoding::kGzip, Gzip(text)}, std::pair{ContentCoding::kZstd, Zstd(text)},
        std::pair{ContentCoding::kIdentity, text}}) {
    EXPECT_EQ(Unpack(coding, packed, exact), StatusCode::kOk);
    EXPECT_EQ(Unpack(coding, packed, less), StatusCode::kOutOfRange);
  }
}

TEST_F(BodyUnpackerTest, RefusesAWindowThatIsTooLarge) {
  EXPECT_EQ(Unpack(ContentCoding::kZstd, Zstd(Text(20u << 20), 27)), StatusCode::kInvalidArgument);
}

TEST_F(BodyUnpackerTest, KnowsTheCodings) {
  EXPECT_EQ(*ParseContentCoding(""), ContentCoding::kIdentity);
  EXPECT_EQ(*ParseContentCoding("GZip"), ContentCoding::kGzip);
  EXPECT_EQ(*ParseContentCoding("x-gzip"), ContentCoding::kGzip);
  EXPECT_EQ(*ParseContentCoding("deflate"), ContentCoding::kDeflate);
  EXPECT_EQ(*ParseContentCoding("zstd"), ContentCoding::kZstd);
  EXPECT_FALSE(ParseContentCoding("br").ok());
  EXPECT_FALSE(ParseContentCoding("gzip, gzip").ok());
}

}  // namespace
}  // namespace carillon
