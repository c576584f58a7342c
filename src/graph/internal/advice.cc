#include "graph/internal/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cel/environment.h"
#include "graph/internal/report.h"
#include "json/path.h"

namespace kro::graph {
namespace {

// A word that an author knows from elsewhere, and what to write instead.
struct Habit {
  std::string_view word;
  std::string_view instead;
};

constexpr Habit kNames[] = {
    {"spec", "schema.spec"}, {"metadata", "schema.metadata"},
    {"instance", "schema"},  {"this", "schema"},
    {"self", "schema"},      {"Schema", "schema"},
};

constexpr Habit kFunctions[] = {
    {"upper", ".upperAscii()"},
    {"toUpper", ".upperAscii()"},
    {"toUpperCase", ".upperAscii()"},
    {"lower", ".lowerAscii()"},
    {"toLower", ".lowerAscii()"},
    {"toLowerCase", ".lowerAscii()"},
    {"len", "size(…)"},
    {"length", "size(…)"},
    {"count", "size(…)"},
    {"str", "string(…)"},
    {"toString", "string(…)"},
    {"float", "double(…)"},
    {"integer", "int(…)"},
    {"toInt", "int(…)"},
    {"boolean", "bool(…)"},
    {"includes", ".contains(…)"},
    {"strip", ".trim()"},
    {"substr", ".substring(…)"},
    {"replaceAll", ".replace(…)"},
    {"default", ".orValue(…)"},
    {"toJson", "json.marshal(…)"},
    {"fromJson", "json.unmarshal(…)"},
    {"toYaml", "json.marshal(…)"},
    {"b64enc", "base64.encode(…)"},
    {"b64dec", "base64.decode(…)"},
    {"concat", "+"},
    {"any", ".exists(x, …)"},
    {"some", ".exists(x, …)"},
    {"every", ".all(x, …)"},
    {"range", "lists.range(…)"},
};

constexpr Habit kOperators[] = {
    {"and", "&&"}, {"or", "||"}, {"not", "!"}, {"AND", "&&"}, {"OR", "||"}};

// Words of YAML 1.1 that stand for true and false.
constexpr std::string_view kTrue[] = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"};
constexpr std::string_view kFalse[] = {"n", "N", "no", "No", "NO", "off", "Off", "OFF"};

std::optional<std::string_view> QuotedAfter(std::string_view message, std::string_view begin);
std::string_view InsteadOf(std::string_view word, std::span<const Habit> habits);
bool DeclaresField(const json::Value& section, std::string_view name);
bool DeclaresField(const std::optional<json::Value>& section, std::string_view name);
bool LooksLike(std::string_view text, std::string_view type);

}  // namespace

void Advisor::Advise(Diagnostic& fault) {
  const bool boolean_key = fault.message.starts_with("undefined field '");
  if (!fault.hint.empty() && !boolean_key) return;
  if (std::string hint = HintFor(fault); !hint.empty()) fault.hint = std::move(hint);
}

std::string Advisor::HintFor(const Diagnostic& fault) {
  const std::string_view message = fault.message;
  if (const auto field = QuotedAfter(message, "undefined field '"))
    return HintForField(fault, *field);
  if (const auto name = QuotedAfter(message, "unknown name '")) return HintForName(*name);
  for (const std::string_view begin : {"unknown function '", "undeclared reference to '"}) {
    if (const auto name = QuotedAfter(message, begin)) return HintForFunction(*name);
  }
  if (const auto word = QuotedAfter(message, "unexpected '")) {
    const std::string_view instead = InsteadOf(*word, kOperators);
    if (!instead.empty()) return fmt::format("write '{}'", instead);
  }
  if (message.ends_with("token recognition error at: '='")) return "to compare, write '=='";
  if (fault.code == "KRO401" && fault.where.expression.find("?.") != std::string::npos) {
    return "what may be absent is selected with '.?name'";
  }
  if (message.starts_with("nested expressions")) {
    return "names within ${…} stand alone, without another ${ }";
  }
  if (message.ends_with("' cannot be used here") &&
      fault.where.path.find(".readyWhen[") != std::string::npos) {
    return "readyWhen sees its own resource only, in a collection each item of it as 'each'";
  }
  if (message.find("'_?_:_' applied to") != std::string_view::npos) {
    return "both branches must have the same type";
  }
  for (const std::string_view op : {"'_==_' applied to", "'_!=_' applied to"}) {
    if (message.find(op) != std::string_view::npos)
      return "both sides must have the same type: convert one";
  }
  if (message.find("'_+_' applied to '(string, ") != std::string_view::npos)
    return "convert the value: string(…)";
  if (message.ends_with(" field not found")) {
    return fmt::format("every object has '{0}: …'", message.substr(0, message.find(' ')));
  }
  return HintForType(fault);
}

std::string Advisor::HintForField(const Diagnostic& fault, std::string_view field) {
  if (!spec_.schema) return {};
  // A field declared as `n: string` is called "false": YAML 1.1 takes the key for a boolean.
  const bool yes = std::ranges::find(kTrue, field) != std::end(kTrue);
  const bool no = std::ranges::find(kFalse, field) != std::end(kFalse);
  if ((yes || no) && DeclaresBoolean(yes)) {
    return fmt::format(
        "YAML reads an unquoted key {0} as {1}: quote it where it is declared, \"{0}\"", field,
        yes);
  }
  if (!fault.hint.empty()) return {};
  const std::string_view expression = fault.where.expression;
  const std::size_t begin = fault.where.span ? fault.where.span->begin : 0;
  if (!expression.substr(0, begin).ends_with("schema")) return {};
  if (field == "status")
    return "an expression cannot read the instance's status; read what it is made of";
  const bool declared = spec_.schema->spec && json::Find(*spec_.schema->spec, field) != nullptr;
  return declared ? fmt::format("did you mean 'schema.spec.{}'?", field) : std::string();
}

std::string Advisor::HintForName(std::string_view name) const {
  if (const auto instead = InsteadOf(name, kNames); !instead.empty()) {
    return fmt::format("did you mean '{}'?", instead);
  }
  if (spec_.schema && spec_.schema->spec && json::Find(*spec_.schema->spec, name) != nullptr) {
    return fmt::format("did you mean 'schema.spec.{}'?", name);
  }
  return "expressions know 'schema' and the ids of resources";
}

std::string Advisor::HintForFunction(std::string_view name) {
  if (const auto instead = InsteadOf(name, kFunctions); !instead.empty()) {
    return fmt::format("write '{}'", instead);
  }
  if (searches_left_-- <= 0) return {};
  static const std::vector<std::string>& functions =
      *new std::vector<std::string>(cel::Environment::Kro().FunctionNames());
  return Suggestion(name, functions);
}

std::string Advisor::HintForType(const Diagnostic& fault) const {
  if (fault.code == "KRO404") {
    if (fault.found == "int" || fault.found == "double") return "compare it, for instance '… > 0'";
    if (fault.found == "string") return "compare it, for instance \"… == 'Ready'\"";
    if (fault.found.starts_with("list") || fault.found.starts_with("map")) {
      return "ask for its size, for instance 'size(…) > 0'";
    }
    return {};
  }
  if (fault.expected == "list" && fault.found == "string") return "split it: '${(…).split(\",\")}'";
  if (fault.expected == "list" && fault.found == "int")
    return "count up to it: '${lists.range(…)}'";
  if (fault.expected == "bytes" && fault.found == "string") {
    return fault.where.path.find(".template.data") != std::string::npos
               ? "put it below stringData, or convert it: bytes(…)"
               : "convert it: bytes(…)";
  }
  if (fault.code == "KRO604" && fault.found == "string") {
    const auto path = json::FieldPath::Parse(fault.where.path);
    if (!path || path->empty()) return {};
    const auto* written = json::Get(
        spec_.raw, json::FieldPath({path->segments().begin() + 1, path->segments().end()}));
    if (written != nullptr && written->is_string() &&
        LooksLike(written->get_string(), fault.expected)) {
      return "write it without quotes";
    }
  }
  return {};
}

bool Advisor::DeclaresBoolean(bool word) {
  std::optional<bool>& declares = declares_boolean_[word ? 1 : 0];
  if (!declares) {
    const std::string_view name = word ? "true" : "false";
    declares = DeclaresField(spec_.schema->spec, name) || DeclaresField(spec_.schema->types, name);
  }
  return *declares;
}

namespace {

// The text between `begin`, with which the message begins, and the next quote.
std::optional<std::string_view> QuotedAfter(std::string_view message, std::string_view begin) {
  if (!message.starts_with(begin)) return std::nullopt;
  message.remove_prefix(begin.size());
  return message.substr(0, message.find('\''));
}

// Empty if there is none.
std::string_view InsteadOf(std::string_view word, std::span<const Habit> habits) {
  const auto found = std::ranges::find(habits, word, &Habit::word);
  return found == habits.end() ? std::string_view() : found->instead;
}

// Whether a section of SimpleSchema, or a struct in it, has a field of this name.
bool DeclaresField(const json::Value& section, std::string_view name) {
  std::vector<const json::Value*> open = {&section};
  while (!open.empty()) {
    const auto* object = open.back()->if_object();
    open.pop_back();
    if (object == nullptr) continue;
    if (object->contains(name)) return true;
    for (const auto& member : *object) open.push_back(&member.value());
  }
  return false;
}

bool DeclaresField(const std::optional<json::Value>& section, std::string_view name) {
  return section && DeclaresField(*section, name);
}

bool LooksLike(std::string_view text, std::string_view type) {
  const auto value = json::Parse(text);
  if (!value) return false;
  if (type == "integer") return value->is_int64();
  if (type == "number") return value->is_number();
  return type == "boolean" && value->is_bool();
}

}  // namespace
}  // namespace kro::graph
