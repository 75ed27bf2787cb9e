#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

#include "base/coding.h"

// What clients of the forward protocol write.
namespace carillon::samples {

inline std::string Byte(int byte) {
  return std::string(1, static_cast<char>(byte));
}
inline std::string Text(std::string_view text) {  // up to 255 bytes
  if (text.size() < 32) return Byte(0xa0 + static_cast<int>(text.size())) + std::string(text);
  return Byte(0xd9) + Byte(static_cast<int>(text.size())) + std::string(text);
}
inline std::string Long(int head, std::string_view bytes) {  // str32, bin32
  Bytes out = Byte(head);
  PutOrdered(&out, static_cast<std::uint32_t>(bytes.size()));
  return out + std::string(bytes);
}
inline std::string Array(int items) {
  return Byte(0x90 + items);
}
inline std::string Map(int pairs) {
  return Byte(0x80 + pairs);
}
inline std::string Seconds(std::uint32_t seconds) {
  Bytes out = Byte(0xce);
  PutOrdered(&out, seconds);
  return out;
}
inline std::string EventTime(std::uint32_t seconds, std::uint32_t nanoseconds) {
  Bytes out = Byte(0xd7) + Byte(0);
  PutOrdered(&out, seconds);
  PutOrdered(&out, nanoseconds);
  return out;
}
// [time, {"n": n}]
inline std::string Entry(std::uint32_t seconds, int n) {
  return Array(2) + Seconds(seconds) + Map(1) + Text("n") + Byte(n);
}
inline std::string Gzip(std::string_view text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace carillon::samples
