// ApplySet: what an instance says about itself, so that its children are found again: finalizer,
// labels and the inventory of its apply set (instance spec section 3).
//
// All of it is written in one server-side apply, as kro.run/applyset-parent. Upstream writes the
// finalizer and its labels as kro.run/labeller; whichever of the two operators comes next finds
// values that it owns or takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/identity.h"
#include "base/error.h"
#include "controller/instance_controller.h"
#include "json/value.h"
#include "runtime/outcome.h"

namespace kro::controller {

// The labels and annotations in metadata; members that are no strings are left out.
api::Labels LabelsOf(const json::Value& object);
api::Labels AnnotationsOf(const json::Value& object);
bool HasFinalizer(const json::Value& object);

// Of an instance.
api::ApplySetParent ParentOf(const InstanceApi& api, const json::Value& instance);

class ApplySet {
 public:
  // `instance` is the live object. kInvalid if what it remembers cannot be read, or, while it has no
  // finalizer, is not whole: then hidden members may exist, and nothing may be written.
  static Result<ApplySet> Open(const InstanceApi& api, const json::Value& instance,
                               std::string_view version);

  // What the inventory names.
  const runtime::ApplySetContent& remembered() const { return remembered_; }

  // Finalizer, labels or what marks the inventory as ours are missing or of another version.
  bool NeedsMarks() const { return needs_marks_; }

  // Whether the inventory names everything in `content`.
  bool Covers(const runtime::ApplySetContent& content) const;

  // The object to apply, so that the inventory names exactly `content`. Carries the UID: an instance
  // that was deleted does not come back.
  json::Value Write(const runtime::ApplySetContent& content) const;

 private:
  api::Gvk gvk_;
  api::ApplySetParent parent_;
  std::string uid_;
  api::Labels labels_;  // wanted, without the inventory's
  std::string tooling_;
  runtime::ApplySetContent remembered_;
  bool needs_marks_ = false;
};

// Everything that either names.
runtime::ApplySetContent Union(runtime::ApplySetContent a, const runtime::ApplySetContent& b);

}  // namespace kro::controller
