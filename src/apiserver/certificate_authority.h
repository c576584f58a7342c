// CertificateAuthority: issues the certificates of a server and of its clients, as a cluster's own does.
//
//   auto authority = CertificateAuthority::Create();
//   auto server = (*authority)->IssueServer("IP:127.0.0.1,DNS:localhost");
//   auto admin = (*authority)->IssueClient(ClusterAdmin());
#pragma once

#include <memory>
#include <string>

#include "apiserver/identity.h"
#include "base/error.h"

namespace kro::apiserver {

struct IssuedCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

class CertificateAuthority {
 public:
  // Valid for ten years.
  static Result<std::unique_ptr<CertificateAuthority>> Create();
  // One that was created before; kInvalid if certificate and key are none, or not of each other.
  static Result<std::unique_ptr<CertificateAuthority>> Read(const IssuedCertificate& own);
  ~CertificateAuthority();

  const IssuedCertificate& own() const;

  // `names` as in a subjectAltName: "IP:127.0.0.1,DNS:localhost". Valid for a year, as those of clients.
  Result<IssuedCertificate> IssueServer(const std::string& names) const;
  Result<IssuedCertificate> IssueClient(const User& user) const;

 private:
  struct Impl;
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::apiserver
