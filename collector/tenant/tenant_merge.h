#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/tenant/tenant_table.h"
#include "ring/tenant_section.h"

namespace carillon {

struct MergedTenants {
  std::shared_ptr<const TenantTable> table;
  std::size_t of_ring = 0;  // tenants in it that came from the ring
  // One sentence for each tenant or key of the ring that is not in it.
  std::vector<std::string> refused;
};

// Makes one table of the tenants of a file and those of the ring. A tenant of both is the file's,
// with the file's keys. A tenant of the ring whose document cannot be read (it may be of a newer
// version of the collector), or which is beyond a limit, is refused alone; so is a key that the
// file has, too.
//
// Keeps what it has parsed: only documents that have changed are parsed again.
// Threads: one caller at a time.
class TenantMerger {
 public:
  // `of_file` is valid and has each name and key once. `open`: a tenant that is there with defaults
  // if nobody has one of that name; empty: none.
  MergedTenants Merge(const std::vector<Tenant>& of_file, const TenantSection& ring,
                      const std::string& open);

 private:
  struct Parsed {
    std::string document;
    StatusOr<Tenant> tenant;
  };
  void ParseNew(const TenantSection& ring);

  std::map<std::string, Parsed, std::less<>> parsed_;
};

}  // namespace carillon
