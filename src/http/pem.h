// Checks of certificates and keys in PEM, before a connection is made with them.
#pragma once

#include <string>

#include "base/error.h"

namespace kro::http {

// kInvalid unless the texts hold a certificate, first of its chain, and the private key that
// belongs to it. A pair of which one file was replaced and the other not yet is none.
Result<void> CheckKeyPair(const std::string& certificate_pem, const std::string& key_pem);

// kInvalid unless there is at least one certificate, and every one can be read.
Result<void> CheckRoots(const std::string& pem);

}  // namespace kro::http
