#include "collector/dialects/msgpack.h"

#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/coding.h"
#include "collector/dialects/event_batch.h"
#include "collector/dialects/form.h"
#include "collector/dialects/json_text.h"
#include "collector/dialects/time_values.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

constexpr std::uint8_t kNeverUsed = 0xc1;
constexpr std::int8_t kEventTime = 0;
constexpr std::int8_t kTimestamp = -1;

// A number from here on is in milliseconds: fluent-logger's option of that name sends such ones.
constexpr std::int64_t kFirstMilliseconds = 100'000'000'000;

struct Seconds {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};

std::optional<Seconds> SecondsOf(const MsgpackItem& item) {
  Decoder decoder(item.bytes);
  if (item.extension != kEventTime && item.extension != kTimestamp) return std::nullopt;
  if (item.bytes.size() == 4 && item.extension == kTimestamp) {
    return Seconds{.seconds = decoder.Ordered<std::uint32_t>()};
  }
  if (item.bytes.size() == 8 && item.extension == kTimestamp) {
    const auto both = decoder.Ordered<std::uint64_t>();
    return Seconds{.seconds = static_cast<std::int64_t>(both & 0x3ffffffff),
                   .nanoseconds = static_cast<std::uint32_t>(both >> 34)};
  }
  if (item.bytes.size() == 8) {
    const auto seconds = decoder.Ordered<std::uint32_t>();
    return Seconds{.seconds = seconds, .nanoseconds = decoder.Ordered<std::uint32_t>()};
  }
  if (item.bytes.size() == 12 && item.extension == kTimestamp) {
    const auto nanoseconds = decoder.Ordered<std::uint32_t>();
    return Seconds{.seconds = static_cast<std::int64_t>(decoder.Ordered<std::uint64_t>()),
                   .nanoseconds = nanoseconds};
  }
  return std::nullopt;
}

void AppendExtension(const MsgpackItem& item, std::string* out) {
  const auto time = SecondsOf(item);
  if (time && time->nanoseconds < 1'000'000'000) {
    fmt::format_to(std::back_inserter(*out), "{}.{:09}", time->seconds, time->nanoseconds);
  } else {
    AppendJsonText(EncodeBase64(item.bytes), out);
  }
}

void AppendNumber(const MsgpackItem& item, std::string* out) {
  const fmt::format_int digits = item.type == MsgpackType::kNegative
                                     ? fmt::format_int(static_cast<std::int64_t>(item.number))
                                     : fmt::format_int(item.number);
  out->append(digits.data(), digits.size());
}

void AppendScalar(const MsgpackItem& item, std::string* out) {
  switch (item.type) {
    case MsgpackType::kNil:
      out->append("null");
      break;
    case MsgpackType::kBool:
      out->append(item.number != 0 ? "true" : "false");
      break;
    case MsgpackType::kUnsigned:
    case MsgpackType::kNegative:
      AppendNumber(item, out);
      break;
    case MsgpackType::kFloat:
      AppendJsonNumber(static_cast<float>(item.real), out);
      break;
    case MsgpackType::kDouble:
      AppendJsonNumber(item.real, out);
      break;
    case MsgpackType::kText:
      AppendJsonText(item.bytes, out);
      break;
    case MsgpackType::kBinary:
      AppendJsonText(EncodeBase64(item.bytes), out);
      break;
    case MsgpackType::kExtension:
      AppendExtension(item, out);
      break;
    case MsgpackType::kArray:
    case MsgpackType::kMap:
      break;
  }
}

Status Malformed() {
  return InvalidArgument("malformed msgpack");
}

Status CheckSize(const std::string& json) {
  if (json.size() <= kMaxEventBytes) return OkStatus();
  return OutOfRange("more than {} bytes", kMaxEventBytes);
}

// Of a length or a count.
constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();

struct CountHeads {
  std::uint8_t fixed;  // up to 15
  std::uint8_t of_16;
  std::uint8_t of_32;
};

