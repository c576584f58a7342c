// Authorizer: what Kubernetes' rules ask about the rights of whoever makes a request.
//
//   environment.AddVariable("authorizer", AuthorizerType());
//   program->Evaluate(context, {{"authorizer", AuthorizerValue(context, authorizer)}});
//
//   authorizer.group('apps').resource('deployments').namespace('prod').check('create').allowed()
#pragma once

#include <string>
#include <string_view>

#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

// What one `check` asks. Texts live as long as the call.
struct AccessQuestion {
  std::string_view path;  // of a request that is about no resource; empty: it is about one
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::string_view namespace_;
  std::string_view name;
  std::string_view field_selector;
  std::string_view label_selector;
  std::string_view verb;
  // Who is asked about; empty: who makes the request.
  std::string_view account_namespace;
  std::string_view account_name;
};

struct AccessAnswer {
  bool allowed = false;
  std::string reason;
  std::string error;  // why there is no answer; empty: there is one
};

// Answers. Asked from whatever thread evaluates.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual AccessAnswer Ask(const AccessQuestion& question) const = 0;
};

Type AuthorizerType();

// `authorizer` outlives the evaluation.
Value AuthorizerValue(Context& context, const Authorizer& authorizer);

}  // namespace kro::cel
