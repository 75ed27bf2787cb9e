#include "tests/collector/test_certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/check.h"

namespace carillon {
namespace {

constexpr long kDaySeconds = 86'400;

template <typename Writer>
std::string Text(Writer write) {
  const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(::BIO_new(::BIO_s_mem()), &::BIO_free);
  CHECK(write(memory.get()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

TestCertificate::TestCertificate(const std::string& address) {
  const std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> pair(::EVP_EC_gen("P-256"),
                                                                   &::EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&::X509_free)> x509(::X509_new(), &::X509_free);
  CHECK(pair != nullptr && x509 != nullptr);
  ::X509_set_version(x509.get(), X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(x509.get()), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(x509.get()), -kDaySeconds);
  ::X509_gmtime_adj(::X509_getm_notAfter(x509.get()), kDaySeconds);
  X509_NAME* name = ::X509_get_subject_name(x509.get());
  ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(address.c_str()), -1, -1, 0);
  ::X509_set_issuer_name(x509.get(), name);
  ::X509_set_pubkey(x509.get(), pair.get());
  const std::string names = "IP:" + address;
  X509_EXTENSION* extension =
      ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  CHECK(extension != nullptr);
  ::X509_add_ext(x509.get(), extension, -1);
  ::X509_EXTENSION_free(extension);
  CHECK(::X509_sign(x509.get(), pair.get(), ::EVP_sha256()) > 0);
  certificate = Text([&](BIO* out) { return ::PEM_write_bio_X509(out, x509.get()); });
  key = Text([&](BIO* out) {
    return ::PEM_write_bio_PrivateKey(out, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace carillon
