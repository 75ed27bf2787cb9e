#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

// What is known of a file that is followed. Plain data.
namespace carillon {

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  // since 1970; 0: the file system does not tell
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// How many of a file's first bytes are remembered; and of how many before the offset a checksum.
inline constexpr std::size_t kTailHeadBytes = 256;
inline constexpr std::size_t kTailBeforeBytes = 64;
inline std::size_t BytesBefore(std::uint64_t offset) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(offset, kTailBeforeBytes));
}

// One content, from its first byte: a file that is truncated and written anew is another.
struct TailFile {
  std::uint64_t number = 0;  // never used twice in a spool
  std::string tail;          // TailOptions::name
  std::string path;          // where it was last seen
  FileIdentity identity;
  std::uint64_t offset = 0;  // all before it is kept
  bool in_cut_line = false;  // at `offset` is the rest of a line that was cut off
  std::string head;          // the file's first bytes, as far as they are known
  std::uint32_t before = 0;  // CRC32C of the BytesBefore(offset) bytes there
  friend bool operator==(const TailFile&, const TailFile&) = default;
};

// A file of a number is read up to `offset`.
struct TailAdvance {
  std::uint64_t number = 0;
  std::uint64_t offset = 0;
  bool in_cut_line = false;
  std::string head;
  std::uint32_t before = 0;
};

}  // namespace carillon
