// The CEL specification's conformance cases and those recorded from the real engine:
// test/data/cel-spec.
//
// One test a file: kro.json in kro's environment, the others in the specification's. The ids of
// cases that are not met are listed in conformance_unmet.txt: the test fails if one of them passes,
// or another one fails.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/base64.h"
#include "cel/checker.h"
#include "cel/convert.h"
#include "cel/library.h"
#include "cel/library/omit.h"
#include "cel/library/runtime.h"
#include "cel/parser.h"
#include "cel/planner.h"
#include "cel/schema.h"
#include "cel/schema_types.h"
#include "support/conformance.h"

namespace kro::cel {
namespace {

std::string Decoded(std::string_view text) {
  return DecodeBase64(text, Base64Alphabet::kStandard, Base64Padding::kRequired).value();
}

double ReadDouble(const json::Value& json) {
  if (json.is_string()) {
    std::string_view text = json.get_string();
    return text == "NaN" ? std::nan("") : text == "Infinity" ? HUGE_VAL : -HUGE_VAL;
  }
  return json.is_double() ? json.get_double() : json.to_number<double>();
}

// A tagged value of the data as a value to bind.
Value ReadValue(Context& context, const json::Value& tagged) {
  const auto& [tag, json] = *tagged.get_object().begin();
  if (tag == "null") return Value::Null();
  if (tag == "bool") return Value::Bool(json.get_bool());
  if (tag == "int") return Value::Int(std::stoll(std::string(json.get_string())));
  if (tag == "uint") return Value::Uint(std::stoull(std::string(json.get_string())));
  if (tag == "double") return Value::Double(ReadDouble(json));
  if (tag == "string") return MakeString(context, json.get_string());
  if (tag == "bytes") return MakeBytes(context, Decoded(json.get_string()));
  if (tag == "type") return MakeString(context, json.get_string());
  if (tag == "timestamp") {
    return Value::Time({.seconds = json.at(0).to_number<std::int64_t>(),
                        .nanos = json.at(1).to_number<std::int32_t>()});
  }
  if (tag == "duration") {
    return Value::Duration(json.at(0).to_number<std::int64_t>() * 1000000000 +
                           json.at(1).to_number<std::int64_t>());
  }
  if (tag == "list") {
    ListBuilder list(context);
    for (const json::Value& element : json.get_array()) list.Add(ReadValue(context, element));
    return list.Build();
  }
  if (tag == "map") {
    MapBuilder map(context);
    for (const json::Value& entry : json.get_array()) {
      map.Put(ReadValue(context, entry.at(0)), ReadValue(context, entry.at(1)));
    }
    return map.Build();
  }
  if (tag == "optional") {
    return json.is_null() ? Value::None() : MakeOptional(context, ReadValue(context, json));
  }
  return Value::Error("unknown tag in the test data");
}

// Whether a result is the tagged value.
bool Same(Context& context, const Value& value, const json::Value& tagged) {
  const auto& [tag, json] = *tagged.get_object().begin();
  if (tag == "null") return value.IsNull();
  if (tag == "bool") return value.Is(Kind::kBool) && value.AsBool() == json.get_bool();
  if (tag == "int")
    return value.Is(Kind::kInt) && std::to_string(value.AsInt()) == json.get_string();
  if (tag == "uint")
    return value.Is(Kind::kUint) && std::to_string(value.AsUint()) == json.get_string();
  if (tag == "double") {
    double wanted = ReadDouble(json);
    return value.Is(Kind::kDouble) &&
           (std::isnan(wanted) ? std::isnan(value.AsDouble()) : wanted == value.AsDouble());
  }
  if (tag == "string") return value.Is(Kind::kString) && value.AsString() == json.get_string();
  if (tag == "bytes")
    return value.Is(Kind::kBytes) && value.AsBytes() == Decoded(json.get_string());
  if (tag == "type") return value.Is(Kind::kType) && value.AsType() == json.get_string();
  if (tag == "timestamp" || tag == "duration") {
    return value.Is(tag == "timestamp" ? Kind::kTimestamp : Kind::kDuration) &&
           Equals(context, value, ReadValue(context, tagged));
  }
  if (tag == "error") return value.IsError() && value.AsError() == json.get_string();
  if (tag == "omit") return IsOmit(value);
  if (tag == "optional") {
    if (!value.Is(Kind::kOptional)) return false;
    if (json.is_null()) return !value.HasContent();
    return value.HasContent() && Same(context, value.Content(), json);
  }
  if (tag == "condition") {
    const Condition* condition = AsCondition(value);
    return condition && condition->type == json.at("type").get_string() &&
           condition->status == json.at("status").get_string() &&
           condition->reason == json.at("reason").get_string() &&
           condition->message == json.at("message").get_string();
  }
  if (tag == "list") {
    const json::Array& wanted = json.get_array();
    if (!value.Is(Kind::kList) || value.ListSize() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!Same(context, value.ListAt(context, i), wanted[i])) return false;
    }
    return true;
  }
  if (tag == "map") {
    const json::Array& wanted = json.get_array();
    // Properties that are null count in a typed object's size but are not listed in the data.
    if (!value.Is(Kind::kMap)) return false;
    if (!value.schema() && value.MapSize() != wanted.size()) return false;
    for (const json::Value& entry : wanted) {
      bool found = false;
      for (MapIterator it(context, value); it.Next() && !found;) {
        found = Same(context, it.key(), entry.at(0)) && Same(context, it.value(), entry.at(1));
      }
      if (!found) return false;
    }
    return true;
  }
  return false;
}

// The order of keys has no meaning, 1 and 1.0 are one number, omitted parts are gone.
bool SameJson(const json::Value& a, const json::Value& b) {
  auto is_omit = [](const json::Value& v) {
    return v.is_object() && v.get_object().contains("$omit");
  };
  if (a.is_object() && b.is_object()) {
    std::size_t wanted = 0;
    for (const auto& [key, value] : b.get_object()) {
      if (is_omit(value)) continue;
      ++wanted;
      const json::Value* own = a.get_object().if_contains(key);
      if (!own || !SameJson(*own, value)) return false;
    }
    return a.get_object().size() == wanted;
  }
  if (a.is_array() && b.is_array()) {
    std::size_t at = 0;
    for (const json::Value& value : b.get_array()) {
      if (is_omit(value)) continue;
      if (at >= a.get_array().size() || !SameJson(a.get_array()[at++], value)) return false;
    }
    return at == a.get_array().size();
  }
  if (a.is_number() && b.is_number() && (a.is_double() || b.is_double())) {
    return a.to_number<double>() == b.to_number<double>();
  }
  return a == b;
}

struct Fixture {
  json::Value data;
  std::shared_ptr<const SchemaTree> tree;
};

// What runs the cases of one file.
class Runner {
 public:
  explicit Runner(std::string file) : file_(std::move(file)), kro_(file_ == "kro") {
    data_ = conformance::ReadJson("cel-spec/" + file_ + ".json");
  }

