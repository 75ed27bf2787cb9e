#include "server/shell/state_file.h"

#include "base/checksum.h"
#include "base/coding.h"
#include "base/log.h"

namespace carillon {
namespace {

constexpr std::string_view kMagic = "CRLNSTA1";
constexpr std::size_t kMaxStateBytes = std::size_t{64} << 20;

StatusOr<ClusterState> DecodeSlot(ByteSpan bytes) {
  if (bytes.size() < kMagic.size() + 4 || !bytes.starts_with(kMagic)) {
    return DataLoss("not a state file");
  }
  const ByteSpan covered = bytes.substr(0, bytes.size() - 4);
  if (LoadFixed<std::uint32_t>(bytes.data() + covered.size()) != Crc32c(covered)) {
    return DataLoss("wrong crc");
  }
  return DecodeClusterState(covered.substr(kMagic.size()));
}

}  // namespace

StateFile::StateFile(FileSystem* files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

std::string StateFile::SlotName(std::uint64_t version) const {
  return fmt::format("cluster-state.{}", version % 2);
}

StatusOr<std::optional<ClusterState>> StateFile::Load() {
  std::optional<ClusterState> newest;
  Status damage = OkStatus();
  for (const std::uint64_t slot : {0, 1}) {
    const std::string path = directory_ + "/" + SlotName(slot);
    if (!files_->Exists(path)) continue;
    // A slot that cannot be read may be the newest: an older state must not take its place.
    ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files_, path, kMaxStateBytes));
    auto state = DecodeSlot(bytes);
    if (!state.ok()) {
      damage = Annotate(state.status(), path);
      LogWarning("{}", ToString(damage));
    } else if (!newest || newest->version < state->version) {
      newest = std::move(*state);
    }
  }
  if (!newest && !damage.ok()) return DataLoss("no good cluster state: {}", Message(damage));
  return newest;
}

Status StateFile::Save(const ClusterState& state) {
  Bytes bytes(kMagic);
  bytes += EncodeClusterState(state);
  PutFixed(&bytes, Crc32c(bytes));
  return ReplaceFile(files_, directory_, SlotName(state.version.value()), bytes);
}

}  // namespace carillon