void AppendCount(std::size_t count, const CountHeads& heads, std::string* out) {
  CHECK(count <= kMost);
  if (count < 16) {
    out->push_back(static_cast<char>(heads.fixed | count));
  } else if (count <= 0xffff) {
    out->push_back(static_cast<char>(heads.of_16));
    PutOrdered(out, static_cast<std::uint16_t>(count));
  } else {
    out->push_back(static_cast<char>(heads.of_32));
    PutOrdered(out, static_cast<std::uint32_t>(count));
  }
}

Status TooDeep() {
  return OutOfRange("nested deeper than {} levels", kMaxEventDepth);
}

}  // namespace

std::optional<std::uint64_t> MsgpackReader::Fixed(std::size_t size) {
  if (bytes_.size() - at_ < size) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes_[at_ + i]);
  }
  at_ += size;
  return value;
}

std::optional<MsgpackItem> MsgpackReader::Sized(MsgpackType type, std::size_t length_bytes) {
  const auto size = Fixed(length_bytes);
  if (!size || *size > bytes_.size() - at_) return std::nullopt;
  const MsgpackItem item{.type = type, .bytes = bytes_.substr(at_, *size)};
  at_ += *size;
  return item;
}

std::optional<MsgpackItem> MsgpackReader::Counted(MsgpackType type, std::size_t length_bytes) {
  const auto count = Fixed(length_bytes);
  if (!count) return std::nullopt;
  return MsgpackItem{.type = type, .number = *count};
}

std::optional<MsgpackItem> MsgpackReader::Extension(std::optional<std::uint64_t> size) {
  if (!size || bytes_.size() - at_ < 1 || *size > bytes_.size() - at_ - 1) return std::nullopt;
  const MsgpackItem item{.type = MsgpackType::kExtension,
                         .extension = static_cast<std::int8_t>(bytes_[at_]),
                         .bytes = bytes_.substr(at_ + 1, *size)};
  at_ += 1 + *size;
  return item;
}

std::optional<MsgpackItem> MsgpackReader::Next() {
  if (at_ >= bytes_.size()) return std::nullopt;
  const auto head = static_cast<std::uint8_t>(bytes_[at_++]);
  if (head < 0x80) return MsgpackItem{.type = MsgpackType::kUnsigned, .number = head};
  if (head < 0x90) return MsgpackItem{.type = MsgpackType::kMap, .number = head & 0x0fu};
  if (head < 0xa0) return MsgpackItem{.type = MsgpackType::kArray, .number = head & 0x0fu};
  if (head < 0xc0) {
    --at_;
    const std::size_t size = head & 0x1fu;
    if (size + 1 > bytes_.size() - at_) return std::nullopt;
    const MsgpackItem item{.type = MsgpackType::kText, .bytes = bytes_.substr(at_ + 1, size)};
    at_ += size + 1;
    return item;
  }
  if (head >= 0xe0) {
    return MsgpackItem{
        .type = MsgpackType::kNegative,
        .number = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(head)})};
  }
  return Scalar(head);
}

