#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX
struct ssl_st;      // and SSL

namespace carillon {

// A certificate and its key, for TLS 1.2 and 1.3 of a server. Never changes. Threads: any.
class TlsContext {
 public:
  // PEM files; `certificate` with its chain behind it.
  // INVALID_ARGUMENT: they cannot be read, or do not belong together.
  static StatusOr<std::shared_ptr<const TlsContext>> Load(const std::string& certificate,
                                                          const std::string& key);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Of a connection that was accepted. nullptr: no memory. SSL_free when done.
  ssl_st* Accept(int descriptor) const;

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* const context_;
};

// The files of a TlsContext, read again when they change: connections from then on have the new
// certificate. Threads: any.
class TlsFiles {
 public:
  // INVALID_ARGUMENT: as TlsContext::Load.
  static StatusOr<std::unique_ptr<TlsFiles>> Open(std::string certificate, std::string key);

  std::shared_ptr<const TlsContext> Current() const;
  // Whether they were read again. After an error all stays as it was.
  StatusOr<bool> ReloadIfChanged();

 private:
  TlsFiles(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  // Of both files: their times of change and sizes.
  std::string StampNow() const;

  const std::string certificate_;
  const std::string key_;
  mutable std::mutex mutex_;
  std::string stamp_;
  std::shared_ptr<const TlsContext> current_;
};

}  // namespace carillon