  void Run() {
    if (std::ranges::none_of(data_.get_array(), IsApplicable)) {
      fmt::print("cel-spec/{}: all of its {} cases are about messages\n", file_,
                 data_.get_array().size());
      return;
    }
    conformance::Tally tally("cel-spec/" + file_, "src/cel/conformance_unmet.txt");
    for (const json::Value& test : data_.get_array()) {
      if (!IsApplicable(test)) continue;
      const json::Object& object = test.get_object();
      std::string problem = RunCase(object);
      if (!problem.empty()) problem = Field(object, "expr") + "\n  " + problem;
      tally.Count(file_ + "/" + Field(object, "section") + "/" + Field(object, "name"), problem);
    }
  }

 private:
  // Messages are not there; the cases with a kind are of schemas, inspection and templates.
  static bool IsApplicable(const json::Value& test) {
    const json::Object& object = test.get_object();
    return object.contains("expr") && !object.contains("needs_protobuf") &&
           !object.contains("kind");
  }

  static std::string Field(const json::Object& object, std::string_view key) {
    const json::Value* value = object.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  }

  static bool Flag(const json::Object& object, std::string_view key) {
    const json::Value* value = object.if_contains(key);
    return value && value->is_bool() && value->get_bool();
  }

  // Empty if the case is met, else what is wrong.
  std::string RunCase(const json::Object& test) {
    Arena arena;
    Context context(arena);
    SchemaTypes types;
    std::deque<Overload> functions;
    std::vector<std::shared_ptr<const SchemaTree>> trees;
    std::vector<Binding> bindings;

    Environment environment = kro_ ? Environment::Kro() : Environment::Standard();
    environment.dialect().container = Field(test, "container");
    if (Flag(test, "disable_macros")) environment.dialect().macros = false;

    const json::Object* variables = &test;
    if (const json::Value* name = test.if_contains("use_variables")) {
      variables = &data_.at(0).at("variables").at(name->get_string()).get_object();
    }
    if (const json::Value* declared = variables->if_contains("variables")) {
      for (const auto& [name, type] : declared->get_object()) {
        auto parsed = ParseType(type.get_string());
        if (!parsed) return "the data declares an unknown type: " + std::string(type.get_string());
        environment.AddVariable(name, *parsed);
      }
    }
    if (const json::Value* bound = variables->if_contains("bindings")) {
      for (const auto& [name, value] : bound->get_object()) {
        bindings.push_back({name, ReadValue(context, value)});
      }
    }
    if (const json::Value* declared = test.if_contains("functions")) {
      for (const json::Value& function : declared->get_array()) {
        functions.push_back(DeclareFunction(function.get_object()));
        environment.AddOverload(&functions.back());
      }
    }
    if (kro_) {
      bindings.push_back({"runtime", RuntimeValue()});
      if (std::string problem = AddObjects(test, environment, types, trees, bindings);
          !problem.empty()) {
        return problem;
      }
    }

    const json::Object& expect = test.at("expect").get_object();
    const json::Value* wanted_error = expect.if_contains("error");
    std::string wanted_text = wanted_error ? std::string(wanted_error->at(0).get_string()) : "";
    bool defect = test.contains("defect");

    auto ast = Parse(Field(test, "expr"), environment.dialect());
    if (!ast) return wanted_error && !kro_ ? "" : "does not parse";
    if (!Flag(test, "disable_check")) {
      auto checked = Check(environment, *ast);
      if (!checked) {
        if (wanted_error && !kro_) return "";
        return "does not check: " + checked.error().front().message;
      }
      if (const json::Value* type = expect.if_contains("type")) {
        std::string shown = ast->type().ToString();
        if (shown != type->get_string() && !defect) return "has the type " + shown;
      }
    }
    if (Flag(test, "check_only")) return "";

    auto program =
        Plan(std::move(*ast), environment, kro_ ? TypeNames::kUndefined : TypeNames::kDefined);
    if (!program) {
      if (wanted_error && (!kro_ || (program.error().message() == wanted_text &&
                                     Field(expect, "phase") == "plan"))) {
        return "";
      }
      return "is not planned: " + program.error().message();
    }
    if (Field(expect, "phase") == "plan") return "is planned";

    Value value = (*program)->Evaluate(context, bindings);
    if (defect) return "";
    if (wanted_error) {
      if (!value.IsError()) return "gives no error but " + Show(context, value);
      if (!kro_) return "";
      if (value.AsError() != wanted_text) return "gives the error " + std::string(value.AsError());
      bool pending = ClassOf(value.AsError()) == ErrorCode::kPending;
      if (pending != (Field(expect, "class") == "pending")) return "has the wrong class";
      return "";
    }
    if (const json::Value* wanted = expect.if_contains("value")) {
      if (!Same(context, value, *wanted)) return "gives " + Show(context, value);
    } else if (value.IsError() && !expect.contains("unknown")) {
      return "gives " + Show(context, value);
    }
    if (const json::Value* wanted = expect.if_contains("json")) {
      auto json = ToJson(context, value);
      if (!json) return "does not convert: " + json.error().message();
      bool omitted = wanted->is_object() && wanted->get_object().contains("$omit");
      if (omitted != !json->has_value()) return "is omitted, or is not";
      if (!omitted && !SameJson(**json, *wanted)) return "converts to " + json::Serialize(**json);
    }
    if (const json::Value* wanted = expect.if_contains("json_error")) {
      auto json = ToJson(context, value);
      if (json) return "converts";
      if (json.error().message() != wanted->get_string()) {
        return "fails to convert with " + json.error().message();
      }
    }
    return "";
  }

