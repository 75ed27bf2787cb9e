#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collector/tail/tail_files.h"

// What the file system says of files that may be followed. Threads: any.
namespace carillon {

inline constexpr std::size_t kMaxPathsOfPattern = 10'000;

struct TailPattern {
  std::string tail;   // TailFile::tail
  std::string paths;  // glob(7), and {a,b}
};

// Regular files that the patterns match, each with what TailFiles::Look wants to know. Names that
// end like those of packed files (.gz, .bz2, .xz, .zst, .zip) are left out. Cost: a stat of each,
// and reads of those that are not open.
std::vector<SeenFile> ScanPatterns(const std::vector<TailPattern>& patterns,
                                   const TailFiles& files);
// The same of files beside those that `files` misses, with names that begin like theirs.
std::vector<SeenFile> ScanSiblings(const TailFiles& files);

// As TailFiles::Look asks it.
std::optional<std::uint32_t> CrcBeforeOf(const SeenFile& seen, std::uint64_t offset);

// A file that is being read. Closed when destroyed.
class OpenFile {
 public:
  struct Size {
    std::uint64_t bytes = 0;
    std::int64_t changed_ns = 0;  // since 1970
    friend bool operator==(const Size&, const Size&) = default;
  };

  // NOT_FOUND: there is no such file any more, or another in its place.
  static StatusOr<OpenFile> Open(const std::string& path, const FileIdentity& identity);
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();

  // UNAVAILABLE: the disk failed.
  StatusOr<Size> Look() const;
  // Up to `size` bytes at `offset`, fewer only at the end of the file.
  Status Read(std::uint64_t offset, std::size_t size, std::string* out) const;

 private:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace carillon
