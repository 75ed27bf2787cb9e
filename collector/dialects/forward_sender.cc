#include "collector/dialects/forward_sender.h"

#include <algorithm>
#include <array>
#include <utility>

#include "collector/dialects/forward_handshake.h"
#include "collector/dialects/gzip_members.h"
#include "collector/dialects/msgpack.h"
#include "collector/dialects/msgpack_json.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxShownBytes = 200;
// What packs better than this goes unpacked: a receiver might take it for a bomb (kMaxGzipRatio).
constexpr std::size_t kGzipRatio = kMaxGzipRatio / 2;
constexpr std::string_view kNoTag = "events";

constexpr std::string_view kBucketPlace = "{bucket}";
constexpr std::string_view kTypePlace = "{type}";
constexpr std::string_view kSubtypePlace = "{subtype}";

Status NotAuthenticated(std::string_view why) {
  return MakeStatus(StatusCode::kUnauthenticated, fmt::format("forward: {}", why));
}

bool IsTagLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// The head of an array whose first item is `name`; false: it is none.
bool BeginsWith(std::string_view name, std::size_t items, MsgpackReader* reader) {
  const auto head = reader->Next();
  if (!head || head->type != MsgpackType::kArray || head->number < items) return false;
  const auto first = reader->Next();
  return first && first->IsBytes() && first->bytes == name;
}

// Microseconds since the chunk's second began, as far as the event says so.
std::int64_t MicrosIn(std::uint64_t second, JsonValue timestamp) {
  constexpr TimeUnit kUnits[] = {TimeUnit::kSeconds, TimeUnit::kMilliseconds,
                                 TimeUnit::kMicroseconds, TimeUnit::kNanoseconds};
  if (!timestamp.exists()) return 0;
  for (const TimeUnit unit : kUnits) {
    const auto time_us = TimeOf(timestamp, unit);
    if (!time_us || *time_us < 0) continue;
    if (static_cast<std::uint64_t>(*time_us / kSecondUs) == second) return *time_us % kSecondUs;
  }
  return 0;
}

}  // namespace

Status CheckForwardTag(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMaxForwardTagBytes) {
    return InvalidArgument("want 1..{} characters", kMaxForwardTagBytes);
  }
  while (!pattern.empty()) {
    std::size_t known = IsTagLetter(pattern.front()) ? 1 : 0;
    for (const std::string_view place : {kBucketPlace, kTypePlace, kSubtypePlace}) {
      if (pattern.starts_with(place)) known = place.size();
    }
    if (known == 0) {
      return InvalidArgument("'{}': want {{bucket}}, {{type}}, {{subtype}}, and [A-Za-z0-9_.-]",
                             pattern);
    }
    pattern.remove_prefix(known);
  }
  return OkStatus();
}

std::string ForwardTag(std::string_view pattern, const ForwardNames& names) {
  const std::array<std::pair<std::string_view, std::string_view>, 3> places = {
      {{kBucketPlace, names.bucket}, {kTypePlace, names.type}, {kSubtypePlace, names.subtype}}};
  std::string tag;
  while (!pattern.empty()) {
    const auto place = std::find_if(places.begin(), places.end(), [&](const auto& one) {
      return pattern.starts_with(one.first);
    });
    tag += place == places.end() ? pattern.substr(0, 1) : place->second;
    pattern.remove_prefix(place == places.end() ? 1 : place->first.size());
  }
  while (tag.ends_with('.')) tag.pop_back();
  return tag.empty() ? std::string(kNoTag) : tag;
}

Status ForwardWriter::AppendEntry(std::string_view line) {
  RETURN_IF_ERROR(document_.Parse(line));
  const JsonValue event = document_.root();
  if (!event.IsObject()) return InvalidArgument("no object");
  const std::int64_t micros = MicrosIn(chunk_.second, event["timestamp"]);
  AppendMsgpackArray(2, &entries_);
  AppendMsgpackEventTime(chunk_.second, static_cast<std::uint32_t>(micros * 1000), &entries_);
  AppendMsgpackOf(event, &entries_);
  return OkStatus();
}

StatusOr<std::optional<ForwardMessage>> ForwardWriter::Next() {
  entries_.clear();
  std::size_t events = 0;
  while (!rest_.empty() && entries_.size() < kForwardEntriesBytes) {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.empty()) continue;
    if (const Status status = AppendEntry(line); !status.ok()) {
      return InvalidArgument("message {}, event {}: {}", messages_, events, Message(status));
    }
    ++events;
  }
  if (events == 0) return std::nullopt;
  ForwardMessage message{.id = fmt::format("{}.{}", chunk_.id, messages_++)};
  message.bytes = Wrap(message.id, events);
  return message;
}

