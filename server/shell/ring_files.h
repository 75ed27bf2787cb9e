#pragma once

#include <optional>
#include <string>
#include <variant>

#include "ring/gossip_message.h"
#include "server/node/ring_control.h"
#include "server/shell/state_file.h"
#include "storage/file_system.h"

namespace carillon {

// What a node must not forget of the ring, in one directory: the cluster state (state_file.h), the
// acceptor's votes (`acceptor`), and how often the node has been started (`boots`). Each is whole
// or as before after a crash, and has a CRC. Bytes: docs/FORMATS.md, "State file".
// Threads: one caller at a time.
class RingFiles {
 public:
  // `files` outlives it.
  RingFiles(FileSystem* files, const std::string& directory);

  // nullopt: there is no cluster state here yet.
  // DATA_LOSS: one of the files is damaged. A node whose votes are lost must not vote: it is to be
  // replaced by a new one.
  StatusOr<std::optional<SavedRing>> Load();
  Status Save(const std::variant<AcceptorState, SharedState>& what);

  // Counts this start, durably, and returns the life it begins. `id` is random.
  StatusOr<BootId> BeginLife(std::uint64_t id);

 private:
  StatusOr<std::optional<Bytes>> Read(const std::string& name);
  Status Write(const std::string& name, ByteSpan body);

  FileSystem* files_;
  const std::string directory_;
  StateFile state_;
};

}  // namespace carillon
