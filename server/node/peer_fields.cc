#include "server/node/peer_fields.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/checksum.h"
#include "ring/register_codec.h"
#include "server/node/peer_codec.h"

namespace carillon::peer {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kSizeOffset = 4;
constexpr std::size_t kPrefixBytes = 8;
constexpr std::size_t kCrcBytes = 4;
constexpr std::uint8_t kLastCode = static_cast<std::uint8_t>(StatusCode::kUnauthenticated);

}  // namespace

Bytes BeginHead(FrameKind frame, std::size_t kind) {
  Bytes head;
  head.reserve(256);
  head.push_back(static_cast<char>(frame));
  PutFixed(&head, kFormat);
  PutFixed(&head, static_cast<std::uint8_t>(kind));
  PutFixed(&head, std::uint8_t{0});
  PutFixed(&head, std::uint32_t{0});  // its size: EndHead knows it
  return head;
}

Rope EndHead(Bytes head) {
  const std::size_t size = head.size() + kCrcBytes;
  CHECK(size <= std::numeric_limits<std::uint32_t>::max());
  const auto head_bytes = static_cast<std::uint32_t>(size);
  std::memcpy(head.data() + kSizeOffset, &head_bytes, sizeof(head_bytes));
  PutFixed(&head, Crc32c(ByteSpan(head)));
  return Rope(std::move(head));
}

StatusOr<Frame> OpenFrame(FrameKind frame, const Rope& message) {
  if (message.size() < kPrefixBytes + kCrcBytes) {
    return DataLoss("message between nodes of {} bytes", message.size());
  }
  const SharedBytes prefix = Joined(RopeCursor(message).Take(kPrefixBytes));
  const char* const begin = prefix.view().data();
  if (begin[0] != static_cast<char>(frame) || begin[3] != 0) {
    return DataLoss("not a message between nodes");
  }
  if (begin[1] != kFormat) {
    return Unimplemented("message between nodes of format {}, this program knows {}",
                         static_cast<unsigned char>(begin[1]), kFormat);
  }
  const auto head_bytes = LoadFixed<std::uint32_t>(begin + kSizeOffset);
  if (head_bytes < kPrefixBytes + kCrcBytes || head_bytes > message.size() ||
      message.size() > kMaxPeerReplyBytes) {
    return DataLoss("message between nodes of {} bytes, its head of {}", message.size(),
                    head_bytes);
  }
  RopeCursor cursor(message);
  const SharedBytes head = Joined(cursor.Take(head_bytes));
  const ByteSpan covered = head.view().substr(0, head_bytes - kCrcBytes);
  const auto want = LoadFixed<std::uint32_t>(covered.data() + covered.size());
  if (const std::uint32_t crc = Crc32c(covered); crc != want) {
    return DataLoss("head of a message between nodes: crc {:08x}, want {:08x}", crc, want);
  }
  return Frame{.kind = static_cast<std::uint8_t>(covered[2]),
               .fields = head.Slice(kPrefixBytes, covered.size() - kPrefixBytes),
               .values = cursor.Take(message.size() - head_bytes)};
}

Rope RopeCursor::Take(std::size_t size) {
  Rope part;
  while (size > 0) {
    CHECK(piece_ < rope_.pieces().size());
    const SharedBytes& piece = rope_.pieces()[piece_];
    const std::size_t here = std::min(size, piece.size() - offset_);
    part.Append(piece.Slice(offset_, here));
    size -= here;
    offset_ += here;
    if (offset_ == piece.size()) {
      ++piece_;
      offset_ = 0;
    }
  }
  return part;
}

SharedBytes Joined(const Rope& rope) {
  if (rope.pieces().empty()) return {};
  if (rope.pieces().size() == 1) return rope.pieces().front();
  return SharedBytes(rope.Flatten());
}

void PutFlag(Bytes* out, bool flag) {
  out->push_back(flag ? '\1' : '\0');
}

void PutKey(Bytes* out, const ChunkKey& key) {
  PutVarint(out, key.epoch.value());
  PutString(out, key.dc);
  PutString(out, key.cell);
  PutString(out, key.type);
  PutString(out, key.subtype);
  PutVarint(out, key.number);
}

void PutPartition(Bytes* out, PartitionId partition) {
  PutFixed(out, partition.value());
}

void PutPlace(Bytes* out, const StorePlace& place) {
  PutPartition(out, place.partition);
  PutFixed(out, place.ring_position);
}

void PutHash(Bytes* out, const Hash128Value& hash) {
  PutFixed(out, hash.low);
  PutFixed(out, hash.high);
}

void PutStatus(Bytes* out, const Status& status) {
  PutFixed(out, static_cast<std::uint8_t>(status.code()));
  PutString(out, Message(status).substr(0, kMaxPeerStatusBytes));
}

std::uint64_t FieldReader::Number(std::uint64_t most) {
  const std::uint64_t number = ok() ? decoder_.Varint() : 0;
  if (number <= most) return number;
  Refuse("a number above its limit");
  return 0;
}

std::uint8_t FieldReader::Byte(std::uint8_t most) {
  const auto byte = decoder_.Fixed<std::uint8_t>();
  if (byte <= most) return byte;
  Refuse("a byte above its limit");
  return 0;
}

ByteSpan FieldReader::Span(std::size_t most) {
  const ByteSpan text = decoder_.String();
  if (text.size() <= most) return text;
  Refuse("a text above its limit");
  return {};
}

std::string FieldReader::Name() {
  std::string name = Text(kMaxNameBytes);
  if (ok() && !CheckName("name", name).ok()) Refuse("a name");
  return name;
}

std::string FieldReader::NameOrNothing() {
  std::string name = Text(kMaxNameBytes);
  if (ok() && !name.empty() && !CheckName("name", name).ok()) Refuse("a name");
  return name;
}

StorePlace FieldReader::Place() {
  StorePlace place{.partition = Partition()};
  place.ring_position = Fixed<std::uint16_t>();
  return place;
}

ChunkKey FieldReader::Key() {
  ChunkKey key;
  key.epoch = TakeEpoch();
  key.dc = Text(kMaxNameBytes);
  key.cell = Text(kMaxNameBytes);
  key.type = Text(kMaxNameBytes);
  key.subtype = Text(kMaxNameBytes);
  key.number = Number(kMaxChunkNumber);
  if (ok() && !Validate(key).ok()) Refuse("a chunk's key");
  return key;
}

Hash128Value FieldReader::Hash() {
  Hash128Value hash;
  hash.low = decoder_.Fixed<std::uint64_t>();
  hash.high = decoder_.Fixed<std::uint64_t>();
  return hash;
}

SharedState FieldReader::State() {
  const ByteSpan bytes = Span(kMaxStateBytes);
  if (bytes.empty() || !ok()) return {};
  auto state = DecodeClusterState(bytes);
  if (state.ok()) return Share(*std::move(state));
  Refuse("a cluster state");
  return {};
}

Status FieldReader::TakeStatus() {
  const std::uint8_t code = Byte(kLastCode);
  const std::string text = Text(kMaxPeerStatusBytes);
  return MakeStatus(static_cast<StatusCode>(code), text);
}

Status FieldReader::Finish(std::string_view message) const {
  if (wrong_.empty() && decoder_.Done()) return OkStatus();
  if (!wrong_.empty()) return DataLoss("{}: malformed: {}", message, wrong_);
  return DataLoss("{}: malformed: {}", message,
                  decoder_.failed() ? std::string_view("cut short")
                                    : std::string_view("more than belongs to it"));
}

}  // namespace carillon::peer
