#include "apiserver/certificate_authority.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <utility>

namespace kro::apiserver {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

constexpr std::chrono::seconds kYear = std::chrono::hours(24 * 365);
constexpr long kClockSkew = 300;

std::unexpected<Error> Failed(std::string_view what) {
  return Fail(ErrorCode::kInternal, "OpenSSL cannot {}", what);
}

Bio Reading(const std::string& pem);
std::string TextOf(BIO& bio);
std::string PemOf(X509& certificate);
std::string PemOf(EVP_PKEY& key);
bool Name(X509_NAME& name, const char* kind, const std::string& value);
bool Extend(X509& certificate, X509& issuer, int kind, const std::string& value);
// With a serial number, a span of validity and a key; nullptr if memory or chance are short.
Certificate Blank(EVP_PKEY& key, std::chrono::seconds life);

}  // namespace

struct CertificateAuthority::Impl {
  IssuedCertificate own;
  Certificate certificate;
  Key key;

  // Signs what has its subject and its own extensions.
  Result<std::string> Finish(X509& leaf, const char* usage) const;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::~CertificateAuthority() = default;

const IssuedCertificate& CertificateAuthority::own() const { return impl_->own; }

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::Create() {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_EC_gen("P-256"));
  if (impl->key == nullptr) return Failed("make a key");
  impl->certificate = Blank(*impl->key, 10 * kYear);
  X509* own = impl->certificate.get();
  if (own == nullptr || !Name(*X509_get_subject_name(own), "CN", "kro-dev") ||
      X509_set_issuer_name(own, X509_get_subject_name(own)) == 0 ||
      !Extend(*own, *own, NID_basic_constraints, "critical,CA:TRUE") ||
      !Extend(*own, *own, NID_key_usage, "critical,keyCertSign,digitalSignature") ||
      !Extend(*own, *own, NID_subject_key_identifier, "hash") ||
      X509_sign(own, impl->key.get(), EVP_sha256()) == 0) {
    return Failed("make an authority");
  }
  impl->own = {PemOf(*own), PemOf(*impl->key)};
  return std::unique_ptr<CertificateAuthority>(new CertificateAuthority(std::move(impl)));
}

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::Read(
    const IssuedCertificate& own) {
  auto impl = std::make_unique<Impl>();
  impl->own = own;
  impl->certificate.reset(
      PEM_read_bio_X509(Reading(own.certificate_pem).get(), nullptr, nullptr, nullptr));
  impl->key.reset(PEM_read_bio_PrivateKey(Reading(own.key_pem).get(), nullptr, nullptr, nullptr));
  if (impl->certificate == nullptr || impl->key == nullptr ||
      X509_check_private_key(impl->certificate.get(), impl->key.get()) != 1) {
    return Fail(ErrorCode::kInvalid, "no certificate with its key");
  }
  return std::unique_ptr<CertificateAuthority>(new CertificateAuthority(std::move(impl)));
}

Result<IssuedCertificate> CertificateAuthority::IssueServer(const std::string& names) const {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate leaf = key == nullptr ? nullptr : Blank(*key, kYear);
  if (leaf == nullptr || !Name(*X509_get_subject_name(leaf.get()), "CN", "kube-apiserver") ||
      !Extend(*leaf, *impl_->certificate, NID_subject_alt_name, names)) {
    return Failed("make a certificate for a server");
  }
  auto pem = impl_->Finish(*leaf, "serverAuth");
  if (!pem) return std::unexpected(std::move(pem.error()));
  return IssuedCertificate{*std::move(pem), PemOf(*key)};
}

Result<IssuedCertificate> CertificateAuthority::IssueClient(const User& user) const {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate leaf = key == nullptr ? nullptr : Blank(*key, kYear);
  bool made = leaf != nullptr && Name(*X509_get_subject_name(leaf.get()), "CN", user.name);
  for (const std::string& group : user.groups) {
    // Everybody who shows a certificate is in this one.
    if (group == "system:authenticated") continue;
    made = made && Name(*X509_get_subject_name(leaf.get()), "O", group);
  }
  if (!made) return Failed("make a certificate for a client");
  auto pem = impl_->Finish(*leaf, "clientAuth");
  if (!pem) return std::unexpected(std::move(pem.error()));
  return IssuedCertificate{*std::move(pem), PemOf(*key)};
}

Result<std::string> CertificateAuthority::Impl::Finish(X509& leaf, const char* usage) const {
  if (X509_set_issuer_name(&leaf, X509_get_subject_name(certificate.get())) == 0 ||
      !Extend(leaf, *certificate, NID_basic_constraints, "critical,CA:FALSE") ||
      !Extend(leaf, *certificate, NID_key_usage, "critical,digitalSignature,keyEncipherment") ||
      !Extend(leaf, *certificate, NID_ext_key_usage, usage) ||
      !Extend(leaf, *certificate, NID_authority_key_identifier, "keyid") ||
      X509_sign(&leaf, key.get(), EVP_sha256()) == 0) {
    return Failed("sign a certificate");
  }
  return PemOf(leaf);
}

namespace {

Bio Reading(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string TextOf(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string PemOf(X509& certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), &certificate);
  return TextOf(*bio);
}

std::string PemOf(EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(*bio);
}

bool Name(X509_NAME& name, const char* kind, const std::string& value) {
  return X509_NAME_add_entry_by_txt(&name, kind, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool Extend(X509& certificate, X509& issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

Certificate Blank(EVP_PKEY& key, std::chrono::seconds life) {
  Certificate certificate(X509_new());
  std::uint64_t serial = 0;
  if (certificate == nullptr ||
      RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) != 1 ||
      X509_set_version(certificate.get(), 2) == 0 ||
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1) == 0 ||
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kClockSkew) == nullptr ||
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), static_cast<long>(life.count())) ==
          nullptr ||
      X509_set_pubkey(certificate.get(), &key) == 0) {
    return nullptr;
  }
  return certificate;
}

}  // namespace
}  // namespace kro::apiserver
