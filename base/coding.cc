#include "base/coding.h"

#include <algorithm>

namespace carillon {

void PutVarint(Bytes* out, std::uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void PutString(Bytes* out, std::string_view text) {
  PutVarint(out, text.size());
  out->append(text);
}

std::uint64_t Decoder::Varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (input_.empty()) return Fail<std::uint64_t>();
    const auto byte = static_cast<unsigned char>(input_.front());
    input_.remove_prefix(1);
    if (shift == 63 && byte > 1) return Fail<std::uint64_t>();
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return Fail<std::uint64_t>();
}

ByteSpan Decoder::String() {
  const std::uint64_t size = Varint();
  if (size > input_.size()) return Fail<ByteSpan>();
  return Take(size);
}

ByteSpan Decoder::Take(std::size_t size) {
  if (size > input_.size()) return Fail<ByteSpan>();
  const ByteSpan taken = input_.substr(0, size);
  input_.remove_prefix(size);
  return taken;
}

void PutUuid(Bytes* out, const Uuid& uuid) {
  out->append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
}

Uuid TakeUuid(Decoder* decoder) {
  Uuid uuid;
  const ByteSpan bytes = decoder->Take(uuid.bytes.size());
  std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
  return uuid;
}

}  // namespace carillon
