#pragma once

#include <string>

namespace carillon {

// Whether an address is of this machine alone: "127.0.0.1:80", "[::1]:80", "localhost:80"; not
// "127.example.com:80".
bool IsLoopback(const std::string& address);

}  // namespace carillon