  static std::string Show(Context& context, const Value& value) {
    std::string text = std::string(TypeName(value)) + " " + Display(context, value);
    if (value.Is(Kind::kList)) {
      for (std::size_t i = 0; i < value.ListSize(); ++i)
        text += ", " + Show(context, value.ListAt(context, i));
    }
    if (value.Is(Kind::kMap)) {
      for (MapIterator it(context, value); it.Next();) {
        text += ", " + Show(context, it.key()) + ": " + Show(context, it.value());
      }
    }
    return text;
  }

  static Overload DeclareFunction(const json::Object& function) {
    Overload overload;
    overload.function = Field(function, "name");
    overload.id = Field(function, "overload");
    overload.style = Flag(function, "member") ? Style::kReceiver : Style::kGlobal;
    for (const json::Value& param : function.at("params").get_array()) {
      overload.params.push_back(ParseType(param.get_string()).value_or(Dyn()));
    }
    overload.result = ParseType(Field(function, "result")).value_or(Dyn());
    return overload;
  }

  std::string AddObjects(const json::Object& test, Environment& environment, SchemaTypes& types,
                         std::vector<std::shared_ptr<const SchemaTree>>& trees,
                         std::vector<Binding>& bindings) {
    static const json::Value kDefaultSchema = *json::Parse(
        R"({"schema": {"type": "object", "properties": {
              "apiVersion": {"type": "string"}, "kind": {"type": "string"},
              "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
              "spec": {"type": "object", "properties": {"name": {"type": "string"}}}}},
            "value": {"metadata": {"name": "demo"}, "spec": {"name": "demo"}}})");
    const json::Value* objects = test.if_contains("objects");
    if (!objects || !objects->get_object().contains("schema")) {
      AddObject("schema", kDefaultSchema.get_object(), environment, types, trees, bindings);
    }
    if (!objects) return "";
    for (const auto& [name, given] : objects->get_object()) {
      const json::Object& object =
          given.is_string() ? data_.at(0).at("fixtures").at(given.get_string()).get_object()
                            : given.get_object();
      if (std::string problem = AddObject(name, object, environment, types, trees, bindings);
          !problem.empty()) {
        return problem;
      }
    }
    return "";
  }

  static std::string AddObject(std::string_view name, const json::Object& object,
                               Environment& environment, SchemaTypes& types,
                               std::vector<std::shared_ptr<const SchemaTree>>& trees,
                               std::vector<Binding>& bindings) {
    const json::Value* openapi = object.if_contains("schema");
    bool collection = Flag(object, "collection");
    const Schema* schema = nullptr;
    if (openapi) {
      environment.AddVariable(
          name, collection ? types.DeclareList(name, *openapi) : types.Declare(name, *openapi));
      if (!Flag(object, "native")) {
        auto tree = SchemaTree::Read(*openapi);
        if (!tree) return tree.error().message();
        trees.push_back(*tree);
        schema = collection ? (*tree)->list_of_root() : (*tree)->root();
      }
    } else {
      environment.AddVariable(name, Dyn());
    }
    if (Flag(object, "absent")) return "";
    static Arena arena;
    static Context context(arena);
    const json::Value* value = object.if_contains("value");
    bindings.push_back({name, value ? FromJson(context, *value, schema) : Value::Null()});
    return "";
  }

  std::string file_;
  bool kro_;
  json::Value data_;
};

class Conformance : public testing::TestWithParam<std::string> {};

TEST_P(Conformance, GivesTheRecordedResults) { Runner(GetParam()).Run(); }

// Every file of test/data/cel-spec but the faults, which conformance_errors_test.cc runs.
std::vector<std::string> Files() {
  std::vector<std::string> files;
  std::error_code absent;
  for (const auto& entry :
       std::filesystem::directory_iterator(conformance::DataPath("cel-spec"), absent)) {
    const std::string file = entry.path().stem();
    if (entry.path().extension() == ".json" && file != "kro-errors") files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Other data may have no such files.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Conformance);
INSTANTIATE_TEST_SUITE_P(CelSpec, Conformance, testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace kro::cel
