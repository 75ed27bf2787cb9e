#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <vector>

#include "storage/index.h"
#include "storage/segment_reader.h"

namespace carillon {

// The segments of a disk and the open files of them. Threads: any.
class SegmentTable {
 public:
  void Add(const SegmentEntry& entry, std::shared_ptr<SegmentReader> reader);
  // The index knows it, the disk does not have it.
  void AddMissing(const SegmentEntry& entry);
  // Replaces what is known of a segment. Requires: it is there.
  void Update(const SegmentEntry& entry);
  void Remove(SegmentId id);

  // nullptr: not here. A reader stays good after Remove, as long as it is held.
  std::shared_ptr<SegmentReader> Reader(SegmentId id) const;
  bool IsMissing(SegmentId id) const;
  // Also of a missing one; nullopt: unknown segment.
  std::optional<std::uint32_t> TtlClassOf(SegmentId id) const;
  // The classes of all, missing ones too.
  std::set<std::uint32_t> TtlClasses() const;
  // By id; without the missing ones.
  std::vector<SegmentEntry> Entries() const;
  std::size_t missing() const;

 private:
  struct Slot {
    SegmentEntry entry;
    std::shared_ptr<SegmentReader> reader;  // nullptr: missing
  };
  mutable std::shared_mutex mutex_;
  std::map<SegmentId, Slot> slots_;
};

}  // namespace carillon
