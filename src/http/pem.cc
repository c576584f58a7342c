#include "http/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace kro::http {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Pointer = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio Open(const std::string& text);
X509Pointer ReadCertificate(BIO* bio);
// Why the last call failed, in OpenSSL's words; forgets all of them.
std::string Reason();
bool AtTheEnd();

}  // namespace

Result<void> CheckKeyPair(const std::string& certificate_pem, const std::string& key_pem) {
  const Bio certificate_text = Open(certificate_pem);
  const X509Pointer certificate = ReadCertificate(certificate_text.get());
  if (!certificate) return Fail(ErrorCode::kInvalid, "certificate: {}", Reason());
  const Bio key_text = Open(key_pem);
  // A key that wants a password cannot be asked for one here.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const KeyPointer key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_password, nullptr),
                       EVP_PKEY_free);
  if (!key) return Fail(ErrorCode::kInvalid, "key: {}", Reason());
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalid, "the private key is not that of the certificate");
  }
  return {};
}

Result<void> CheckRoots(const std::string& pem) {
  const Bio text = Open(pem);
  bool any = false;
  while (const X509Pointer certificate = ReadCertificate(text.get())) any = true;
  const bool whole = AtTheEnd();
  const std::string reason = Reason();
  if (!any || !whole) return Fail(ErrorCode::kInvalid, "certificates: {}", reason);
  return {};
}

namespace {

Bio Open(const std::string& text) {
  ERR_clear_error();
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

X509Pointer ReadCertificate(BIO* bio) {
  return {PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free};
}

std::string Reason() {
  char text[256];
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string words = reason != nullptr ? reason : text;
  ERR_clear_error();
  return words;
}

// Nothing that looks like PEM is left.
bool AtTheEnd() { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

}  // namespace
}  // namespace kro::http
