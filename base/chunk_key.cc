#include "base/chunk_key.h"

#include <array>
#include <charconv>

namespace carillon {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// What came from outside, cut and made printable for an error message.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, kMaxNameBytes)) {
    quoted += c >= 0x20 && c < 0x7f ? c : '?';
  }
  quoted += text.size() > kMaxNameBytes ? "...'" : "'";
  return quoted;
}

Status CheckCharacters(std::string_view field, std::string_view name) {
  if (name.size() > kMaxNameBytes) {
    return InvalidArgument("{} of {} characters, at most {}", field, name.size(), kMaxNameBytes);
  }
  for (const char c : name) {
    if (!IsNameCharacter(c)) {
      return InvalidArgument("{} {}: only letters, digits, '_', '.', and '-' are allowed", field,
                             Quoted(name));
    }
  }
  return OkStatus();
}

}  // namespace

Status CheckName(std::string_view field, std::string_view name) {
  if (name.empty()) return InvalidArgument("{} is empty", field);
  return CheckCharacters(field, name);
}

Status CheckSubtype(std::string_view name) {
  return CheckCharacters("subtype", name);
}

Status Validate(const ChunkKey& key) {
  if (key.epoch.value() > kMaxEpoch) {
    return InvalidArgument("epoch {} is above {}", key.epoch, kMaxEpoch);
  }
  RETURN_IF_ERROR(CheckName("dc", key.dc));
  RETURN_IF_ERROR(CheckName("cell", key.cell));
  RETURN_IF_ERROR(CheckName("type", key.type));
  RETURN_IF_ERROR(CheckSubtype(key.subtype));
  if (key.number > kMaxChunkNumber) {
    return InvalidArgument("chunk number {} is above {}", key.number, kMaxChunkNumber);
  }
  return OkStatus();
}

std::string ToString(const ChunkKey& key) {
  return fmt::format("{}:{}:{}:{}:{}:chunk{}", key.epoch, key.dc, key.cell, key.type, key.subtype,
                     key.number);
}

StatusOr<std::uint64_t> ParseDecimal(std::string_view field, std::string_view text,
                                     std::uint64_t max) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range || (error == std::errc() && value > max)) {
    return InvalidArgument("{} {} is above {}", field, Quoted(text), max);
  }
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || stop != end || leading_zero) {
    return InvalidArgument("{} {} is not a decimal number", field, Quoted(text));
  }
  return value;
}

StatusOr<ChunkKey> ParseChunkKey(std::string_view text) {
  if (text.size() > kMaxChunkKeyBytes) {
    return InvalidArgument("key of {} bytes, at most {}", text.size(), kMaxChunkKeyBytes);
  }
  std::array<std::string_view, 6> fields;
  std::size_t count = 0;
  for (std::string_view rest = text;; ++count) {
    const std::size_t colon = rest.find(':');
    if (count < fields.size()) fields[count] = rest.substr(0, colon);
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (++count != fields.size()) {
    return InvalidArgument("key {} has {} fields, want epoch:dc:cell:type:subtype:chunkN",
                           Quoted(text), count);
  }
  constexpr std::string_view kPrefix = "chunk";
  if (fields[5].substr(0, kPrefix.size()) != kPrefix) {
    return InvalidArgument("chunk {} does not begin with 'chunk'", Quoted(fields[5]));
  }
  const auto epoch = ParseDecimal("epoch", fields[0], kMaxEpoch);
  if (!epoch.ok()) {
    const bool long_number = fields[0].size() > 12 && fields[0].size() < 20;
    return long_number ? InvalidArgument("{}: it looks like milliseconds or finer, want seconds",
                                         Message(epoch.status()))
                       : epoch.status();
  }
  ASSIGN_OR_RETURN(const std::uint64_t number,
                   ParseDecimal("chunk number", fields[5].substr(kPrefix.size()), kMaxChunkNumber));
  ChunkKey key{.epoch = Epoch(*epoch),
               .dc = std::string(fields[1]),
               .cell = std::string(fields[2]),
               .type = std::string(fields[3]),
               .subtype = std::string(fields[4]),
               .number = number};
  RETURN_IF_ERROR(Validate(key));
  return key;
}

std::string ManifestKey(Epoch epoch, std::string_view dc) {
  return fmt::format("{}-{}", epoch, dc);
}

}  // namespace carillon
