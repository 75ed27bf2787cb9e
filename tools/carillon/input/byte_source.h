#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

// Bytes to be loaded, one after the other: a file, standard input, or what is packed inside.
namespace carillon {

// Threads: one caller at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `size` bytes into `to`; 0 is the end. UNAVAILABLE: the file cannot be read. DATA_LOSS:
  // damaged or cut compressed data. After an error the source is at its end.
  // Requires: size > 0.
  virtual StatusOr<std::size_t> Read(char* to, std::size_t size) = 0;
  // Bytes taken from the file itself (compressed, if it is) so far.
  virtual std::uint64_t position() const = 0;
};

// Reads `descriptor` and closes it at the end.
std::unique_ptr<ByteSource> ReadDescriptor(int descriptor);

// NOT_FOUND, UNAVAILABLE: cannot be opened; the message names the path. A directory is
// INVALID_ARGUMENT.
StatusOr<std::unique_ptr<ByteSource>> ReadFile(const std::string& path);

// What is inside `packed`; several members or frames follow each other. Memory: 64 KB and the
// window (gzip 32 KB, zstd at most 128 MB).
std::unique_ptr<ByteSource> Gunzip(std::unique_ptr<ByteSource> packed);
std::unique_ptr<ByteSource> Unzstd(std::unique_ptr<ByteSource> packed);

// Unpacked by the suffix of `path`: .gz, .zst, else as it is.
std::unique_ptr<ByteSource> UnpackBySuffix(const std::string& path,
                                           std::unique_ptr<ByteSource> source);

}  // namespace carillon
