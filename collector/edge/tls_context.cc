#include "collector/edge/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>

namespace carillon {
namespace {

std::string LastError() {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  ::ERR_clear_error();
  return text.data();
}

}  // namespace

StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Load(const std::string& certificate,
                                                             const std::string& key) {
  ::ERR_clear_error();
  SSL_CTX* context = ::SSL_CTX_new(::TLS_server_method());
  if (context == nullptr) return Unavailable("TLS: {}", LastError());
  std::shared_ptr<const TlsContext> loaded(new TlsContext(context));
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (::SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return InvalidArgument("certificate {}: {}", certificate, LastError());
  }
  if (::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(context) != 1) {
    return InvalidArgument("key {} of certificate {}: {}", key, certificate, LastError());
  }
  return loaded;
}

TlsContext::~TlsContext() {
  ::SSL_CTX_free(context_);
}

ssl_st* TlsContext::Accept(int descriptor) const {
  SSL* ssl = ::SSL_new(context_);
  if (ssl == nullptr) return nullptr;
  ::SSL_set_fd(ssl, descriptor);
  ::SSL_set_accept_state(ssl);
  return ssl;
}

StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(std::string certificate, std::string key) {
  auto files = std::unique_ptr<TlsFiles>(new TlsFiles(std::move(certificate), std::move(key)));
  RETURN_IF_ERROR(files->ReloadIfChanged().status());
  return files;
}

std::shared_ptr<const TlsContext> TlsFiles::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string TlsFiles::StampNow() const {
  std::string stamp;
  for (const std::string& path : {certificate_, key_}) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) found = {};
    stamp += fmt::format("{}.{} {} {} ", found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_size,
                         found.st_ino);
  }
  return stamp;
}

StatusOr<bool> TlsFiles::ReloadIfChanged() {
  const std::lock_guard lock(mutex_);
  std::string stamp = StampNow();
  if (stamp == stamp_) return false;
  stamp_ = std::move(stamp);  // what is wrong is said once
  ASSIGN_OR_RETURN(current_, TlsContext::Load(certificate_, key_));
  return true;
}

}  // namespace carillon
