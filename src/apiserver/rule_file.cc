#include "apiserver/rule_file.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "cel/cel.h"
#include "cel/convert.h"
#include "graph/template_string.h"
#include "graph/template_walk.h"
#include "json/path.h"

namespace kro::apiserver {

struct ValueTemplate::Field {
  json::FieldPath path;
  std::shared_ptr<const cel::Program> program;
};

namespace {

// What one expression may cost: some milliseconds.
constexpr std::int64_t kBudget = 1'000'000;

// Of the expressions in rules.
const cel::Environment& RuleEnvironment();

// Reads one document and gathers what is wrong with it.
class RuleReader {
 public:
  RuleReader(const json::Document& document, std::string_view source)
      : document_(document), source_(source) {}

  json::Parsed<RuleSet> Read();

 private:
  void ReadRule(const json::Object& members, const json::FieldPath& path, RuleSet& rules);
  void ReadKind(const json::Value& value, const json::FieldPath& path, Rule& rule);
  void ReadEvents(const json::Value& value, const json::FieldPath& path, Rule& rule);
  void ReadAfter(const json::Value& value, const json::FieldPath& path, Rule& rule);
  void ReadCondition(const json::Value& value, const json::FieldPath& path, Rule& rule);
  void ReadCreate(const json::Value& value, const json::FieldPath& path, Rule& rule);
  std::optional<ValueTemplate> ReadTemplate(const json::Value& value, const json::FieldPath& path);
  // `added` characters stand before the text that are not in the file.
  std::shared_ptr<const cel::Program> Compile(const graph::TemplateString& text,
                                              const json::FieldPath& path, std::size_t added = 0);

  // False, with a fault, unless `value` is of the type that `is` asks for.
  bool Expect(bool is, std::string_view wanted, const json::Value& value,
              const json::FieldPath& path);
  void CheckMembers(const json::Object& object, const json::FieldPath& path,
                    const std::vector<std::string>& known);
  Diagnostic& Fault(std::string_view code, const json::FieldPath& path, std::string message);

