#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "collector/edge/tls_trust.h"

struct addrinfo;

namespace carillon {

// Where to dial.
struct DialAddress {
  std::string host;  // a name, or an IP without brackets
  std::string port;
  std::shared_ptr<const TlsTrust> trust;  // nullptr: no TLS
};

// A connection that we make ourselves, with TLS or without; calls block, within bounds. After any
// failure it is only good for Close. With TLS SIGPIPE has to be ignored.
//
// Threads: one caller at a time, but for Cancel, which ends its call.
class DialedSocket {
 public:
  DialedSocket() = default;
  ~DialedSocket() { Close(); }
  DialedSocket(const DialedSocket&) = delete;
  DialedSocket& operator=(const DialedSocket&) = delete;

  // Closes what was open. UNAVAILABLE: not reached within `timeout` (names are looked up on top,
  // which Cancel does not end), or it has no certificate that is believed.
  Status Dial(const DialAddress& address, Duration timeout);
  bool open() const { return descriptor_ >= 0; }
  // True: the other end has closed it, or has said something that nobody asked for.
  bool HasNews();
  // UNAVAILABLE: none of it, or of the rest, within `timeout`.
  Status Send(std::string_view bytes, Duration timeout);
  // Appends what comes next. UNAVAILABLE: nothing within `timeout`, or the end.
  Status Receive(std::string* out, Duration timeout);
  void Close();
  // Calls of now and later are UNAVAILABLE, within 0.2 s.
  void Cancel() { cancelled_ = true; }

 private:
  // What one call has done: so many bytes; or what it waits for, POLLIN or POLLOUT.
  struct Tried {
    ssize_t bytes = -1;
    short waits_for = 0;
  };

  template <typename Call>
  StatusOr<std::size_t> Until(Instant deadline, Call call);
  Status Wait(short events, Instant deadline) const;
  Status Connect(const addrinfo& where, Instant deadline);
  Status ShakeHands(const DialAddress& address, Instant deadline);
  Tried Done(ssize_t result, short events) const;
  Status Failure() const;

  int descriptor_ = -1;
  ssl_st* ssl_ = nullptr;
  std::atomic<bool> cancelled_{false};
};

}  // namespace carillon
