#include "cel/library/authorizer.h"

#include "api/names.h"
#include "cel/library.h"
#include "cel/library/budget.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

// An authorizer, or a question to it in the making.
struct QuestionValue : OpaqueBase {
  const Authorizer* authorizer;
  AccessQuestion question;
};

struct DecisionValue : OpaqueBase {
  bool allowed;
  std::string_view reason;
  std::string_view error;
};

const QuestionValue& QuestionOf(const Value& value) { return value.As<QuestionValue>(); }
const DecisionValue& DecisionOf(const Value& value) { return value.As<DecisionValue>(); }

Value Unequal(Context&, const Value&, const Value&) { return NoSuchOverload(); }

constexpr OpaqueType kAuthorizer{.name = "kubernetes.authorization.Authorizer", .equal = Unequal};
constexpr OpaqueType kPathCheck{.name = "kubernetes.authorization.PathCheck", .equal = Unequal};
constexpr OpaqueType kGroupCheck{.name = "kubernetes.authorization.GroupCheck", .equal = Unequal};
constexpr OpaqueType kResourceCheck{.name = "kubernetes.authorization.ResourceCheck",
                                    .equal = Unequal};
constexpr OpaqueType kDecision{.name = "kubernetes.authorization.Decision", .equal = Unequal};

// The same question with one part set.
template <const OpaqueType& kResult, std::string_view AccessQuestion::* kPart>
Value Set(Context& context, Args args) {
  auto* made = context.arena().New<QuestionValue>(QuestionOf(args[0]));
  made->type = &kResult;
  made->question.*kPart = args[1].AsString();
  return Value::Abstract(made);
}

Value Path(Context& context, Args args);
Value ServiceAccount(Context& context, Args args);
Value Check(Context& context, Args args);
Value Allowed(Context&, Args args) { return Value::Bool(DecisionOf(args[0]).allowed); }
Value Reason(Context&, Args args) { return Value::String(DecisionOf(args[0]).reason); }
Value Errored(Context&, Args args) { return Value::Bool(!DecisionOf(args[0]).error.empty()); }
Value ErrorOf(Context&, Args args) { return Value::String(DecisionOf(args[0]).error); }

}  // namespace

Type AuthorizerType() { return Object(kAuthorizer.name); }

Value AuthorizerValue(Context& context, const Authorizer& authorizer) {
  return Value::Abstract(context.arena().New<QuestionValue>(OpaqueBase{&kAuthorizer}, &authorizer));
}

