// What nodes tell one another, claims among it, and claims as they are stored: refused, or decoded
// to what encodes to the same meaning again. Input: a byte that chooses, one for a kind, then the
// fields; sizes and CRCs around them are right, since nobody guesses those.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/claim.h"
#include "frames/call.h"
#include "frames/frame.h"
#include "ring/register_codec.h"
#include "server/node/peer_codec.h"
#include "server/node/peer_fields.h"
#include "storage/index_codec.h"
#include "storage/segment_format.h"

namespace carillon {
namespace {

bool IsRefusal(const Status& status) {
  return status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kUnimplemented ||
         status.code() == StatusCode::kInvalidArgument;
}

Rope Framed(peer::FrameKind frame, std::uint8_t kind, std::string_view fields) {
  Bytes head = peer::BeginHead(frame, kind);
  head.append(fields);
  return peer::EndHead(std::move(head));
}

void TryRequest(const Rope& bytes) {
  const auto request = DecodePeerRequest(bytes);
  if (!request.ok()) {
    CHECK(IsRefusal(request.status()));
    return;
  }
  CHECK(!KindName(request->message).empty());
  const Rope encoded = EncodePeerRequest(request->sender, request->message);
  const auto again = DecodePeerRequest(encoded);
  CHECK(again.ok());
  CHECK(EncodePeerRequest(again->sender, again->message).Flatten() == Rope(encoded).Flatten());
}

void TryReply(const Rope& bytes) {
  const auto reply = DecodePeerReply(bytes);
  if (!reply.ok()) {
    CHECK(IsRefusal(reply.status()));
    return;
  }
  const Rope encoded = EncodePeerReply(*reply);
  const auto again = DecodePeerReply(encoded);
  CHECK(again.ok());
  CHECK(EncodePeerReply(*again).Flatten() == Rope(encoded).Flatten());
}

void TryClaims(std::string_view bytes) {
  const auto ids = DecodeClaimIds(bytes);
  if (ids.ok()) CHECK(EncodeClaimIds(*ids) == bytes);
  const auto value = DecodeClaimsValue(bytes);
  if (value.ok()) CHECK(*DecodeClaimsValue(EncodeClaimsValue(*value)) == *value);
  const auto entry = DecodeClaimEntry(bytes);
  if (entry.ok()) CHECK(DecodeClaimEntry(EncodeClaimEntry(*entry)).ok());
  const auto message = DecodeRegisterMessage(bytes);
  if (message.ok()) CHECK(DecodeRegisterMessage(EncodeRegisterMessage(*message)).ok());
}

// A stream: any bytes, or a preamble and frames whose bodies are pieces of `bytes`.
Bytes StreamOf(std::uint8_t kind, std::string_view bytes) {
  if (kind % 2 == 0) return Bytes(bytes);
  Bytes stream(FramePreamble());
  for (std::uint64_t id = 1; !bytes.empty(); ++id) {
    const std::string_view body = bytes.substr(0, static_cast<unsigned char>(bytes[0]));
    const FrameHeadBytes head =
        EncodeFrameHead({.kind = static_cast<FrameKind>(1 + id % 4),
                         .id = id,
                         .body_bytes = static_cast<std::uint32_t>(body.size())});
    stream.append(head.data(), head.size());
    stream.append(body);
    bytes.remove_prefix(std::max<std::size_t>(body.size(), 1));
  }
  return stream;
}

std::string Listen(std::string_view stream, std::size_t piece) {
  FrameReader reader(128);
  std::vector<Frame> frames;
  std::string heard;
  while (!stream.empty() && heard != "bad") {
    std::size_t filled = 0;
    for (const FrameReader::Space& space : reader.Prepare()) {
      const std::size_t size = std::min({space.size, stream.size(), piece - filled});
      std::copy_n(stream.data(), size, space.data);
      stream.remove_prefix(size);
      filled += size;
    }
    CHECK(filled > 0);
    if (!reader.Take(filled, &frames).ok()) heard = "bad";
  }
  for (const Frame& frame : frames) {
    CHECK(frame.body.size() <= 128);
    heard.append(frame.body.view()).push_back('\n');
    if (frame.kind == FrameKind::kRefusal) CHECK(!DecodeRefusal(frame.body.view()).ok());
    if (frame.kind == FrameKind::kCall) (void)DecodeCall(frame.body);  // any answer
  }
  return heard;
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] % 6) {
    case 0:
      TryRequest(Framed(peer::FrameKind::kRequest, data[1] % 16, bytes));
      break;
    case 1:
      TryReply(Framed(peer::FrameKind::kReply, data[1] % 16, bytes));
      break;
    case 2:
      TryRequest(Rope(Bytes(bytes)));
      break;
    case 3:
      TryReply(Rope(Bytes(bytes)));
      break;
    case 4:
      TryClaims(bytes);
      break;
    default: {
      const Bytes stream = StreamOf(data[1], bytes);
      CHECK(Listen(stream, stream.size() + 1) == Listen(stream, 1 + data[1] % 32));
    }
  }
  return 0;
}
