#include "collector/tail/tail_state.h"

#include <charconv>
#include <system_error>

#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr std::string_view kMagic = "CRLNTAIL";
constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kIdPrefix = "tail-";
constexpr std::size_t kSaltDigits = 16;
constexpr std::size_t kCrcDigits = 8;

void PutFile(const TailFile& file, Bytes* out) {
  PutVarint(out, file.number);
  PutString(out, file.tail);
  PutString(out, file.path);
  PutVarint(out, file.identity.device);
  PutVarint(out, file.identity.inode);
  PutFixed(out, static_cast<std::uint64_t>(file.identity.born_ns));
  PutVarint(out, file.offset);
  PutFixed(out, static_cast<std::uint8_t>(file.in_cut_line));
  PutString(out, file.head);
  PutFixed(out, file.before);
}

TailFile TakeFile(Decoder* decoder) {
  TailFile file;
  file.number = decoder->Varint();
  file.tail = decoder->String();
  file.path = decoder->String();
  file.identity.device = decoder->Varint();
  file.identity.inode = decoder->Varint();
  file.identity.born_ns = static_cast<std::int64_t>(decoder->Fixed<std::uint64_t>());
  file.offset = decoder->Varint();
  file.in_cut_line = decoder->Fixed<std::uint8_t>() != 0;
  file.head = decoder->String();
  file.before = decoder->Fixed<std::uint32_t>();
  return file;
}

bool TakeNumber(std::string_view* text, std::uint64_t* number) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return true;
}

template <typename Number>
bool TakeHex(std::string_view* text, std::size_t digits, Number* number) {
  if (text->size() < digits) return false;
  const auto [end, error] = std::from_chars(text->data(), text->data() + digits, *number, 16);
  if (error != std::errc() || end != text->data() + digits) return false;
  text->remove_prefix(digits);
  return true;
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

Bytes EncodeTailState(const TailState& state) {
  Bytes bytes(kMagic);
  PutFixed(&bytes, kVersion);
  PutFixed(&bytes, state.salt);
  PutVarint(&bytes, state.next_number);
  PutVarint(&bytes, state.started.size());
  for (const std::string& tail : state.started) PutString(&bytes, tail);
  PutVarint(&bytes, state.files.size());
  for (const auto& [number, file] : state.files) PutFile(file, &bytes);
  PutFixed(&bytes, Crc32c(bytes));
  return bytes;
}

StatusOr<TailState> DecodeTailState(ByteSpan bytes) {
  constexpr std::size_t kCrcBytes = 4;
  if (bytes.size() < kMagic.size() + 1 + kCrcBytes || !bytes.starts_with(kMagic)) {
    return DataLoss("positions of files: {} bytes, and no '{}' at their start", bytes.size(),
                    kMagic);
  }
  const ByteSpan body = bytes.substr(0, bytes.size() - kCrcBytes);
  const auto crc = LoadFixed<std::uint32_t>(bytes.data() + body.size());
  if (crc != Crc32c(body)) {
    return DataLoss("positions of files: crc {:08x}, want {:08x}", crc, Crc32c(body));
  }
  Decoder decoder(body.substr(kMagic.size()));
  const auto version = decoder.Fixed<std::uint8_t>();
  if (version != kVersion) return Unimplemented("positions of files: version {}", version);
  TailState state;
  state.salt = decoder.Fixed<std::uint64_t>();
  state.next_number = decoder.Varint();
  const std::uint64_t started = decoder.Varint();
  for (std::uint64_t i = 0; i < started && !decoder.failed(); ++i) {
    state.started.emplace(decoder.String());
  }
  const std::uint64_t files = decoder.Varint();
  for (std::uint64_t i = 0; i < files && !decoder.failed(); ++i) {
    TailFile file = TakeFile(&decoder);
    state.files[file.number] = std::move(file);
  }
  if (!decoder.Done()) return DataLoss("positions of files: not whole");
  return state;
}

std::string TailEventId(std::uint64_t salt, const TailPlace& place) {
  return fmt::format("{}{:016x}-{}-{}-{:08x}{}", kIdPrefix, salt, place.number, place.end,
                     place.before, place.cut ? "+" : "");
}

std::optional<TailPlace> ParseTailEventId(std::uint64_t salt, std::string_view id) {
  TailPlace place;
  std::uint64_t found = 0;
  if (!TakePrefix(&id, kIdPrefix) || !TakeHex(&id, kSaltDigits, &found)) return std::nullopt;
  if (found != salt) return std::nullopt;
  if (!TakePrefix(&id, "-") || !TakeNumber(&id, &place.number)) return std::nullopt;
  if (!TakePrefix(&id, "-") || !TakeNumber(&id, &place.end)) return std::nullopt;
  if (!TakePrefix(&id, "-") || !TakeHex(&id, kCrcDigits, &place.before)) return std::nullopt;
  place.cut = TakePrefix(&id, "+");
  return id.empty() ? std::optional(place) : std::nullopt;
}

void Believe(std::string_view id, TailState* state) {
  const std::optional<TailPlace> place = ParseTailEventId(state->salt, id);
  if (!place.has_value()) return;
  const auto found = state->files.find(place->number);
  if (found == state->files.end() || found->second.offset >= place->end) return;
  found->second.offset = place->end;
  found->second.in_cut_line = place->cut;
  found->second.before = place->before;
}

}  // namespace carillon
