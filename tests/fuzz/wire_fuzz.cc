// Messages from any peer, cut into pieces anywhere: decoded to the same whatever the cuts, and what
// was decoded encodes to a message of the same meaning.
#include "proto/wire.h"

#include <cstddef>
#include <cstdint>

#include "base/check.h"

namespace carillon {
namespace {

// `bytes` in pieces of `piece` bytes.
Rope Cut(std::string_view bytes, std::size_t piece) {
  Rope rope;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    rope.Append(SharedBytes(Bytes(bytes.substr(at, piece))));
  }
  return rope;
}

template <typename Message>
void Try(StatusOr<Message> (*decode)(const Rope&), std::string_view bytes, std::size_t piece) {
  const auto whole = decode(Cut(bytes, bytes.size() + 1));
  const auto cut = decode(Cut(bytes, piece));
  CHECK(whole.ok() == cut.ok());
  if (!whole.ok()) {
    CHECK(whole.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  const Bytes encoded = wire::Encode(*whole).Flatten();
  CHECK(encoded == wire::Encode(*cut).Flatten());
  const auto again = decode(Rope(encoded));
  CHECK(again.ok());
  CHECK(wire::Encode(*again).Flatten() == encoded);
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Try(&wire::DecodePutChunkRequest, bytes, piece);
  Try(&wire::DecodeGetChunksResponse, bytes, piece);
  Try(&wire::DecodeReadRangeResponse, bytes, piece);
  return 0;
}
