// AppliedFields: whether the last apply of a child still stands (design: "Knowing that nothing
// changed").
//
// If somebody changes a field that was applied, the server takes it out of our entry in
// managedFields. So the entry is compared with the fields of the desired object. Some objects never
// compare equal, as where the server prunes a field that it does not know; of those the entry that
// the answer to the apply had is remembered, so that the question is decided once per process.
//
// stringData of a Secret is owned under that name, while what others change is data: of Secrets that
// have it, the values themselves are compared.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "api/gvk.h"
#include "json/value.h"

namespace kro::controller {

// The kind whose stringData becomes data.
bool IsSecret(const api::Gvk& gvk);

class AppliedFields {
 public:
  // `live` was found to carry the hash of `desired`. Whether nobody took a field since.
  bool Stand(const json::Value& live, const json::Value& desired, const std::string& hash) const;

  // `answer` is what the server made of an apply of `desired`.
  void Remember(const json::Value& answer, const json::Value& desired, const std::string& hash);

  // The object with this UID is gone.
  void Forget(const std::string& uid) { inexact_.erase(uid); }

 private:
  struct Inexact {
    std::string hash;
    std::uint64_t fields = 0;
  };

  std::unordered_map<std::string, Inexact> inexact_;  // by UID
};

}  // namespace kro::controller
