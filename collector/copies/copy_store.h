#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "collector/copies/copy_message.h"
#include "storage/file_system.h"

namespace carillon {

struct CopyStoreOptions {
  FileSystem* files = nullptr;
  std::string directory;  // absolute; made when it is not there; ours alone
  std::uint64_t max_bytes = std::uint64_t{16} << 30;  // of all copies
  std::size_t max_names = 16;
  std::string own_name;    // whose copies it refuses (they would be on the same disk); empty: none
  std::uint64_t seed = 0;  // of sessions
};

struct CopyStoreStats {
  std::uint64_t copies = 0;  // that are whole
  std::uint64_t bytes = 0;   // of all, also of those that are not
};

// Copies of other collectors' spools, as they themselves say that they are: of each the newest that
// is whole, and the one that is being made. What a kShip was answered with OK for is on the disk.
//
//   kBegin --> kShip... --kComplete--> the older one goes --> kShip...
//
// A copy is a spool: a pipeline can be opened on its directory (`NAME/0`, `1`, or `2`), when its
// collector will never come back. From then on it is nobody's copy any more, and is left as it is:
// copy_slot.h.
//
// Bytes: docs/FORMATS.md, "Copies of spools". Threads: one caller at a time. After an error of the
// disk a session is gone: its collector begins anew.
class CopyStore {
 public:
  // What is not whole is removed. Errors: of the disk.
  static StatusOr<std::unique_ptr<CopyStore>> Open(CopyStoreOptions options);

  // Its status: NOT_FOUND, INVALID_ARGUMENT; FAILED_PRECONDITION: no such session, begin anew;
  // ALREADY_EXISTS: a copy of this generation or a newer one is there; RESOURCE_EXHAUSTED: no room;
  // UNAVAILABLE: the disk, or the copy is being drained.
  CopyReply Handle(const CopyAsk& ask);

  CopyStoreStats stats() const;

 private:
  // The whole one, the one that is being made, one that is being drained.
  static constexpr std::size_t kSlots = 3;
  struct Slot {
    std::uint64_t generation = 0;  // 0: empty
    bool complete = false;
    std::map<CopyFile, std::uint64_t> files;  // and how large they are
    std::uint64_t bytes = 0;
  };
  struct Session {
    std::uint64_t id = 0;  // 0: none
    std::size_t slot = 0;
    std::uint64_t sequence = 0;  // that was carried out last
    // Of each log the file that grows.
    std::array<std::optional<CopyFile>, kSpoolParts> open;
    std::array<std::unique_ptr<WritableFile>, kSpoolParts> writers;
    std::set<SpoolPart> unsynced;        // writers
    std::set<SpoolPart> unsynced_names;  // directories
  };
  struct Copies {
    std::array<Slot, kSlots> slots;
    Session session;
  };

  explicit CopyStore(CopyStoreOptions options);
  Status Recover();
  Status RecoverSlot(const std::string& name, std::size_t number, Slot* slot);
  Status ClearSlot(const std::string& name, std::size_t number, Slot* slot);
  StatusOr<bool> IsDrained(const std::string& name, std::size_t number) const;
  StatusOr<bool> IsWhole(const std::string& name, std::size_t number, const Slot& slot) const;
  StatusOr<std::optional<std::size_t>> FreeSlot(const std::string& name,
                                                const Copies& copies) const;

  CopyReply Do(const CopyAsk& ask);
  CopyReply Begin(const CopyAsk& ask);
  CopyReply Ship(const CopyAsk& ask);
  CopyReply Forget(const CopyAsk& ask);
  CopyReply List(const CopyAsk& ask);
  CopyReply Read(const CopyAsk& ask);

  Status Apply(const std::string& name, Copies* copies, const CopyPiece& piece);
  Status Append(const std::string& name, Copies* copies, const CopyPiece& piece);
  Status OpenFile(const std::string& path, Session* session, const CopyPiece& piece);
  Status Remove(const std::string& name, Copies* copies, CopyFile file);
  Status ClearOthers(const std::string& name, Copies* copies, std::size_t kept);
  Status Complete(const std::string& name, Copies* copies);
  Status SyncAll(const std::string& name, Session* session);

  // The newest that is whole and not drained; kSlots: none.
  StatusOr<std::size_t> Newest(const std::string& name, const Copies& copies) const;
  std::string SlotPath(const std::string& name, std::size_t number) const;
  std::uint64_t bytes() const;

  const CopyStoreOptions options_;
  Random random_;
  std::map<std::string, Copies, std::less<>> copies_;
};

}  // namespace carillon
