#include "apiserver/admission/authorizer_library.h"

#include <optional>

namespace kro::apiserver {
namespace {

using Args = std::span<const cel::Value>;

// Somebody, and what is asked about so far.
struct CheckValue : cel::OpaqueBase {
  const Authorizer* authorizer;
  const User* user;
  // Another service account than the user; its names are in the arena.
  std::string_view account_namespace;
  std::string_view account_name;
  AccessAttributes attributes;
};

struct DecisionValue : cel::OpaqueBase {
  bool allowed;
  std::string_view reason;
};

constexpr cel::OpaqueType kAuthorizer{.name = "kubernetes.authorization.Authorizer"};
constexpr cel::OpaqueType kPathCheck{.name = "kubernetes.authorization.PathCheck"};
constexpr cel::OpaqueType kGroupCheck{.name = "kubernetes.authorization.GroupCheck"};
constexpr cel::OpaqueType kResourceCheck{.name = "kubernetes.authorization.ResourceCheck"};
constexpr cel::OpaqueType kDecision{.name = "kubernetes.authorization.Decision"};

template <std::string_view AccessAttributes::* kPart, const cel::OpaqueType& kResult>
cel::Value With(cel::Context& context, Args args) {
  CheckValue next = args[0].As<CheckValue>();
  next.type = &kResult;
  next.attributes.*kPart = args[1].AsString();
  return cel::Value::Abstract(context.arena().New<CheckValue>(next));
}

cel::Value ServiceAccount(cel::Context& context, Args args) {
  CheckValue next = args[0].As<CheckValue>();
  next.account_namespace = args[1].AsString();
  next.account_name = args[2].AsString();
  return cel::Value::Abstract(context.arena().New<CheckValue>(next));
}

cel::Value Check(cel::Context& context, Args args) {
  const CheckValue& check = args[0].As<CheckValue>();
  AccessAttributes attributes = check.attributes;
  attributes.verb = args[1].AsString();
  std::optional<User> account;
  if (!check.account_name.empty()) {
    account = ServiceAccountUser(check.account_namespace, check.account_name);
  }
  const Authorizer::Decision decision =
      check.authorizer->Decide(account ? *account : *check.user, attributes);
  return cel::Value::Abstract(context.arena().New<DecisionValue>(
      cel::OpaqueBase{&kDecision}, decision.allowed, context.arena().Copy(decision.reason)));
}

cel::Value Allowed(cel::Context&, Args args) {
  return cel::Value::Bool(args[0].As<DecisionValue>().allowed);
}
cel::Value Reason(cel::Context&, Args args) {
  return cel::Value::String(args[0].As<DecisionValue>().reason);
}
cel::Value Errored(cel::Context&, Args) { return cel::Value::Bool(false); }
cel::Value ErrorText(cel::Context&, Args) { return cel::Value::String(""); }

}  // namespace

const cel::Library& AuthorizerLibrary() {
  static const cel::Type authorizer = cel::Object(kAuthorizer.name);
  static const cel::Type path = cel::Object(kPathCheck.name);
  static const cel::Type group = cel::Object(kGroupCheck.name);
  static const cel::Type resource = cel::Object(kResourceCheck.name);
  static const cel::Type decision = cel::Object(kDecision.name);
  const auto method = [](std::string_view name, std::string_view id, std::vector<cel::Type> params,
                         cel::Type result, std::string_view doc, cel::EvalFunction eval) {
    return cel::Overload{.function = std::string(name),
                         .id = std::string(id),
                         .style = cel::Style::kReceiver,
                         .params = std::move(params),
                         .result = result,
                         .doc = std::string(doc),
                         .eval = eval};
  };
  static const cel::Library library{
      .name = "kubernetes.authorization",
      .doc = "What the user of a request may do.",
      .overloads = {
          method("path", "authorizer_path", {authorizer, cel::String()}, path,
                 "A path that is no resource.", With<&AccessAttributes::path, kPathCheck>),
          method("group", "authorizer_group", {authorizer, cel::String()}, group, "An API group.",
                 With<&AccessAttributes::group, kGroupCheck>),
          method("serviceAccount", "authorizer_serviceaccount",
                 {authorizer, cel::String(), cel::String()}, authorizer,
                 "The same questions about a service account.", ServiceAccount),
          method("resource", "groupcheck_resource", {group, cel::String()}, resource,
                 "A resource of the group.", With<&AccessAttributes::resource, kResourceCheck>),
          method("subresource", "resourcecheck_subresource", {resource, cel::String()}, resource,
                 "A subresource of it.", With<&AccessAttributes::subresource, kResourceCheck>),
          method("namespace", "resourcecheck_namespace", {resource, cel::String()}, resource,
                 "The namespace it is in.", With<&AccessAttributes::name_space, kResourceCheck>),
          method("name", "resourcecheck_name", {resource, cel::String()}, resource,
                 "The name of one object.", With<&AccessAttributes::name, kResourceCheck>),
          method("check", "pathcheck_check", {path, cel::String()}, decision, "Asks for a verb.",
                 Check),
          method("check", "resourcecheck_check", {resource, cel::String()}, decision,
                 "Asks for a verb.", Check),
          method("allowed", "decision_allowed", {decision}, cel::Bool(), "Whether it is allowed.",
                 Allowed),
          method("reason", "decision_reason", {decision}, cel::String(), "Why.", Reason),
          method("errored", "decision_errored", {decision}, cel::Bool(),
                 "Whether the question could not be answered: never.", Errored),
          method("error", "decision_error", {decision}, cel::String(),
                 "Why the question could not be answered.", ErrorText),
      }};
  return library;
}

cel::Type AuthorizerType() {
  static const cel::Type type = cel::Object(kAuthorizer.name);
  return type;
}

cel::Type ResourceCheckType() {
  static const cel::Type type = cel::Object(kResourceCheck.name);
  return type;
}

cel::Value MakeAuthorizer(cel::Context& context, const Authorizer& authorizer, const User& user) {
  return cel::Value::Abstract(
      context.arena().New<CheckValue>(cel::OpaqueBase{&kAuthorizer}, &authorizer, &user,
                                      std::string_view(), std::string_view(), AccessAttributes{}));
}

cel::Value MakeResourceCheck(cel::Context& context, const Authorizer& authorizer, const User& user,
                             const AccessAttributes& attributes) {
  return cel::Value::Abstract(
      context.arena().New<CheckValue>(cel::OpaqueBase{&kResourceCheck}, &authorizer, &user,
                                      std::string_view(), std::string_view(), attributes));
}

}  // namespace kro::apiserver