const Library& AuthorizerLibrary() {
  static const Library library = [] {
    const Type authorizer = AuthorizerType();
    const Type path = Object(kPathCheck.name);
    const Type group = Object(kGroupCheck.name);
    const Type resource = Object(kResourceCheck.name);
    const Type decision = Object(kDecision.name);
    Library made{
        .name = "kubernetes.authorizer",
        .doc =
            "What the user of a request may do. A rule has the variable `authorizer` where the API "
            "server gives it one."};
    auto add = [&](std::string name, std::string id, std::vector<Type> params, Type result,
                   std::string doc, EvalFunction eval, std::vector<Example> examples = {}) {
      made.overloads.push_back({.function = std::move(name),
                                .id = std::move(id),
                                .style = Style::kReceiver,
                                .params = std::move(params),
                                .result = result,
                                .doc = std::move(doc),
                                .examples = std::move(examples),
                                .eval = eval});
    };
    add("path", "authorizer_path", {authorizer, String()}, path,
        "Asks about a path that is no resource.", Path,
        {{"authorizer.path('/healthz').check('get').allowed()", "true"},
         {"authorizer.path('').check('get').allowed()", "error: path must not be empty"}});
    add("group", "authorizer_group", {authorizer, String()}, group,
        "Asks about resources of an API group; '' is the core group.",
        Set<kGroupCheck, &AccessQuestion::group>);
    add("serviceAccount", "authorizer_serviceaccount", {authorizer, String(), String()}, authorizer,
        "Asks about a service account, by namespace and name, instead of the user.", ServiceAccount,
        {{"authorizer.serviceAccount('default', "
          "'robot').group('').resource('pods').check('get').allowed()",
          "false"},
         {"authorizer.serviceAccount('default', 'No!').path('/x').check('get').allowed()",
          "error: Invalid service account name"}});
    add("resource", "groupcheck_resource", {group, String()}, resource,
        "Asks about one kind of resource.", Set<kResourceCheck, &AccessQuestion::resource>);
    add("subresource", "resourcecheck_subresource", {resource, String()}, resource,
        "Asks about a subresource.", Set<kResourceCheck, &AccessQuestion::subresource>);
    add("namespace", "resourcecheck_namespace", {resource, String()}, resource,
        "Asks about one namespace.", Set<kResourceCheck, &AccessQuestion::namespace_>);
    add("name", "resourcecheck_name", {resource, String()}, resource, "Asks about one object.",
        Set<kResourceCheck, &AccessQuestion::name>);
    add("fieldSelector", "resourcecheck_fieldselector", {resource, String()}, resource,
        "Asks about objects with such fields.",
        Set<kResourceCheck, &AccessQuestion::field_selector>);
    add("labelSelector", "resourcecheck_labelselector", {resource, String()}, resource,
        "Asks about objects with such labels.",
        Set<kResourceCheck, &AccessQuestion::label_selector>);
    add("check", "pathcheck_check", {path, String()}, decision, "The answer for an HTTP verb.",
        Check);
    add("check", "resourcecheck_check", {resource, String()}, decision, "The answer for a verb.",
        Check,
        {{"authorizer.group('').resource('pods').namespace('default').check('get').allowed()",
          "true"},
         {"authorizer.group('').resource('pods').namespace('default').check('delete').allowed()",
          "false"}});
    add("allowed", "decision_allowed", {decision}, Bool(), "Whether it may.", Allowed);
    add("reason", "decision_reason", {decision}, String(), "Why, in words.", Reason,
        {{"authorizer.group('').resource('pods').check('get').reason()", "'all may read'"}});
    add("errored", "decision_errored", {decision}, Bool(), "Whether there was no answer.", Errored,
        {{"authorizer.group('').resource('pods').check('get').errored()", "false"}});
    add("error", "decision_error", {decision}, String(), "Why there was no answer.", ErrorOf);
    return made;
  }();
  return library;
}

namespace {

Value Path(Context& context, Args args) {
  if (args[1].AsString().empty()) return Value::Error("path must not be empty");
  return Set<kPathCheck, &AccessQuestion::path>(context, args);
}

Value ServiceAccount(Context& context, Args args) {
  if (!api::CheckDns1123Label(args[1].AsString()).empty()) {
    return Value::Error("Invalid service account namespace");
  }
  if (!api::CheckDns1123Subdomain(args[2].AsString()).empty())
    return Value::Error("Invalid service account name");
  auto* made = context.arena().New<QuestionValue>(QuestionOf(args[0]));
  made->question.account_namespace = args[1].AsString();
  made->question.account_name = args[2].AsString();
  return Value::Abstract(made);
}

Value Check(Context& context, Args args) {
  // An answer may cost a request.
  constexpr std::int64_t kPrice = 350'000;
  if (!context.Charge(kPrice)) return Value::Error(kBudgetExceeded);
  AccessQuestion question = QuestionOf(args[0]).question;
  question.verb = args[1].AsString();
  const AccessAnswer answer = QuestionOf(args[0]).authorizer->Ask(question);
  return Value::Abstract(context.arena().New<DecisionValue>(OpaqueBase{&kDecision}, answer.allowed,
                                                            context.arena().Copy(answer.reason),
                                                            context.arena().Copy(answer.error)));
}

}  // namespace
}  // namespace kro::cel
