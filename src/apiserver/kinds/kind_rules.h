// KindRules: what the server does for one kind beyond what it does for all: defaults, what a write may
// change, what is valid (spec kube-server sections 3.1, 9.1, 9.2).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/names.h"
#include "apiserver/internal/resource.h"
#include "json/value.h"

namespace kro::apiserver {

class AddressTransaction;
struct Core;
struct User;

// When metadata.generation grows.
enum class GenerationRule {
  kNone,                // it has none
  kSpec,                // spec changed
  kSpecAsWritten,       // the same, and each time an empty list is written out
  kSpecAndAnnotations,  // spec or metadata.annotations changed
  kAllAndLabels,        // all beside the metadata, and labels
  kAllButMetadata,      // anything outside metadata changed
  kAllButStatus,        // anything outside metadata and status changed
};

enum class Endpoint { kMain, kStatus, kOther };

// What a write does to what.
struct WriteContext {
  Core& core;
  const Resource& resource;
  const json::Value* old;  // nullptr: it is created
  Endpoint endpoint = Endpoint::kMain;
  bool dry_run = false;
  std::vector<std::string>* warnings = nullptr;  // where warnings go, if anywhere
  const User* user = nullptr;                    // who writes; nullptr: the server itself
  // Where lists and maps without anything in them stood: "spec.ingress". The object has them no more.
  std::span<const std::string> emptied = {};
};

struct KindRules {
  Complaints (*check_name)(std::string_view) = CheckDns1123Subdomain;
  GenerationRule generation = GenerationRule::kNone;
  bool unconditional_update = true;  // resourceVersion may be left out
  bool create_on_update = false;
  bool deletion_answers_object = false;  // else a Status
  bool orphans_by_default = false;
  bool keeps_collector_finalizers = true;  // Events have none
  bool has_status = false;                 // the main endpoint does not write it
  bool status_keeps_labels = false;        // the status endpoint does not write labels

  // Fills in what is missing. Also of what is read: nothing may depend on time or chance.
  void (*set_defaults)(json::Object& object) = nullptr;
  // Gives it what there is only once, before all that follows. A refusal is the answer.
  Answer<void> (*allocate)(const WriteContext& context, AddressTransaction& transaction,
                           json::Object& object) = nullptr;
  // Sets what the server decides: labels, states.
  void (*prepare)(const WriteContext& context, json::Object& object) = nullptr;
  void (*validate)(const WriteContext& context, const json::Value& object,
                   FieldErrors& errors) = nullptr;
  // Of one that is gone.
  void (*after_delete)(Core& core, const json::Value& object) = nullptr;
};

// Those of `resource`'s kind; custom resources have their own.
const KindRules& RulesOf(const Resource& resource);

}  // namespace kro::apiserver
