#include "server/shell/ring_files.h"

#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr char kAcceptorName[] = "acceptor";
constexpr char kBootsName[] = "boots";
constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

}  // namespace

RingFiles::RingFiles(FileSystem* files, const std::string& directory)
    : files_(files), directory_(directory), state_(files, directory) {}

StatusOr<std::optional<Bytes>> RingFiles::Read(const std::string& name) {
  const std::string path = directory_ + "/" + name;
  if (!files_->Exists(path)) return std::optional<Bytes>();
  ASSIGN_OR_RETURN(Bytes bytes, ReadWholeFile(files_, path, kMaxFileBytes));
  if (bytes.size() < 4) return DataLoss("{} of {} bytes", path, bytes.size());
  const std::size_t covered = bytes.size() - 4;
  if (LoadFixed<std::uint32_t>(bytes.data() + covered) !=
      Crc32c(ByteSpan(bytes).substr(0, covered))) {
    return DataLoss("{}: wrong crc", path);
  }
  bytes.resize(covered);
  return std::optional(std::move(bytes));
}

Status RingFiles::Write(const std::string& name, ByteSpan body) {
  Bytes bytes(body);
  PutFixed(&bytes, Crc32c(bytes));
  return ReplaceFile(files_, directory_, name, bytes);
}

StatusOr<std::optional<SavedRing>> RingFiles::Load() {
  ASSIGN_OR_RETURN(auto state, state_.Load());
  if (!state) return std::optional<SavedRing>();
  SavedRing saved{.state = Share(*std::move(state)), .acceptor = {}};
  ASSIGN_OR_RETURN(const auto votes, Read(kAcceptorName));
  if (votes) {
    ASSIGN_OR_RETURN(saved.acceptor, DecodeAcceptorState(*votes));
  }
  return std::optional(std::move(saved));
}

Status RingFiles::Save(const std::variant<AcceptorState, SharedState>& what) {
  if (const auto* state = std::get_if<SharedState>(&what)) return state_.Save(**state);
  return Write(kAcceptorName, EncodeAcceptorState(std::get<AcceptorState>(what)));
}

StatusOr<BootId> RingFiles::BeginLife(std::uint64_t id) {
  ASSIGN_OR_RETURN(const auto before, Read(kBootsName));
  std::uint64_t boots = 0;
  if (before) {
    Decoder decoder(*before);
    boots = decoder.Fixed<std::uint64_t>();
    if (!decoder.Done()) return DataLoss("{} of {} bytes", kBootsName, before->size());
  }
  Bytes body;
  PutFixed(&body, boots + 1);
  RETURN_IF_ERROR(Write(kBootsName, body));
  return BootId{.counter = boots + 1, .id = id};
}

}  // namespace carillon
