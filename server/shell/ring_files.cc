#include "server/shell/ring_files.h"

#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr char kAcceptorName[] = "acceptor";
constexpr char kBootsName[] = "boots";
constexpr char kDisputedName[] = "disputed";
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
  SavedRing saved{.state = Share(*std::move(state))};
  ASSIGN_OR_RETURN(const auto votes, Read(kAcceptorName));
  if (votes) {
    ASSIGN_OR_RETURN(saved.acceptor, DecodeAcceptorState(*votes));
  }
  ASSIGN_OR_RETURN(Boots boots, ReadBoots());
  saved.lives = std::move(boots.lives);
  ASSIGN_OR_RETURN(saved.dispute, ReadDispute());
  return std::optional(std::move(saved));
}

Status RingFiles::Save(const std::variant<AcceptorState, SharedState, Dispute>& what) {
  if (const auto* state = std::get_if<SharedState>(&what)) return state_.Save(**state);
  if (const auto* dispute = std::get_if<Dispute>(&what)) return WriteDispute(*dispute);
  return Write(kAcceptorName, EncodeAcceptorState(std::get<AcceptorState>(what)));
}

StatusOr<RingFiles::Boots> RingFiles::ReadBoots() {
  Boots boots;
  ASSIGN_OR_RETURN(const auto body, Read(kBootsName));
  if (!body) return boots;
  if (body->size() % 8 != 0 || body->empty()) {
    return DataLoss("{} of {} bytes", kBootsName, body->size());
  }
  Decoder decoder(*body);
  boots.counter = decoder.Fixed<std::uint64_t>();
  while (!decoder.Done()) boots.lives.push_back(decoder.Fixed<std::uint64_t>());
  return boots;
}

Status RingFiles::WriteBoots(const Boots& boots) {
  Bytes body;
  PutFixed(&body, boots.counter);
  for (const std::uint64_t life : boots.lives) PutFixed(&body, life);
  return Write(kBootsName, body);
}

StatusOr<BootId> RingFiles::BeginLife(std::uint64_t id, const BootId& ruled) {
  ASSIGN_OR_RETURN(Boots boots, ReadBoots());
  ++boots.counter;
  boots.lives.push_back(id);
  for (auto oldest = boots.lives.begin(); boots.lives.size() > kMaxLives;) {
    oldest = *oldest == ruled.id ? oldest + 1 : boots.lives.erase(oldest);
  }
  RETURN_IF_ERROR(WriteBoots(boots));
  return BootId{.counter = boots.counter, .id = id};
}

StatusOr<Dispute> RingFiles::ReadDispute() {
  Dispute dispute;
  ASSIGN_OR_RETURN(const auto body, Read(kDisputedName));
  if (!body) return dispute;
  Decoder decoder(*body);
  dispute.other.counter = decoder.Fixed<std::uint64_t>();
  dispute.other.id = decoder.Fixed<std::uint64_t>();
  dispute.open = decoder.Fixed<std::uint8_t>() != 0;
  if (!decoder.Done()) return DataLoss("{} of {} bytes", kDisputedName, body->size());
  return dispute;
}

// The next start is a later one than the other's, should people decide for this directory.
Status RingFiles::WriteDispute(const Dispute& dispute) {
  ASSIGN_OR_RETURN(Boots boots, ReadBoots());
  if (boots.counter < dispute.other.counter) {
    boots.counter = dispute.other.counter;
    RETURN_IF_ERROR(WriteBoots(boots));
  }
  Bytes body;
  PutFixed(&body, dispute.other.counter);
  PutFixed(&body, dispute.other.id);
  PutFixed(&body, std::uint8_t{dispute.open});
  return Write(kDisputedName, body);
}

}  // namespace carillon