std::string ForwardWriter::Wrap(std::string_view id, std::size_t events) const {
  std::string packed = chunk_.gzip ? GzipMember(entries_) : std::string();
  if (packed.size() < entries_.size() / kGzipRatio) packed.clear();
  const bool gzip = !packed.empty();
  const std::string_view entries = gzip ? packed : entries_;
  std::string message;
  message.reserve(entries.size() + chunk_.tag.size() + id.size() + 64);
  AppendMsgpackArray(3, &message);
  AppendMsgpackText(chunk_.tag, &message);
  AppendMsgpackBinary(entries, &message);
  AppendMsgpackMap(gzip ? 3 : 2, &message);
  AppendMsgpackText("chunk", &message);
  AppendMsgpackText(id, &message);
  AppendMsgpackText("size", &message);
  AppendMsgpackUnsigned(events, &message);
  if (gzip) {
    AppendMsgpackText("compressed", &message);
    AppendMsgpackText("gzip", &message);
  }
  return message;
}

Status CheckForwardAck(std::string_view answer, std::string_view id) {
  MsgpackReader helo(answer);
  if (BeginsWith("HELO", 2, &helo)) return NotAuthenticated("the server asks for a shared key");
  MsgpackReader reader(answer);
  const auto head = reader.Next();
  if (!head || head->type != MsgpackType::kMap) return InvalidArgument("forward: want an ack");
  for (std::uint64_t i = 0; i < head->number; ++i) {
    const auto name = reader.Next();
    if (!name || !name->IsBytes()) break;
    if (name->bytes == "ack") {
      const auto value = reader.Next();
      if (value && value->IsBytes() && value->bytes == id) return OkStatus();
      return InvalidArgument("forward: an ack of another chunk");
    }
    if (!reader.Skip()) break;
  }
  return InvalidArgument("forward: want an ack");
}

StatusOr<std::string> AnswerHelo(std::string_view helo, const ForwardLogin& login,
                                 std::string* nonce) {
  MsgpackReader reader(helo);
  if (!BeginsWith("HELO", 2, &reader)) return InvalidArgument("forward: want a HELO");
  const auto options = reader.Next();
  if (!options || options->type != MsgpackType::kMap) {
    return InvalidArgument("forward: a HELO without options");
  }
  bool wants_user = false;
  for (std::uint64_t i = 0; i < options->number; ++i) {
    const auto name = reader.Next();
    const std::size_t value_at = reader.at();
    if (!name || !name->IsBytes() || !reader.Skip()) return InvalidArgument("forward: a bad HELO");
    const std::size_t after = reader.at();
    reader.Seek(value_at);
    const auto value = reader.Next();
    reader.Seek(after);
    if (!value || !value->IsBytes()) continue;
    if (name->bytes == "nonce") *nonce = value->bytes;
    if (name->bytes == "auth") wants_user = !value->bytes.empty();
  }
  if (wants_user) return NotAuthenticated("the server asks for a user, and we have none");
  std::string ping;
  AppendMsgpackArray(6, &ping);
  AppendMsgpackText("PING", &ping);
  AppendMsgpackText(login.host, &ping);
  AppendMsgpackBinary(login.salt, &ping);
  AppendMsgpackText(Sha512Hex({login.salt, login.host, *nonce, login.shared_key}), &ping);
  AppendMsgpackText("", &ping);
  AppendMsgpackText("", &ping);
  return ping;
}

Status CheckPong(std::string_view pong, const ForwardLogin& login, std::string_view nonce) {
  MsgpackReader reader(pong);
  if (!BeginsWith("PONG", 5, &reader)) return InvalidArgument("forward: want a PONG");
  const auto good = reader.Next();
  const auto reason = reader.Next();
  const auto host = reader.Next();
  const auto digest = reader.Next();
  if (!good || !reason || !host || !digest || !host->IsBytes() || !digest->IsBytes()) {
    return InvalidArgument("forward: a bad PONG");
  }
  if (good->type != MsgpackType::kBool || good->number == 0) {
    const std::string_view why = reason->IsBytes() ? reason->bytes : std::string_view();
    return NotAuthenticated(fmt::format("refused: {}", why.substr(0, kMaxShownBytes)));
  }
  if (digest->bytes != Sha512Hex({login.salt, host->bytes, nonce, login.shared_key})) {
    return NotAuthenticated("the server does not know the key");
  }
  return OkStatus();
}

}  // namespace carillon
