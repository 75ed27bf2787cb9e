// Connections of the dialects over TCP: the forward protocol with and without a handshake, syslog,
// RELP. Whatever comes, the events and acknowledgements are the same however the bytes are cut.
// Input: a byte that chooses the dialect, one for the size of the pieces, then the bytes.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
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

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Heard whole = Listen(data[0], bytes, bytes.size() + 1);
  const Heard cut = Listen(data[0], bytes, 1 + data[1] % 64);
  CHECK(whole == cut);
  return 0;
}
