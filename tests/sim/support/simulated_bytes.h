#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace carillon {

// What a crash leaves of that which was not synced.
enum class CrashManner : std::uint8_t {
  kKeepNothing,  // only what was synced
  kKeepAll,      // all of it, as if synced: kill -9 of the process
  kKeepSome,     // any part of it, in any order, torn at sectors: loss of power
};

// The content of one simulated file: the bytes as readers see them (the page cache), and those that
// are on the disk. Changes wait between the two until Sync.
//
// Threads: one caller at a time. Memory: twice the file, and the unsynced writes.
class SimulatedBytes {
 public:
  static constexpr std::uint64_t kBlock = 4096;
  static constexpr std::uint64_t kSector = 512;

  ByteSpan cached() const { return cached_; }
  std::uint64_t size() const { return cached_.size(); }
  // Disk space held: blocks written or reserved and not punched, in bytes.
  std::uint64_t allocated_bytes() const { return allocated_blocks_ * kBlock; }
  // Disk space that Reserve(0, limit) or a write up to `limit` from `offset` would add.
  std::uint64_t MissingBytes(std::uint64_t offset, std::uint64_t limit) const;

  void Write(std::uint64_t offset, ByteSpan bytes);
  // Takes the blocks of [offset, limit) from the disk.
  void Reserve(std::uint64_t offset, std::uint64_t limit);
  // Cuts off, or appends zeros.
  void Resize(std::uint64_t size);
  // Whole blocks inside [offset, limit) become zeros and go back to the disk.
  void Punch(std::uint64_t offset, std::uint64_t limit);

  void Sync();
  // What Linux does when fsync fails: the pages count as clean, readers still see them, and no
  // later sync writes them.
  void LoseUnsynced();
  // Readers see the disk again: what LoseUnsynced lost is gone for them too.
  void DropCache();
  // `random` is used for kKeepSome only.
  void Crash(CrashManner manner, Random* random);

  // Damage behind the kernel's back, in cache and on disk. Requires: bit < 8 * size().
  void FlipBit(std::uint64_t bit);
  void Overwrite(std::uint64_t offset, ByteSpan bytes);
  void CutOff(std::uint64_t size);

 private:
  struct Change {
    enum class Kind : std::uint8_t { kWrite, kResize, kPunch };
    Kind kind;
    std::uint64_t offset;  // of kResize: the size
    Bytes bytes;           // of kPunch: zeros
    std::uint64_t size_after;
  };

  void CrashKeepingSome(Random* random);
  void Free(std::uint64_t first_block, std::uint64_t limit_block);

  Bytes cached_;
  Bytes durable_;
  std::vector<Change> pending_;  // made to cached_ and not to durable_, in order
  std::vector<bool> blocks_;
  std::uint64_t allocated_blocks_ = 0;
};

}  // namespace carillon
