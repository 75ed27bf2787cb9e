#pragma once

#include <string>

namespace carillon {

// A self-signed certificate for an IP, and its key, in PEM: made anew, good for a day.
struct TestCertificate {
  explicit TestCertificate(const std::string& address);
  std::string certificate;
  std::string key;
};

}  // namespace carillon
