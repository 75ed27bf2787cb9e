#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ring/gossip_message.h"
#include "server/node/ring_control.h"
#include "server/shell/state_file.h"
#include "storage/file_system.h"

namespace carillon {

// What a node must not forget of the ring, in one directory: the cluster state (state_file.h), the
// acceptor's votes (`acceptor`), how often the node has been started and the ids of its starts
// (`boots`), and whether others said that this directory is a copy (`disputed`). Each is whole or
// as before after a crash, and has a CRC. Bytes: docs/FORMATS.md, "State file".
// Threads: one caller at a time.
class RingFiles {
 public:
  // `files` outlives it.
  RingFiles(FileSystem* files, const std::string& directory);

  // nullopt: there is no cluster state here yet.
  // DATA_LOSS: one of the files is damaged. A node whose votes are lost must not vote: it is to be
  // replaced by a new one.
  StatusOr<std::optional<SavedRing>> Load();
  Status Save(const std::variant<AcceptorState, SharedState, Dispute>& what);

  // Counts this start, durably, and returns the life it begins, which is the last of Load's lives
  // then. `id` is random. Of more than kMaxLives the oldest are forgotten, but never `ruled`.
  StatusOr<BootId> BeginLife(std::uint64_t id, const BootId& ruled);
  static constexpr std::size_t kMaxLives = 1000;

 private:
  struct Boots {
    std::uint64_t counter = 0;
    std::vector<std::uint64_t> lives;  // ids, the present one last
  };
  StatusOr<Boots> ReadBoots();
  Status WriteBoots(const Boots& boots);
  StatusOr<Dispute> ReadDispute();
  Status WriteDispute(const Dispute& dispute);
  StatusOr<std::optional<Bytes>> Read(const std::string& name);
  Status Write(const std::string& name, ByteSpan body);

  FileSystem* files_;
  const std::string directory_;
  StateFile state_;
};

}  // namespace carillon
