#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "tests/sim/support/simulated_bytes.h"

namespace carillon {

struct SimulatedEntry {
  std::shared_ptr<SimulatedBytes> file;  // null: a directory
};

// The directory above `path`; "/" has none and is its own.
std::string ParentOf(std::string_view path);

// The names of a simulated disk: as programs see them, and as the disk has them. A name that was
// created, renamed, or removed waits until its directory is synced.
//
// Paths are absolute and without a trailing slash. Threads: one caller at a time.
class SimulatedNames {
 public:
  using Entries = std::map<std::string, SimulatedEntry>;  // by path

  const Entries& entries() const { return live_; }
  // Null: no such name. "/" is always there.
  const SimulatedEntry* Find(const std::string& path) const;
  bool IsDirectory(const std::string& path) const;
  // Names directly inside `path`, sorted.
  std::vector<std::string> List(const std::string& path) const;
  bool IsEmpty(const std::string& path) const { return List(path).empty(); }

  // Requires: the parent is a directory and the name is free.
  void Add(const std::string& path, SimulatedEntry entry);
  // Requires: there is such a name.
  void Remove(const std::string& path);
  // Requires: `from` is a file. Replaces `to`: as one change, never half.
  void Rename(const std::string& from, const std::string& to);

  void SyncDirectory(const std::string& path);
  // Also crashes the content of every file that is left.
  void Crash(CrashManner manner, Random* random);

 private:
  struct Change {
    std::string removed;  // empty: none
    std::string added;    // empty: none
    SimulatedEntry entry;
    std::string directory;
  };

  void Make(const Change& change, Entries* entries) const;
  void RemoveOrphans();

  Entries live_;
  Entries durable_;
  std::vector<Change> pending_;  // made to live_ and not to durable_, in order
};

}  // namespace carillon
