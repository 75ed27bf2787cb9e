#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "storage/disk.h"

// What a batch of writes comes to, between deciding it and doing it. For disk_write.cc and
// disk_claims.cc alone.
namespace carillon {

// One record of a batch.
struct Disk::PlannedItem {
  std::size_t request = 0;
  bool repairs = false;  // replaces a damaged record
  RecordLocation location;
  std::uint64_t sequence = 0;
  RecordLocation repaired;
  struct Claim {
    std::size_t place = 0;  // in the request's set
    std::optional<ClaimEntry> before;
  };
  ClaimEntry entry;           // of a record of claims: theirs
  std::vector<Claim> claims;  // likewise
};

// What a batch will append: per ttl class the records, and which request each is of.
struct Disk::PlannedWrite {
  struct OfClass {
    std::vector<RecordToAppend> records;
    std::vector<PlannedItem> items;  // parallel to records
    bool sync = false;
    bool sync_soon = false;
    bool appended = false;
  };
  std::map<std::uint32_t, OfClass> classes;   // one may have only a sync to do
  std::vector<std::unique_ptr<Rope>> values;  // of commits and claims; records point to them
  bool failed = false;                        // a class could not be appended
};

}  // namespace carillon