// Heads 0xc0 to 0xdf, by the table of the specification.
std::optional<MsgpackItem> MsgpackReader::Scalar(std::uint8_t head) {
  const auto power = [](unsigned shift) { return std::size_t{1} << shift; };
  if (head == kNeverUsed) return std::nullopt;
  if (head == 0xc0) return MsgpackItem{};
  if (head <= 0xc3) return MsgpackItem{.type = MsgpackType::kBool, .number = head & 1u};
  if (head <= 0xc6) return Sized(MsgpackType::kBinary, power(head - 0xc4u));
  if (head <= 0xc9) return Extension(Fixed(power(head - 0xc7u)));
  if (head <= 0xcb) {
    const auto bits = Fixed(power(head - 0xcau + 2));
    if (!bits) return std::nullopt;
    if (head == 0xcb)
      return MsgpackItem{.type = MsgpackType::kDouble, .real = std::bit_cast<double>(*bits)};
    return MsgpackItem{.type = MsgpackType::kFloat,
                       .real = std::bit_cast<float>(static_cast<std::uint32_t>(*bits))};
  }
  if (head <= 0xcf) return Counted(MsgpackType::kUnsigned, power(head - 0xccu));
  if (head <= 0xd3) {
    const std::size_t size = power(head - 0xd0u);
    const auto bits = Fixed(size);
    if (!bits) return std::nullopt;
    const auto shift = static_cast<int>(64 - 8 * size);
    const std::int64_t value = static_cast<std::int64_t>(*bits << shift) >> shift;
    return MsgpackItem{.type = value < 0 ? MsgpackType::kNegative : MsgpackType::kUnsigned,
                       .number = static_cast<std::uint64_t>(value)};
  }
  if (head <= 0xd8) return Extension(power(head - 0xd4u));
  if (head <= 0xdb) return Sized(MsgpackType::kText, power(head - 0xd9u));
  if (head <= 0xdd) return Counted(MsgpackType::kArray, power(head - 0xdcu + 1));
  return Counted(MsgpackType::kMap, power(head - 0xdeu + 1));
}

bool MsgpackReader::Skip() {
  for (std::uint64_t pending = 1; pending > 0; --pending) {
    const auto item = Next();
    if (!item) return false;
    if (item->type == MsgpackType::kArray) pending += item->number;
    if (item->type == MsgpackType::kMap) pending += 2 * item->number;
  }
  return true;
}

Status MsgpackReader::AppendJson(std::size_t level, std::string* out) {
  const auto item = Next();
  if (!item) return Malformed();
  if (item->type == MsgpackType::kMap) return AppendMap(item->number, level, out);
  if (item->type != MsgpackType::kArray) {
    AppendScalar(*item, out);
    return OkStatus();
  }
  if (level > kMaxEventDepth) return TooDeep();
  out->push_back('[');
  for (std::uint64_t i = 0; i < item->number; ++i) {
    if (i > 0) out->push_back(',');
    RETURN_IF_ERROR(AppendJson(level + 1, out));
    RETURN_IF_ERROR(CheckSize(*out));
  }
  out->push_back(']');
  return OkStatus();
}

Status MsgpackReader::AppendMap(std::uint64_t pairs, std::size_t level, std::string* out) {
  if (level > kMaxEventDepth) return TooDeep();
  out->push_back('{');
  for (std::uint64_t i = 0; i < pairs; ++i) {
    if (i > 0) out->push_back(',');
    RETURN_IF_ERROR(AppendName(out));
    out->push_back(':');
    RETURN_IF_ERROR(AppendJson(level + 1, out));
    RETURN_IF_ERROR(CheckSize(*out));
  }
  out->push_back('}');
  return OkStatus();
}

Status MsgpackReader::AppendName(std::string* out) {
  const auto item = Next();
  if (!item) return Malformed();
  if (item->type == MsgpackType::kText) {
    AppendJsonText(item->bytes, out);
    return OkStatus();
  }
  if (item->type == MsgpackType::kArray || item->type == MsgpackType::kMap) {
    return OutOfRange("a name that is an array or a map");
  }
  std::string name;
  AppendScalar(*item, &name);
  if (name.starts_with('"')) {
    out->append(name);
  } else {
    AppendJsonText(name, out);
  }
  return OkStatus();
}

std::optional<std::int64_t> MsgpackTime(const MsgpackItem& item) {
  std::int64_t time = 0;
  if (item.type == MsgpackType::kExtension) {
    const auto seconds = SecondsOf(item);
    if (!seconds || __builtin_mul_overflow(seconds->seconds, kSecondUs, &time) ||
        __builtin_add_overflow(time, seconds->nanoseconds / 1000, &time)) {
      return std::nullopt;
    }
    return time;
  }
  if (item.type == MsgpackType::kUnsigned || item.type == MsgpackType::kNegative) {
    const auto value = static_cast<std::int64_t>(item.number);
    if (item.type == MsgpackType::kUnsigned && value < 0) return std::nullopt;
    const std::int64_t unit = value < kFirstMilliseconds ? kSecondUs : kSecondUs / 1000;
    if (__builtin_mul_overflow(value, unit, &time)) return std::nullopt;
    return time;
  }
  if (item.type != MsgpackType::kFloat && item.type != MsgpackType::kDouble) return std::nullopt;
  if (!(std::abs(item.real) < 9e12)) return std::nullopt;
  const bool seconds = item.real < static_cast<double>(kFirstMilliseconds);
  return std::llround(item.real * static_cast<double>(seconds ? kSecondUs : kSecondUs / 1000));
}

