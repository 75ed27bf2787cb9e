#include "collector/dialects/gzip_members.h"

#include <algorithm>

#include <zlib.h>

namespace carillon {
namespace {

constexpr int kGzipOnly = 15 + 16;
constexpr std::size_t kFirstBytes = 64 << 10;

// Ends the stream with its scope.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipOnly) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

StatusOr<std::string> GunzipMembers(std::string_view packed, std::size_t max_bytes) {
  const std::size_t limit =
      std::min(max_bytes, std::max(kMinGzipLimit, packed.size() * kMaxGzipRatio));
  Inflater inflater;
  if (!inflater.ready()) return ResourceExhausted("zlib has no memory");
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out(std::min(limit + 1, std::max(kFirstBytes, packed.size() * 4)), '\0');
  std::size_t size = 0;
  while (true) {
    if (size == out.size()) {
      if (size > limit) return OutOfRange("gzip: unpacks to more than {} bytes", limit);
      out.resize(std::min(limit + 1, 2 * size));
    }
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(out.size() - size);
    const int result = inflate(&stream, Z_NO_FLUSH);
    size = out.size() - stream.avail_out;
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return InvalidArgument("gzip: damaged");
    } else if (result == Z_OK && stream.avail_out > 0 && stream.avail_in == 0) {
      return InvalidArgument("gzip: cut off");
    } else if (result != Z_OK) {
      return InvalidArgument("gzip: {}", result == Z_BUF_ERROR ? "cut off" : "damaged");
    }
  }
  if (size > limit) return OutOfRange("gzip: unpacks to more than {} bytes", limit);
  out.resize(size);
  return out;
}

std::string GzipMember(std::string_view bytes) {
  constexpr int kMemoryLevel = 8;  // zlib's own choice
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipOnly, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? out.size() - stream.avail_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace carillon
