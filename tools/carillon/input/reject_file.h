#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

// Keeps what could not be loaded, as it came, a line each: made right, it can be loaded again.
// The file is made, or emptied, with the first of them. Threads: one caller at a time.
class RejectFile {
 public:
  explicit RejectFile(std::string path) : path_(std::move(path)), file_(nullptr, &std::fclose) {}

  // UNAVAILABLE: cannot be written.
  Status Add(std::string_view source);
  // Writes out what is buffered. UNAVAILABLE: cannot be written.
  Status Close();

  const std::string& path() const { return path_; }
  std::uint64_t count() const { return count_; }

 private:
  Status Failed() const;
  const std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::uint64_t count_ = 0;
};

// "<file name of `input`>.rejects", "stdin.rejects" for "-".
std::string DefaultRejectPath(std::string_view input);

}  // namespace carillon