  const json::Document& document_;
  const std::string source_;
  Diagnostics faults_;
};

}  // namespace

ValueTemplate::ValueTemplate(json::Value value, std::vector<Field> fields)
    : value_(std::move(value)),
      fields_(std::make_shared<const std::vector<Field>>(std::move(fields))) {}

Result<json::Value> ValueTemplate::Fill(const json::Value& object, const json::Value& old) const {
  json::Value filled = value_;
  if (fields_ == nullptr) return filled;
  cel::Arena arena;
  std::vector<const Field*> omitted;
  for (const Field& field : *fields_) {
    cel::Context context(arena, kBudget);
    const cel::Value value = field.program->Evaluate(
        context,
        {{"object", cel::FromJson(context, object)}, {"old", cel::FromJson(context, old)}});
    if (value.IsError()) return Annotate(cel::ToError(value), "{}", field.path.ToString());
    auto converted = cel::ToJson(context, value);
    if (!converted) return Annotate(converted, "{}", field.path.ToString());
    if (!*converted) {
      omitted.push_back(&field);
    } else if (field.path.empty()) {
      filled = **std::move(converted);
    } else if (auto set = json::Set(filled, field.path, **std::move(converted)); !set) {
      return Annotate(set.error(), "{}", field.path.ToString());
    }
  }
  // From behind, so that the places in lists before them stay what they are.
  for (auto field = omitted.rbegin(); field != omitted.rend(); ++field) {
    json::Erase(filled, (*field)->path);
  }
  return filled;
}

bool IsRuleFile(const json::Value& document) {
  return json::FindString(document, {"kind"}) == kRulesKind &&
         json::FindString(document, {"apiVersion"}).starts_with("dev.kro.run/");
}

json::Parsed<RuleSet> ReadRules(const json::Document& document, std::string_view source) {
  return RuleReader(document, source).Read();
}

json::Parsed<RuleSet> ReadRuleFile(std::string_view text, std::string_view source) {
  auto documents = json::ParseYaml(text, source);
  if (!documents) return std::unexpected(std::move(documents.error()));
  RuleSet all;
  Diagnostics faults;
  for (const json::Document& document : *documents) {
    auto rules = ReadRules(document, source);
    if (rules) {
      std::ranges::move(rules->rules, std::back_inserter(all.rules));
    } else {
      std::ranges::move(rules.error(), std::back_inserter(faults));
    }
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return all;
}

namespace {

const cel::Environment& RuleEnvironment() {
  static const cel::Environment environment = [] {
    cel::Environment made = cel::Environment::Kro();
    made.AddVariable("object", cel::Dyn());
    made.AddVariable("old", cel::Dyn());
    return made;
  }();
  return environment;
}

json::Parsed<RuleSet> RuleReader::Read() {
  RuleSet rules;
  const json::FieldPath root;
  if (!Expect(document_.value.is_object(), "a map", document_.value, root)) {
    return std::unexpected(std::move(faults_));
  }
  const json::Object& file = document_.value.get_object();
  CheckMembers(file, root, {"apiVersion", "kind", "metadata", "rules"});
  if (json::FindString(document_.value, {"kind"}) != kRulesKind) {
    Fault("KRO103", root.Child("kind"), fmt::format("a rule file has the kind {}", kRulesKind));
  }
  if (json::FindString(document_.value, {"apiVersion"}) != kRulesApiVersion) {
    Fault("KRO103", root.Child("apiVersion"),
          fmt::format("a rule file has the apiVersion {}", kRulesApiVersion));
  }
  const json::Value* list = json::Find(document_.value, "rules");
  if (list == nullptr) {
    Fault("KRO103", root, "there are no rules").hint = "rules: [{for: …, status: …}]";
  } else if (Expect(list->is_array(), "a list", *list, root.Child("rules"))) {
    for (std::size_t i = 0; i < list->get_array().size(); ++i) {
      const json::FieldPath path = root.Child("rules").Child(i);
      const json::Value& rule = list->get_array()[i];
      if (Expect(rule.is_object(), "a map", rule, path)) ReadRule(rule.get_object(), path, rules);
    }
  }
  if (!faults_.empty()) return std::unexpected(std::move(faults_));
  return rules;
}

void RuleReader::ReadRule(const json::Object& members, const json::FieldPath& path,
                          RuleSet& rules) {
  CheckMembers(members, path,
               {"name", "for", "when", "if", "after", "status", "patch", "create", "delete"});
  Rule rule;
  rule.source = fmt::format("{}:{}", source_, document_.map.Of(path).line);
  const auto member = [&](std::string_view key) { return members.if_contains(key); };
  if (const json::Value* name = member("name");
      name != nullptr && Expect(name->is_string(), "a text", *name, path.Child("name"))) {
    rule.name = name->get_string();
  }
  if (const json::Value* kind = member("for")) {
    ReadKind(*kind, path.Child("for"), rule);
  } else {
    Fault("KRO103", path, "the rule does not say for which kind").hint =
        "for: {apiVersion: cloud.example.com/v1, kind: Table}";
  }
  if (const json::Value* events = member("when")) ReadEvents(*events, path.Child("when"), rule);
  if (const json::Value* after = member("after")) ReadAfter(*after, path.Child("after"), rule);
  if (const json::Value* condition = member("if"))
    ReadCondition(*condition, path.Child("if"), rule);
  for (auto [key, slot] : {std::pair("status", &rule.status), std::pair("patch", &rule.patch)}) {
    const json::Value* value = member(key);
    if (value == nullptr) continue;
    if (Expect(value->is_object(), "a map", *value, path.Child(key))) {
      *slot = ReadTemplate(*value, path.Child(key));
    }
  }
  if (const json::Value* create = member("create")) ReadCreate(*create, path.Child("create"), rule);
  if (const json::Value* remove = member("delete");
      remove != nullptr &&
      Expect(remove->is_bool(), "true or false", *remove, path.Child("delete"))) {
    rule.remove = remove->get_bool();
  }
  if (!member("status") && !member("patch") && !member("create") && !rule.remove) {
    Fault("KRO103", path, "the rule does nothing").hint =
        "give it status, patch, create or delete: true";
  }
  if (rule.deleted && (rule.created || rule.updated || rule.status || rule.patch || rule.remove)) {
    Fault("KRO103", path.Child("when"), "what is deleted cannot be changed any more").hint =
        "a rule for [deleted] can create";
  }
  rules.rules.push_back(std::move(rule));
}

void RuleReader::ReadKind(const json::Value& value, const json::FieldPath& path, Rule& rule) {
  if (!Expect(value.is_object(), "{apiVersion, kind}", value, path)) return;
  CheckMembers(value.get_object(), path, {"apiVersion", "kind"});
  auto kind =
      api::ParseGvk(json::FindString(value, {"apiVersion"}), json::FindString(value, {"kind"}));
  if (!kind) {
    Fault("KRO103", path, kind.error().message());
  } else if (kind->kind.empty() || kind->version.empty()) {
    Fault("KRO103", path, "expected apiVersion and kind");
  } else {
    rule.kind = *kind;
  }
}

void RuleReader::ReadEvents(const json::Value& value, const json::FieldPath& path, Rule& rule) {
  if (!Expect(value.is_array(), "a list", value, path)) return;
  rule.created = rule.updated = false;
  for (std::size_t i = 0; i < value.get_array().size(); ++i) {
    const json::Value& entry = value.get_array()[i];
    const std::string word(entry.is_string() ? std::string_view(entry.get_string()) : "");
    if (word == "created") {
      rule.created = true;
    } else if (word == "updated") {
      rule.updated = true;
    } else if (word == "deleted") {
      rule.deleted = true;
    } else {
      Diagnostic& fault = Fault("KRO103", path.Child(i), "expected created, updated or deleted");
      if (auto meant = DidYouMean(word, {"created", "updated", "deleted"})) {
        fault.hint = fmt::format("did you mean '{}'?", *meant);
      }
    }
  }
}

void RuleReader::ReadAfter(const json::Value& value, const json::FieldPath& path, Rule& rule) {
  absl::Duration after;
  if (!value.is_string() || !absl::ParseDuration(std::string(value.get_string()), &after) ||
      after < absl::ZeroDuration() || after > absl::Hours(24 * 365)) {
    Fault("KRO103", path, "expected a duration, at most a year").hint = "500ms, 2s or 1m30s";
    return;
  }
  rule.after = absl::ToChronoNanoseconds(after);
}

// "${…}", or the expression alone.
void RuleReader::ReadCondition(const json::Value& value, const json::FieldPath& path, Rule& rule) {
  if (!Expect(value.is_string(), "an expression", value, path)) return;
  auto text = graph::ScanTemplate(value.get_string());
  if (!text) {
    Fault("KRO401", path, text.error().message());
    return;
  }
  const bool bare = !text->has_expressions();
  if (bare) {
    text = graph::ScanTemplate(fmt::format("${{{}}}", std::string_view(value.get_string())));
    if (!text) return;
  }
  auto program = Compile(*text, path, bare ? 2 : 0);
  if (program == nullptr) return;
  const cel::Type type = program->type();
  if (type != cel::Bool() && type != cel::Dyn()) {
    Diagnostic& fault = Fault("KRO404", path, "a condition is true or false");
    fault.expected = "bool";
    fault.found = type.ToAuthor();
    return;
  }
  std::vector<ValueTemplate::Field> fields;
  fields.push_back({{}, std::move(program)});
  rule.condition.emplace(json::Value(nullptr), std::move(fields));
}

void RuleReader::ReadCreate(const json::Value& value, const json::FieldPath& path, Rule& rule) {
  if (!Expect(value.is_array(), "a list of objects", value, path)) return;
  for (std::size_t i = 0; i < value.get_array().size(); ++i) {
    const json::Value& object = value.get_array()[i];
    const json::FieldPath place = path.Child(i);
    if (!Expect(object.is_object(), "an object", object, place)) continue;
    if (json::FindString(object, {"apiVersion"}).empty() ||
        json::FindString(object, {"kind"}).empty() ||
        json::FindString(object, {"metadata", "name"}).empty()) {
      Fault("KRO103", place, "an object has apiVersion, kind and metadata.name");
      continue;
    }
    if (auto made = ReadTemplate(object, place)) rule.create.push_back(std::move(*made));
  }
}

std::optional<ValueTemplate> RuleReader::ReadTemplate(const json::Value& value,
                                                      const json::FieldPath& path) {
  graph::Walked walked = graph::WalkUntyped(value);
  const auto below = [&](const json::FieldPath& inner) {
    json::FieldPath joined = path;
    for (const json::PathSegment& segment : inner.segments()) {
      std::visit([&](const auto& part) { joined.Push(part); }, segment);
    }
    return joined;
  };
  for (const Diagnostic& fault : walked.faults) {
    auto inner = json::FieldPath::Parse(fault.where.path);
    Fault(fault.code, inner ? below(*inner) : path, fault.message).hint = fault.hint;
  }
  std::vector<ValueTemplate::Field> fields;
  for (graph::FieldExpression& field : walked.fields) {
    auto program = Compile(field.text, below(field.path));
    if (program != nullptr) fields.push_back({std::move(field.path), std::move(program)});
  }
  return ValueTemplate(value, std::move(fields));
}

std::shared_ptr<const cel::Program> RuleReader::Compile(const graph::TemplateString& text,
                                                        const json::FieldPath& path,
                                                        std::size_t added) {
  const cel::Environment& environment = RuleEnvironment();
  auto ast = cel::Compile(environment, text.Lowered());
  if (!ast) {
    for (const Diagnostic& found : ast.error()) {
      Diagnostic& fault = Fault(found.code, path, found.message);
      fault.expected = found.expected;
      fault.found = found.found;
      fault.hint = found.hint;
      if (!text.has_expressions()) continue;
      // Of a text of several expressions the first is shown unless the fault says where it is.
      const std::size_t at = found.where.span ? text.SourceOffset(found.where.span->begin) : 0;
      const graph::EmbeddedExpression* part = &text.expressions.front();
      for (const graph::EmbeddedExpression& expression : text.expressions) {
        if (expression.span.begin <= at) part = &expression;
      }
      fault.where.expression = part->text;
      if (!found.where.span) continue;
      const std::size_t first = part->span.begin + 2u;
      const std::size_t end =
          text.SourceOffset(std::max(found.where.span->begin + 1, found.where.span->end) - 1) + 1;
      const auto within = [&](std::size_t offset) {
        return static_cast<std::uint32_t>(std::clamp(offset, first, first + part->text.size()) -
                                          first);
      };
      fault.where.span = Span{within(at), within(std::max(end, at))};
      if (const Position exact =
              document_.map.Within(path, first + fault.where.span->begin - added);
          exact.line > 0) {
        fault.where.position = exact;
      }
    }
    return nullptr;
  }
  auto program = cel::Plan(*std::move(ast), environment);
  if (!program) {
    Fault("KRO403", path, program.error().message());
    return nullptr;
  }
  return *std::move(program);
}

bool RuleReader::Expect(bool is, std::string_view wanted, const json::Value& value,
                        const json::FieldPath& path) {
  if (is) return true;
  Diagnostic& fault = Fault("KRO103", path, "a value of another type is expected here");
  fault.expected = wanted;
  fault.found = json::TypeName(value);
  return false;
}

void RuleReader::CheckMembers(const json::Object& object, const json::FieldPath& path,
                              const std::vector<std::string>& known) {
  for (const auto& [key, value] : object) {
    const std::string name(key);
    if (std::ranges::find(known, name) != known.end()) continue;
    Diagnostic& fault = Fault("KRO104", path.Child(name), fmt::format("unknown field '{}'", name));
    fault.where.position = document_.map.KeyOf(path.Child(name));
    if (auto meant = DidYouMean(name, known))
      fault.hint = fmt::format("did you mean '{}'?", *meant);
  }
}

Diagnostic& RuleReader::Fault(std::string_view code, const json::FieldPath& path,
                              std::string message) {
  Diagnostic fault{.code = std::string(code), .message = std::move(message)};
  fault.where.source = source_;
  fault.where.path = path.ToString();
  fault.where.position = document_.map.Of(path);
  faults_.push_back(std::move(fault));
  return faults_.back();
}

}  // namespace
}  // namespace kro::apiserver
