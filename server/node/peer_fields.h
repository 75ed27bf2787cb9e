#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/coding.h"
#include "base/status.h"
#include "server/node/peer_messages.h"

// What the two halves of peer_codec.h have in common: the frame around a head, and the fields that
// requests and replies are made of. Pure.
namespace carillon::peer {

enum class FrameKind : char { kRequest = 'Q', kReply = 'R' };

// A head to which fields are to be appended.
Bytes BeginHead(FrameKind frame, std::size_t kind);
// Closes it, with its size and CRC.
Rope EndHead(Bytes head);

struct Frame {
  std::uint8_t kind = 0;
  SharedBytes fields;
  Rope values;
};
// DATA_LOSS, UNIMPLEMENTED: as peer_codec.h says of a whole message.
StatusOr<Frame> OpenFrame(FrameKind frame, const Rope& message);

// Takes a rope apart from the front; the parts share its pieces.
class RopeCursor {
 public:
  explicit RopeCursor(const Rope& rope) : rope_(rope) {}
  // Requires: so many bytes are left.
  Rope Take(std::size_t size);

 private:
  const Rope& rope_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;  // in that piece
};
// Its bytes in one piece: copied only if they are in several.
SharedBytes Joined(const Rope& rope);

void PutFlag(Bytes* out, bool flag);
void PutKey(Bytes* out, const ChunkKey& key);
void PutPartition(Bytes* out, PartitionId partition);
void PutPlace(Bytes* out, const StorePlace& place);
void PutHash(Bytes* out, const Hash128Value& hash);
void PutStatus(Bytes* out, const Status& status);

// Reads fields in order. The first that is wrong is remembered; from then on every read returns
// zero or nothing.
class FieldReader {
 public:
  explicit FieldReader(ByteSpan bytes) : decoder_(bytes) {}

  std::uint64_t Number(std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
  std::uint32_t Number32() {
    return static_cast<std::uint32_t>(Number(std::numeric_limits<std::uint32_t>::max()));
  }
  std::uint8_t Byte(std::uint8_t most);
  bool Flag() { return Byte(1) == 1; }
  template <typename T>
  T Fixed() {
    return decoder_.Fixed<T>();
  }
  Uuid TakeUuid() { return carillon::TakeUuid(&decoder_); }
  ByteSpan Span(std::size_t most);  // a part of what is read
  std::string Text(std::size_t most) { return std::string(Span(most)); }
  std::string Name();           // CheckName
  std::string NameOrNothing();  // may be empty
  Epoch TakeEpoch() { return Epoch(Number(kMaxEpoch)); }
  PartitionId Partition() { return PartitionId(Fixed<std::uint16_t>()); }
  StorePlace Place();
  ChunkKey Key();
  Hash128Value Hash();
  SharedState State();  // null: none
  Status TakeStatus();

  // A count, and then so many of what `take` returns. The vector grows with what is really there.
  template <typename Take>
  auto List(std::size_t most, Take take) {
    std::vector<decltype(take())> list;
    for (std::uint64_t left = Number(most); left > 0 && ok(); --left) list.push_back(take());
    return list;
  }

  bool ok() const { return wrong_.empty() && !decoder_.failed(); }
  // `what` is a literal that names the field.
  void Refuse(std::string_view what) {
    if (wrong_.empty()) wrong_ = what;
  }
  // DATA_LOSS: something was wrong, or something is left.
  Status Finish(std::string_view message) const;

 private:
  Decoder decoder_;
  std::string_view wrong_;  // empty: nothing so far
};

}  // namespace carillon::peer
