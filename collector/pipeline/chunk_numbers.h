#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "base/status.h"
#include "storage/file_system.h"

namespace carillon {

// Numbers of chunks, each given out once in the life of a spool: writer * 2^32 + sequence. The file
// WRITER of the spool says up to where sequences are taken; it is replaced whole before any of the
// next kReserve is given out, so a start never goes back (docs/FORMATS.md, "Spool").
//
// Threads: one caller at a time.
class ChunkNumbers {
 public:
  static constexpr std::uint64_t kMaxWriter = (std::uint64_t{1} << 31) - 1;
  static constexpr std::uint64_t kReserve = 1 << 16;

  // `writer` 0: the one in the file, or a random one when there is no file, or a damaged one.
  static StatusOr<ChunkNumbers> Open(FileSystem* files, std::string directory, std::uint64_t writer,
                                     std::uint64_t seed);

  // Cost: an fdatasync once in kReserve numbers. Errors: as FileSystem.
  StatusOr<std::uint64_t> Next();
  // `refused` turned out to be somebody else's: from now on another random writer's number is used,
  // unless that has changed since `refused` was given out.
  Status ChangeWriter(std::uint64_t refused);

  std::uint64_t writer() const { return writer_; }

 private:
  ChunkNumbers(FileSystem* files, std::string directory, std::uint64_t seed)
      : files_(files), directory_(std::move(directory)), random_(seed) {}
  Status Reserve(std::uint64_t limit);
  std::uint64_t RandomWriter() { return random_.Below(kMaxWriter) + 1; }

  FileSystem* files_;
  std::string directory_;
  Random random_;
  std::uint64_t writer_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t limit_ = 0;  // in the file: taken
};

}  // namespace carillon
