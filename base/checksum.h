#pragma once

#include <cstdint>

#include "base/bytes.h"

// CRC32C (Castagnoli, RFC 3720 B.4), by ISA-L: 20-70 GB/s. Crc32c("123456789") == 0xe3069283.
namespace carillon {

std::uint32_t Crc32c(ByteSpan bytes);
std::uint32_t Crc32c(const Rope& rope);

// The CRC of what `crc` covers followed by `bytes`. Crc32cExtend(0, x) == Crc32c(x).
std::uint32_t Crc32cExtend(std::uint32_t crc, ByteSpan bytes);

}  // namespace carillon
