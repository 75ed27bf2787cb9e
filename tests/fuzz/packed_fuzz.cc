// PUT /v1/chunks/KEY of anybody: what is taken is what it says of itself, and every event in it is
// one. Input: a byte that chooses, the key up to a newline, then the value, packed here if the byte
// says so.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/checksum.h"
#include "collector/dialects/event_batch.h"
#include "collector/dialects/json_document.h"
#include "collector/tenant/packed_chunk.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

constexpr std::int64_t kNowMicros = 1'700'000'000'000'000;

void Try(std::string_view key, std::string_view crc, std::string_view value) {
  const Tenant tenant;
  const auto info = CheckSentChunk({.key = key, .crc = crc, .value = value}, tenant, kNowMicros);
  if (!info.ok()) {
    CHECK(info.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  CHECK(ToString(info->key) == key);
  CHECK(info->value_bytes == value.size() && info->value_crc == Crc32c(value));
  const auto lines = DecodeChunkValue(value);
  CHECK(lines.ok() && lines->size() == info->raw_bytes);
  std::size_t events = 0;
  ForEachEvent(*lines, [&](std::string_view line) {
    JsonDocument document;
    CHECK(document.Parse(line).ok() && document.root().IsObject());
    CHECK(document.root().height() <= kMaxEventDepth);
    ++events;
    return true;
  });
  CHECK(events == info->events && events > 0);
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view said = rest.substr(0, rest.find('\n'));
  const std::string_view value = rest.substr(std::min(rest.size(), said.size() + 1));
  const std::string_view key = (data[0] & 2) != 0 ? "1700000000:1:cell0:WEB:app:chunk0" : said;
  const Bytes packed = (data[0] & 1) != 0 ? EncodeChunkValue(value) : Bytes(value);
  const std::string right = fmt::format("{:08x}", Crc32c(packed));
  Try(key, (data[0] & 4) != 0 ? said : (data[0] & 8) != 0 ? std::string_view(right) : "", packed);
  return 0;
}
