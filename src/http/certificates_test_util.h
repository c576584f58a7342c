// Certificates for tests: an authority that exists for a minute.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>
#include <string>

namespace kro::http {

struct Certificate {
  std::string certificate_pem;
  std::string key_pem;
};

class Authority {
 public:
  Authority() : key_(NewKey()), certificate_(NewCertificate(key_.get(), "test roots", 1)) {
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    AddExtension(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    pem = ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate_.get()); });
  }

  // For `names` as in a subjectAltName extension: "IP:127.0.0.1,DNS:api". The subject is `name`.
  Certificate Issue(const std::string& names, const char* name = "server") const {
    auto leaf_key = NewKey();
    auto leaf = NewCertificate(leaf_key.get(), name, 2);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(certificate_.get()));
    AddExtension(leaf.get(), certificate_.get(), NID_subject_alt_name, names);
    X509_sign(leaf.get(), key_.get(), EVP_sha256());
    return {ToPem([&](BIO* bio) { PEM_write_bio_X509(bio, leaf.get()); }), ToPem([&](BIO* bio) {
              PEM_write_bio_PrivateKey(bio, leaf_key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
  }

  std::string pem;

 private:
  static std::string ToPem(const std::function<void(BIO*)>& write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
  }
  static std::shared_ptr<EVP_PKEY> NewKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }
  static void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static std::shared_ptr<X509> NewCertificate(EVP_PKEY* key, const char* name, long serial) {
    std::shared_ptr<X509> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    return certificate;
  }

  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
};

}  // namespace kro::http
