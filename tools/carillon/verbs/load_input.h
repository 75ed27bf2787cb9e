#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "tools/carillon/input/byte_source.h"

namespace carillon {

// One FILE of `carillon load`. Standard input that must be read twice is spooled to a temporary
// file that has no name and goes with this object. Threads: one caller at a time.
class LoadInput {
 public:
  // Spools "-" if `twice`. UNAVAILABLE: the spool cannot be written.
  static StatusOr<LoadInput> Prepare(const std::string& path, bool twice);
  LoadInput(LoadInput&& other) noexcept;
  ~LoadInput();

  // From its beginning, unpacked. Requires: "-" that is not spooled is opened once.
  StatusOr<std::unique_ptr<ByteSource>> Open() const;

  const std::string& path() const { return path_; }
  // In the file; 0: not known.
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  LoadInput(std::string path, int spool);
  std::string path_;
  int spool_ = -1;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace carillon
