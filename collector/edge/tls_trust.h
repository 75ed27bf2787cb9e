#pragma once

#include <memory>
#include <string>

#include "base/status.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // and SSL

namespace carillon {

// Whose certificates are believed, for TLS 1.2 and 1.3 of connections that we make ourselves. Never
// changes. Threads: any.
class TlsTrust {
 public:
  // `ca_file`: PEM; empty: the system's. INVALID_ARGUMENT: it cannot be read.
  static StatusOr<std::shared_ptr<const TlsTrust>> Load(const std::string& ca_file);
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;

  // Of a connection to `host`, a name or an IP, for which the server's certificate has to be.
  // nullptr: no memory. SSL_free when done.
  ssl_st* Connect(int descriptor, const std::string& host) const;

 private:
  explicit TlsTrust(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* const context_;
};

}  // namespace carillon
