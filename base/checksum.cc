#include "base/checksum.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace carillon {

std::uint32_t Crc32cExtend(std::uint32_t crc, ByteSpan bytes) {
  constexpr std::size_t kMaxStep = std::size_t{1} << 30;  // ISA-L counts in int
  crc = ~crc;
  while (!bytes.empty()) {
    const std::size_t step = std::min(bytes.size(), kMaxStep);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(step), crc);
    bytes.remove_prefix(step);
  }
  return ~crc;
}

std::uint32_t Crc32c(ByteSpan bytes) {
  return Crc32cExtend(0, bytes);
}

std::uint32_t Crc32c(const Rope& rope) {
  std::uint32_t crc = 0;
  for (const SharedBytes& piece : rope.pieces()) crc = Crc32cExtend(crc, piece.view());
  return crc;
}

}  // namespace carillon
