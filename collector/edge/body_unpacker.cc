#include "collector/edge/body_unpacker.h"

#include <algorithm>
#include <limits>

#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

namespace carillon {
namespace {

constexpr std::size_t kStep = 64 * 1024;
constexpr int kGzipWindow = 15 + 16;
constexpr int kZlibWindow = 15;
constexpr int kBareWindow = -15;

// How much output the limits allow a body of `packed_bytes`.
std::size_t MostOutput(std::size_t packed_bytes, const UnpackLimits& limits) {
  const std::size_t by_ratio = std::max(packed_bytes * limits.max_ratio, kFreeUnpackedBytes);
  return std::min(by_ratio, limits.max_bytes);
}

Status TooMuch(std::size_t packed_bytes, std::size_t most) {
  return OutOfRange("the body of {} bytes unpacks to more than {}", packed_bytes, most);
}

// RFC 1950: the first two bytes are a multiple of 31, and the method is 8.
bool LooksLikeZlib(std::string_view packed) {
  if (packed.size() < 2) return false;
  const auto first = static_cast<unsigned char>(packed[0]);
  const auto second = static_cast<unsigned char>(packed[1]);
  return (first & 0x0f) == 8 && (first * 256 + second) % 31 == 0;
}

}  // namespace

struct BodyUnpacker::Contexts {
  Contexts() {
    CHECK(::inflateInit2(&inflate, kZlibWindow) == Z_OK);
    zstd = ::ZSTD_createDCtx();
    CHECK(zstd != nullptr);
    ::ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }
  ~Contexts() {
    ::inflateEnd(&inflate);
    ::ZSTD_freeDCtx(zstd);
  }

  Status Inflate(int window, std::string_view packed, std::size_t most, std::string* out);
  Status Zstd(std::string_view packed, std::size_t most, std::string* out);

  z_stream inflate{};
  ZSTD_DCtx* zstd = nullptr;
};

Status BodyUnpacker::Contexts::Inflate(int window, std::string_view packed, std::size_t most,
                                       std::string* out) {
  if (packed.size() > std::numeric_limits<uInt>::max()) return TooMuch(packed.size(), most);
  const std::size_t start = out->size();
  CHECK(::inflateReset2(&inflate, window) == Z_OK);
  inflate.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  inflate.avail_in = static_cast<uInt>(packed.size());
  while (true) {
    const std::size_t have = out->size() - start;
    const std::size_t room = std::min(kStep, most + 1 - have);
    out->resize(start + have + room);
    inflate.next_out = reinterpret_cast<Bytef*>(out->data() + start + have);
    inflate.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&inflate, Z_NO_FLUSH);
    out->resize(start + have + room - inflate.avail_out);
    if (out->size() - start > most) return TooMuch(packed.size(), most);
    if (result == Z_STREAM_END) {
      if (inflate.avail_in == 0) return OkStatus();
      if (window != kGzipWindow) return InvalidArgument("something behind the deflated body");
      CHECK(::inflateReset(&inflate) == Z_OK);  // the next member
    } else if (result == Z_BUF_ERROR ||
               (result == Z_OK && inflate.avail_in == 0 && inflate.avail_out > 0)) {
      return InvalidArgument("the compressed body is not whole");
    } else if (result != Z_OK) {
      return InvalidArgument("the body is not compressed as it says: {}",
                             inflate.msg == nullptr ? "malformed" : inflate.msg);
    }
  }
}

Status BodyUnpacker::Contexts::Zstd(std::string_view packed, std::size_t most, std::string* out) {
  const std::size_t start = out->size();
  ::ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t wanted = 1;
  while (in.pos < in.size || wanted != 0) {
    const std::size_t have = out->size() - start;
    const std::size_t room = std::min(kStep, most + 1 - have);
    const std::size_t in_before = in.pos;
    out->resize(start + have + room);
    ZSTD_outBuffer to{out->data() + start + have, room, 0};
    wanted = ::ZSTD_decompressStream(zstd, &to, &in);
    out->resize(start + have + to.pos);
    if (::ZSTD_isError(wanted) != 0) {
      return InvalidArgument("the body is not compressed as it says: {}",
                             ::ZSTD_getErrorName(wanted));
    }
    if (out->size() - start > most) return TooMuch(packed.size(), most);
    if (wanted != 0 && in.pos == in_before && to.pos == 0) {
      return InvalidArgument("the compressed body is not whole");
    }
  }
  return OkStatus();
}

BodyUnpacker::BodyUnpacker() : contexts_(std::make_unique<Contexts>()) {}
BodyUnpacker::~BodyUnpacker() = default;

Status BodyUnpacker::Unpack(ContentCoding coding, std::string_view packed,
                            const UnpackLimits& limits, std::string* out) {
  const std::size_t most = MostOutput(packed.size(), limits);
  switch (coding) {
    case ContentCoding::kIdentity:
      if (packed.size() > limits.max_bytes) return TooMuch(packed.size(), limits.max_bytes);
      out->append(packed);
      return OkStatus();
    case ContentCoding::kGzip:
      return contexts_->Inflate(kGzipWindow, packed, most, out);
    case ContentCoding::kDeflate:
      return contexts_->Inflate(LooksLikeZlib(packed) ? kZlibWindow : kBareWindow, packed, most,
                                out);
    case ContentCoding::kZstd:
      return contexts_->Zstd(packed, most, out);
  }
  return Internal("a coding that is none");
}

StatusOr<ContentCoding> ParseContentCoding(std::string_view header) {
  std::string name;
  for (const char c : header) {
    if (c == ' ' || c == '\t') continue;
    name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  }
  if (name.empty() || name == "identity") return ContentCoding::kIdentity;
  if (name == "gzip" || name == "x-gzip") return ContentCoding::kGzip;
  if (name == "deflate") return ContentCoding::kDeflate;
  if (name == "zstd") return ContentCoding::kZstd;
  return Unimplemented("Content-Encoding '{}': gzip, deflate, and zstd are understood", name);
}

}  // namespace carillon
