#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace carillon {

struct ForwardUser {
  std::string name;
  std::string password;
};

struct ForwardOptions {
  // Any of them is good; which one it was is the client's key. Empty: no handshake, no key.
  std::vector<std::string> shared_keys;
  // Empty: no user and password asked for. Else the key is the user's name.
  std::vector<ForwardUser> users;
  // How the server calls itself; must not be a client's name.
  std::string server_host = "carillon";
  // Chance, kHandshakeSaltBytes each, new for every connection.
  std::string nonce;
  std::string user_salt;
};
inline constexpr std::size_t kHandshakeSaltBytes = 16;

// HELO, PING, PONG of the forward protocol: the client shows that it knows a shared key, and a
// user's password, and the server that it knows the shared key; SHA-512 over salts.
//
// Pure. One caller at a time.
class ForwardHandshake {
 public:
  // Requires: with keys, salts of kHandshakeSaltBytes.
  explicit ForwardHandshake(ForwardOptions options);

  bool done() const { return done_; }
  // Empty: not done, or none asked for.
  std::string_view key() const { return key_; }
  // What the server says first. Requires: !done().
  std::string Helo() const;
  // Takes the client's PING, appends the PONG to `answer` in every case.
  // UNAUTHENTICATED: it says what was not right. INVALID_ARGUMENT: no PING.
  Status TakePing(std::string_view message, std::string* answer);

 private:
  struct Ping;
  StatusOr<std::string_view> SharedKeyOf(const Ping& ping) const;
  Status CheckUser(const Ping& ping) const;

  ForwardOptions options_;
  std::string key_;
  bool done_ = false;
};

// Lower-case hexadecimal SHA-512 of the pieces, one behind the other.
std::string Sha512Hex(std::initializer_list<std::string_view> pieces);

}  // namespace carillon
