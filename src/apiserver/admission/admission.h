// Admission: what validating admission policies and their bindings say of a write (spec kube-server
// section 10.3).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/identity.h"
#include "apiserver/internal/resource.h"
#include "json/value.h"

namespace kro::apiserver {

struct Core;

// A write that is about to happen.
struct AdmissionRequest {
  std::string_view operation;  // CREATE, UPDATE, DELETE
  const Resource& resource;
  std::string_view subresource = {};
  std::string_view name_space = {};
  std::string_view name = {};               // empty: one of a collection
  const json::Value* object = nullptr;      // nullptr: it is deleted
  const json::Value* old_object = nullptr;  // nullptr: it is created
  const User* user = nullptr;               // nullptr: the server itself
  bool dry_run = false;
};

class Admission {
 public:
  // `core` outlives it, and its store is there already.
  explicit Admission(Core& core);
  ~Admission();

  // The refusal of the first policy that refuses. What policies only warn of goes to `warnings`.
  Answer<void> Check(const AdmissionRequest& request, std::vector<std::string>& warnings) const;

 private:
  struct State;

  const State& state() const;

  Core& core_;
  mutable std::unique_ptr<const State> state_;  // nullptr: to be read again
};

}  // namespace kro::apiserver
