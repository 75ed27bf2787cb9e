#include "collector/edge/tls_trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace carillon {

StatusOr<std::shared_ptr<const TlsTrust>> TlsTrust::Load(const std::string& ca_file) {
  ::ERR_clear_error();
  SSL_CTX* context = ::SSL_CTX_new(::TLS_client_method());
  if (context == nullptr) return Unavailable("TLS: no memory");
  std::shared_ptr<const TlsTrust> trust(new TlsTrust(context));
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int loaded = ca_file.empty()
                         ? ::SSL_CTX_set_default_verify_paths(context)
                         : ::SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr);
  ::ERR_clear_error();
  if (loaded != 1) return InvalidArgument("ca_file {}: no certificates in PEM", ca_file);
  return trust;
}

TlsTrust::~TlsTrust() {
  ::SSL_CTX_free(context_);
}

ssl_st* TlsTrust::Connect(int descriptor, const std::string& host) const {
  SSL* ssl = ::SSL_new(context_);
  if (ssl == nullptr) return nullptr;
  // An address stands in the certificate as one, and is no name for the server to choose by.
  const bool is_address = ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), host.c_str()) == 1;
  const bool named = is_address || (::SSL_set1_host(ssl, host.c_str()) == 1 &&
                                    ::SSL_set_tlsext_host_name(ssl, host.c_str()) == 1);
  if (!named || ::SSL_set_fd(ssl, descriptor) != 1) {
    ::SSL_free(ssl);
    return nullptr;
  }
  ::SSL_set_connect_state(ssl);
  return ssl;
}

}  // namespace carillon
