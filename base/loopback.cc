#include "base/loopback.h"

namespace carillon {

bool IsLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  const bool numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  return (numeric && host.starts_with("127.")) || host == "[::1]" || host == "localhost";
}

}  // namespace carillon
