#include "collector/dialects/forward_handshake.h"

#include <sodium.h>

#include "base/check.h"
#include "collector/dialects/msgpack.h"

namespace carillon {

struct ForwardHandshake::Ping {
  std::string_view client_host;
  std::string_view salt;
  std::string_view digest;
  std::string_view user;
  std::string_view password_digest;
};

namespace {

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

Status NotAuthenticated(std::string_view why) {
  return MakeStatus(StatusCode::kUnauthenticated, why);
}

void AppendPong(bool good, std::string_view reason, std::string_view host, std::string_view digest,
                std::string* out) {
  AppendMsgpackArray(5, out);
  AppendMsgpackText("PONG", out);
  AppendMsgpackBool(good, out);
  AppendMsgpackText(reason, out);
  AppendMsgpackText(host, out);
  AppendMsgpackText(digest, out);
}

}  // namespace

std::string Sha512Hex(std::initializer_list<std::string_view> pieces) {
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  for (const std::string_view piece : pieces) {
    crypto_hash_sha512_update(&state, reinterpret_cast<const unsigned char*>(piece.data()),
                              piece.size());
  }
  unsigned char digest[crypto_hash_sha512_BYTES];
  crypto_hash_sha512_final(&state, digest);
  char hex[2 * sizeof digest + 1];
  sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  return hex;
}

ForwardHandshake::ForwardHandshake(ForwardOptions options)
    : options_(std::move(options)), done_(options_.shared_keys.empty()) {
  CHECK(done_ || (options_.nonce.size() == kHandshakeSaltBytes &&
                  options_.user_salt.size() == kHandshakeSaltBytes));
}

std::string ForwardHandshake::Helo() const {
  CHECK(!done_);
  std::string out;
  AppendMsgpackArray(2, &out);
  AppendMsgpackText("HELO", &out);
  AppendMsgpackMap(3, &out);
  AppendMsgpackText("nonce", &out);
  AppendMsgpackBinary(options_.nonce, &out);
  AppendMsgpackText("auth", &out);
  // fluent-logger answers with a user only to a bin.
  AppendMsgpackBinary(options_.users.empty() ? std::string_view() : options_.user_salt, &out);
  AppendMsgpackText("keepalive", &out);
  AppendMsgpackBool(true, &out);
  return out;
}

Status ForwardHandshake::TakePing(std::string_view message, std::string* answer) {
  MsgpackReader reader(message);
  const auto head = reader.Next();
  if (!head || head->type != MsgpackType::kArray || head->number != 6) {
    return InvalidArgument("handshake: want a PING of 6 parts");
  }
  std::string_view parts[6];
  for (std::string_view& part : parts) {
    const auto item = reader.Next();
    if (!item || !item->IsBytes()) return InvalidArgument("handshake: want a PING of texts");
    part = item->bytes;
  }
  if (parts[0] != "PING") return InvalidArgument("handshake: want a PING");
  const Ping ping{.client_host = parts[1],
                  .salt = parts[2],
                  .digest = parts[3],
                  .user = parts[4],
                  .password_digest = parts[5]};
  const StatusOr<std::string_view> shared_key = SharedKeyOf(ping);
  const Status status = shared_key.ok() ? CheckUser(ping) : shared_key.status();
  if (!status.ok()) {
    AppendPong(false, Message(status), "", "", answer);
    return status;
  }
  key_ = options_.users.empty() ? *shared_key : ping.user;
  done_ = true;
  AppendPong(true, "", options_.server_host,
             Sha512Hex({ping.salt, options_.server_host, options_.nonce, *shared_key}), answer);
  return OkStatus();
}

StatusOr<std::string_view> ForwardHandshake::SharedKeyOf(const Ping& ping) const {
  if (ping.client_host == options_.server_host) {
    return NotAuthenticated("same hostname between input and output: invalid configuration");
  }
  for (const std::string& key : options_.shared_keys) {
    if (SameSecret(ping.digest, Sha512Hex({ping.salt, ping.client_host, options_.nonce, key}))) {
      return std::string_view(key);
    }
  }
  return NotAuthenticated("shared_key mismatch");
}

Status ForwardHandshake::CheckUser(const Ping& ping) const {
  if (options_.users.empty()) return OkStatus();
  for (const ForwardUser& user : options_.users) {
    if (user.name == ping.user &&
        SameSecret(ping.password_digest,
                   Sha512Hex({options_.user_salt, user.name, user.password}))) {
      return OkStatus();
    }
  }
  return NotAuthenticated("username/password mismatch");
}

}  // namespace carillon
