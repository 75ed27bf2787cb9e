#pragma once

#include <cstdint>
#include <string>

// Numbers for people.
namespace carillon {

// "1,234,567".
std::string FormatCount(std::uint64_t count);
// "999 B", "1.5 KB", "25.0 MB", "1.2 GB": powers of 1000.
std::string FormatBytes(std::uint64_t bytes);
// "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min", "3 d 04 h". Requires: not negative.
std::string FormatSeconds(double seconds);
// `amount` a second; 0 when no time has passed.
std::uint64_t PerSecond(std::uint64_t amount, double seconds);

}  // namespace carillon
