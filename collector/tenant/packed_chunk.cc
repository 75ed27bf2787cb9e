#include "collector/tenant/packed_chunk.h"

#include <charconv>
#include <system_error>

#include "base/checksum.h"
#include "collector/dialects/event_batch.h"
#include "collector/dialects/json_document.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

constexpr std::size_t kCrcDigits = 8;
constexpr std::int64_t kMicros = 1'000'000;

Status CheckCrc(std::string_view text, std::uint32_t crc) {
  std::uint32_t said = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), said, 16);
  if (text.size() != kCrcDigits || error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument("a CRC of 8 hexadecimal digits is wanted");
  }
  if (said != crc)
    return InvalidArgument("the value has crc {:08x}, and {:08x} was said", crc, said);
  return OkStatus();
}

Status CheckSecond(Epoch epoch, const Tenant& tenant, std::int64_t received_us) {
  const std::int64_t now = received_us / kMicros;
  const auto second = static_cast<std::int64_t>(epoch.value());
  if (second < now - tenant.max_age_seconds || second > now + tenant.max_ahead_seconds) {
    return InvalidArgument("epoch {}: want {}..{}", second, now - tenant.max_age_seconds,
                           now + tenant.max_ahead_seconds);
  }
  return OkStatus();
}

// How many there are.
StatusOr<std::size_t> CheckEvents(std::string_view lines) {
  JsonDocument document;
  Status wrong;
  const std::size_t events = ForEachEvent(lines, [&](std::string_view line) {
    wrong = document.Parse(line);
    if (wrong.ok() && (!document.root().IsObject() || document.root().height() > kMaxEventDepth)) {
      wrong = InvalidArgument("no object, or nested deeper than {} levels", kMaxEventDepth);
    }
    return wrong.ok();
  });
  if (!wrong.ok()) return InvalidArgument("event {}: {}", events - 1, Message(wrong));
  if (events == 0) return InvalidArgument("a chunk without events");
  return events;
}

}  // namespace

StatusOr<ChunkInfo> CheckSentChunk(const SentChunk& sent, const Tenant& tenant,
                                   std::int64_t received_us) {
  ChunkInfo info;
  ASSIGN_OR_RETURN(info.key, ParseChunkKey(sent.key));
  RETURN_IF_ERROR(CheckSecond(info.key.epoch, tenant, received_us));
  info.value_bytes = static_cast<std::uint32_t>(sent.value.size());
  info.value_crc = Crc32c(sent.value);
  if (!sent.crc.empty()) RETURN_IF_ERROR(CheckCrc(sent.crc, info.value_crc));
  const auto lines = DecodeChunkValue(sent.value);
  if (!lines.ok()) return InvalidArgument("the value: {}", Message(lines.status()));
  ASSIGN_OR_RETURN(info.events, CheckEvents(*lines));
  info.raw_bytes = lines->size();
  return info;
}

}  // namespace carillon
