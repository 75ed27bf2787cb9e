// Connections of the dialects over TCP: the forward protocol with and without a handshake, syslog,
// RELP. Whatever comes, the events and acknowledgements are the same however the bytes are cut;
// what came as events can be sent on by forward, and arrives; and what a server says is understood
// or not. Input: a byte that chooses the dialect, one for the size of the pieces, then the bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "collector/dialects/forward_sender.h"
#include "collector/dialects/forward_session.h"
#include "collector/dialects/json_document.h"
#include "collector/dialects/relp_session.h"
#include "collector/dialects/syslog_session.h"

namespace carillon {
namespace {

std::unique_ptr<StreamSession> MakeSession(unsigned kind) {
  switch (kind % 4) {
    case 0:
      return std::make_unique<ForwardSession>(ForwardOptions{});
    case 1:
      return std::make_unique<ForwardSession>(
          ForwardOptions{.shared_keys = {"k"},
                         .users = {{.name = "u", .password = "p"}},
                         .nonce = std::string(kHandshakeSaltBytes, 'n'),
                         .user_salt = std::string(kHandshakeSaltBytes, 's')});
    case 2:
      return std::make_unique<SyslogSession>();
    default:
      return std::make_unique<RelpSession>();
  }
}

struct Heard {
  std::string events;
  std::string lines;  // those that are none of the rejected, as JSON
  std::string said;
  bool good = true;
  friend bool operator==(const Heard&, const Heard&) = default;
};

void Take(const StreamEffect& effect, Heard* heard) {
  if (const auto* send = std::get_if<SendBytes>(&effect); send != nullptr) {
    heard->said += send->bytes;
    return;
  }
  const StoreEvents& store = std::get<StoreEvents>(effect);
  heard->said += store.acknowledgement;
  CHECK(store.events.size() <= kMaxEventsInRequest);
  for (std::size_t i = 0; i < store.events.size(); ++i) {
    if (store.events.rejection(i) != nullptr) {
      heard->events += store.events.rejection(i)->code == StatusCode::kOk ? "?" : "-\n";
      continue;
    }
    const EventFields event = store.events.event(i);
    JsonDocument document;
    CHECK(document.Parse(event.json).ok());
    CHECK(document.root().IsObject() && document.root().height() <= kMaxEventDepth);
    CHECK(event.json.find('\n') == std::string_view::npos);
    heard->lines.append(event.json).push_back('\n');
    heard->events.append(event.stream).append(event.id).append(event.json).push_back('\n');
  }
}

Heard Listen(unsigned kind, std::string_view bytes, std::size_t piece) {
  const std::unique_ptr<StreamSession> session = MakeSession(kind);
  Heard heard;
  std::vector<StreamEffect> effects;
  session->Begin(&effects);
  for (std::size_t at = 0; at < bytes.size() && heard.good; at += piece) {
    const Status status = session->Feed(bytes.substr(at, piece), &effects);
    heard.good = status.ok();
    CHECK(status.ok() || !Message(status).empty());
  }
  if (heard.good) session->End(&effects);
  for (const StreamEffect& effect : effects) Take(effect, &heard);
  return heard;
}

// The events as they are after they were sent by forward, a line each.
std::string SendOn(const std::string& lines, bool gzip) {
  ForwardWriter writer({.id = "c", .tag = "t", .second = 1, .gzip = gzip}, lines);
  ForwardSession session{ForwardOptions{}};
  std::string arrived;
  while (true) {
    const auto message = writer.Next();
    CHECK(message.ok());
    if (!message->has_value()) return arrived;
    std::vector<StreamEffect> effects;
    CHECK(session.Feed((*message)->bytes, &effects).ok());
    for (const StreamEffect& effect : effects) {
      const StoreEvents& store = std::get<StoreEvents>(effect);
      for (std::size_t i = 0; i < store.events.size(); ++i) {
        CHECK(store.events.rejection(i) == nullptr);
        arrived.append(store.events.event(i).json).push_back('\n');
      }
      if (store.acknowledgement.empty()) continue;
      CHECK(CheckForwardAck(store.acknowledgement, (*message)->id).ok());
    }
  }
}

// Numbers that no double holds change once, and then no more.
void CheckSendOn(const Heard& heard, bool gzip) {
  const std::string once = SendOn(heard.lines, gzip);
  CHECK(std::count(once.begin(), once.end(), '\n') ==
        std::count(heard.lines.begin(), heard.lines.end(), '\n'));
  CHECK(SendOn(once, !gzip) == once);
}

void HearServer(std::string_view said) {
  const ForwardLogin login{.shared_key = "k", .host = "h", .salt = "s"};
  std::string nonce;
  const auto ping = AnswerHelo(said, login, &nonce);
  CHECK(ping.ok() || !Message(ping.status()).empty());
  CHECK(!CheckPong(said, login, "n").ok());  // it would have to know the key
  (void)CheckForwardAck(said, "c");
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Heard whole = Listen(data[0], bytes, bytes.size() + 1);
  const Heard cut = Listen(data[0], bytes, 1 + data[1] % 64);
  CHECK(whole == cut);
  CheckSendOn(whole, data[1] % 2 == 0);
  HearServer(bytes);
  return 0;
}