void MsgpackFramer::Reset() {
  at_ = 0;
  pending_ = 1;
}

StatusOr<std::optional<std::size_t>> MsgpackFramer::Find(std::string_view buffer) {
  // The longest head: 0xc9, four bytes of length, a type.
  constexpr std::size_t kMaxHeadBytes = 6;
  while (pending_ > 0) {
    if (at_ + pending_ > max_bytes_) {
      return OutOfRange("a message of more than {} bytes", max_bytes_);
    }
    if (at_ >= buffer.size()) return std::nullopt;
    const auto head = static_cast<std::uint8_t>(buffer[at_]);
    if (head == kNeverUsed) return InvalidArgument("malformed msgpack: 0xc1 at byte {}", at_);
    MsgpackReader reader(buffer);
    reader.Seek(at_);
    const auto item = reader.Next();
    if (!item) {
      // Not all there. Known to be too large already?
      if (buffer.size() - at_ < kMaxHeadBytes) return std::nullopt;
      const std::size_t length_bytes = head >= 0xc4 && head <= 0xc6   ? head - 0xc4u
                                       : head >= 0xc7 && head <= 0xc9 ? head - 0xc7u
                                       : head >= 0xd9 && head <= 0xdb ? head - 0xd9u
                                                                      : 0u;
      MsgpackReader length(buffer);
      length.Seek(at_ + 1);
      const auto size = length.Fixed(std::size_t{1} << length_bytes);
      if (size && length_bytes > 0 && at_ + *size > max_bytes_) {
        return OutOfRange("a message of more than {} bytes", max_bytes_);
      }
      return std::nullopt;
    }
    at_ = reader.at();
    --pending_;
    if (item->type == MsgpackType::kArray) pending_ += item->number;
    if (item->type == MsgpackType::kMap) pending_ += 2 * item->number;
  }
  if (at_ > max_bytes_) return OutOfRange("a message of more than {} bytes", max_bytes_);
  return at_;
}

void AppendMsgpackText(std::string_view text, std::string* out) {
  if (text.size() < 32) {
    out->push_back(static_cast<char>(0xa0 | text.size()));
  } else if (text.size() < 256) {
    out->push_back(static_cast<char>(0xd9));
    out->push_back(static_cast<char>(text.size()));
  } else {
    out->push_back(static_cast<char>(0xdb));
    PutOrdered(out, static_cast<std::uint32_t>(text.size()));
  }
  out->append(text);
}

void AppendMsgpackBinary(std::string_view bytes, std::string* out) {
  if (bytes.size() < 256) {
    out->push_back(static_cast<char>(0xc4));
    out->push_back(static_cast<char>(bytes.size()));
  } else {
    CHECK(bytes.size() <= kMost);
    out->push_back(static_cast<char>(0xc6));
    PutOrdered(out, static_cast<std::uint32_t>(bytes.size()));
  }
  out->append(bytes);
}

void AppendMsgpackBool(bool value, std::string* out) {
  out->push_back(static_cast<char>(value ? 0xc3 : 0xc2));
}

void AppendMsgpackArray(std::size_t items, std::string* out) {
  AppendCount(items, {.fixed = 0x90, .of_16 = 0xdc, .of_32 = 0xdd}, out);
}

void AppendMsgpackMap(std::size_t pairs, std::string* out) {
  AppendCount(pairs, {.fixed = 0x80, .of_16 = 0xde, .of_32 = 0xdf}, out);
}

}  // namespace carillon
