// What a real API server answered (test/data/apiserver), answered here again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "apiserver/apply.h"
#include "apiserver/crd_validation.h"
#include "apiserver/decode.h"
#include "apiserver/internal/typed.h"
#include "apiserver/patch.h"
#include "apiserver/structural_schema.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

json::Value Load(const std::string& name) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/test/data/apiserver/" + name);
  std::stringstream text;
  text << file.rdbuf();
  auto value = json::Parse(text.str());
  EXPECT_TRUE(value.has_value()) << name;
  return value ? *value : json::Value(json::Array());
}

const json::Value& At(const json::Value& value, std::string_view key) {
  static const json::Value none;
  const json::Value* found = json::Find(value, key);
  return found == nullptr ? none : *found;
}

// "field: body" in order, which is random in the recording.
std::vector<std::string> Recorded(const json::Value& failure) {
  std::vector<std::string> texts;
  if (failure.is_null()) return texts;
  for (const json::Value& cause : At(failure, "causes").get_array()) {
    const json::Array& parts = cause.get_array();
    texts.push_back(fmt::format("{} {}: {}", std::string_view(parts[0].get_string()),
                                std::string_view(parts[2].get_string()),
                                std::string_view(parts[1].get_string())));
  }
  std::ranges::sort(texts);
  return texts;
}

std::vector<std::string> Shown(const FieldErrors& errors) {
  std::vector<std::string> texts;
  for (const FieldError& error : errors) {
    texts.push_back(fmt::format("{} {}: {}", ToString(error.type), error.field, error.body));
  }
  std::ranges::sort(texts);
  return texts;
}

std::vector<std::string> Texts(const json::Value& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const json::Value& text : list.get_array()) texts.emplace_back(text.get_string());
  return texts;
}

// Cases that are known to differ, one id a line with its reason.
std::set<std::string> Unmet() {
  std::set<std::string> ids;
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/src/apiserver/recorded_unmet.txt");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') ids.insert(line.substr(0, line.find(' ')));
  }
  return ids;
}

// Counts what is met, and fails for what changed its side.
class Score {
 public:
  void Add(const std::string& id, bool met, const std::string& detail) {
    const bool listed = unmet_.contains(id);
    if (met && !listed) ++passed_;
    if (!met && listed) ++unmet_count_;
    if (met && listed) ADD_FAILURE() << id << " is listed as unmet and passes";
    if (!met && !listed) ADD_FAILURE() << id << "\n" << detail;
  }
  ~Score() { fmt::print("{} passed, {} unmet\n", passed_, unmet_count_); }

 private:
  std::set<std::string> unmet_ = Unmet();
  int passed_ = 0;
  int unmet_count_ = 0;
};

std::string Compare(const std::vector<std::string>& wanted, const std::vector<std::string>& found) {
  return fmt::format("wanted:\n  {}\nfound:\n  {}", fmt::join(wanted, "\n  "),
                     fmt::join(found, "\n  "));
}

TEST(Recorded, Definitions) {
  Score score;
  const json::Value cases = Load("definitions.json");
  for (std::size_t i = 0; i < cases.get_array().size(); ++i) {
    const json::Value& test = cases.get_array()[i];
    CrdVerdict verdict = ValidateCrd(At(test, "definition"), nullptr);
    const auto wanted = Recorded(At(test, "failure"));
    const auto found = Shown(verdict.errors);
    std::ranges::sort(verdict.warnings);
    auto warnings = Texts(At(test, "warnings"));
    if (!verdict.errors.empty()) warnings = verdict.warnings;
    score.Add(fmt::format("definitions/{}", i), wanted == found && warnings == verdict.warnings,
              Compare(wanted, found) + json::Serialize(At(test, "definition")));
  }
}

// What a server does with a write of a custom resource.
struct Written {
  json::Value object;
  FieldErrors errors;
  std::vector<std::string> warnings;
  std::string refusal;
};

Written Write(const StructuralSchema& schema, json::Value object, const json::Value* old) {
  Written written;
  auto unknown = schema.Prune(object);
  schema.DropNulls(object);
  auto dropped = schema.CoerceMetadata(object);
  if (!dropped) {
    written.refusal = dropped.error().message;
    return written;
  }
  unknown.insert(unknown.end(), dropped->begin(), dropped->end());
  schema.Default(object);
  auto verdict = schema.Validate(object, old);
  written.object = std::move(object);
  written.errors = std::move(verdict.errors);
  written.warnings = FieldComplaints(unknown, {});
  written.warnings.insert(written.warnings.end(), verdict.warnings.begin(), verdict.warnings.end());
  std::ranges::sort(written.warnings);
  return written;
}

json::Value Object(std::string_view kind, const json::Value& spec) {
  return json::Object{{"apiVersion", "ex.io/v1"},
                      {"kind", kind},
                      {"metadata", json::Object{{"name", "a"}}},
                      {"spec", spec}};
}

TEST(Recorded, Resources) {
  Score score;
  for (const json::Value& group : Load("resources.json").get_array()) {
    const std::string_view kind = json::FindString(group, {"kind"});
    auto schema = StructuralSchema::Read(At(group, "schema"));
    ASSERT_TRUE(schema.has_value()) << schema.error().message();
    std::size_t number = 0;
    for (const json::Value& sequence : At(group, "sequences").get_array()) {
      std::optional<json::Value> stored;
      std::size_t step_number = 0;
      for (const json::Value& step : sequence.get_array()) {
        Written written =
            Write(**schema, Object(kind, At(step, "spec")), stored ? &*stored : nullptr);
        const std::string id = fmt::format("resources/{}/{}/{}", kind, number, step_number++);
        const json::Value& failure = At(step, "failure");
        auto wanted = Recorded(failure);
        auto found = Shown(written.errors);
        if (!written.refusal.empty()) found = {written.refusal};
        if (!failure.is_null() && wanted.empty())
          wanted = {std::string(At(failure, "message").get_string())};
        bool met = wanted == found && written.warnings == Texts(At(step, "warnings"));
        std::string detail =
            Compare(wanted, found) + Compare(Texts(At(step, "warnings")), written.warnings);
        if (failure.is_null()) {
          const json::Value& spec = At(written.object, "spec");
          met = met && internal::DeepEqual(spec, At(step, "stored"));
          detail += "\n" + json::Canonical(spec) + "\n" + json::Canonical(At(step, "stored"));
          stored = Object(kind, At(step, "stored"));
        }
        score.Add(id, met, detail + "\n" + json::Canonical(At(step, "spec")));
      }
      ++number;
    }
  }
}

TEST(Recorded, WritesUnderATightenedSchema) {
  Score score;
  for (const json::Value& group : Load("tightened.json").get_array()) {
    const std::string_view kind = json::FindString(group, {"kind"});
    auto schema = StructuralSchema::Read(At(group, "schema"));
    ASSERT_TRUE(schema.has_value()) << schema.error().message();
    json::Value stored = Object(kind, At(group, "stored"));
    (*schema)->Prune(stored);
    (*schema)->Default(stored);
    std::size_t number = 0;
    for (const json::Value& step : At(group, "steps").get_array()) {
      const Written written = Write(**schema, Object(kind, At(step, "spec")), &stored);
      const auto wanted = Recorded(At(step, "failure"));
      const auto found = Shown(written.errors);
      score.Add(fmt::format("tightened/{}/{}", kind, number++),
                wanted == found && written.warnings == Texts(At(step, "warnings")),
                Compare(wanted, found) + Compare(Texts(At(step, "warnings")), written.warnings));
    }
  }
}

std::string Entries(const json::Value& entries) {
  std::vector<std::string> texts;
  for (const json::Value& entry : entries.get_array()) {
    texts.push_back(fmt::format(
        "{} {} {} {} {}", json::FindString(entry, {"manager"}),
        json::FindString(entry, {"operation"}), json::FindString(entry, {"subresource"}),
        json::Serialize(At(entry, "timed")), json::Canonical(At(entry, "fields"))));
  }
  // Entries of one second stand in the order of their names, recorded ones and ours at other times.
  std::ranges::sort(texts);
  return fmt::format("{}", fmt::join(texts, "\n"));
}

json::Array EntriesOf(const json::Value& object) {
  json::Array entries;
  const json::Value* list = json::Find(object, {"metadata", "managedFields"});
  if (list == nullptr) return entries;
  for (const json::Value& entry : list->get_array()) {
    entries.push_back(json::Object{{"manager", json::FindString(entry, {"manager"})},
                                   {"operation", json::FindString(entry, {"operation"})},
                                   {"subresource", json::FindString(entry, {"subresource"})},
                                   {"timed", json::Find(entry, "time") != nullptr},
                                   {"fields", At(entry, "fieldsV1")}});
  }
  return entries;
}

// What was applied is owned, and applying it again changes nothing. An empty list in the place of one
// that had items comes only with the second apply: the first removes the list with its last item.
void ExpectNothingLeftToApply(const Ownership& ownership, const StructuralSchema& schema,
                              json::Value live, const json::Value& body, std::string_view manager) {
  const int applies = json::Serialize(body).find("[]") == std::string::npos ? 1 : 2;
  bool same = false;
  for (int i = 0; i < applies; ++i) {
    auto again = Apply(ownership, &live, body, {.manager = manager, .now = "2026-11-21T17:00:00Z"});
    ASSERT_TRUE(again.has_value()) << again.error().message;
    schema.Default(again->object);
    same = KeepTimesIfUnchanged(live, again->object);
    live = std::move(again->object);
  }
  EXPECT_TRUE(same) << json::Serialize(body);
}

TEST(Recorded, Applies) {
  Score score;
  for (const json::Value& group : Load("applies.json").get_array()) {
    const std::string kind(json::FindString(group, {"kind"}));
    auto structural = StructuralSchema::Read(At(group, "schema"));
    auto schema = ObjectSchema::OfCustomResource(At(group, "schema"));
    ASSERT_TRUE(structural.has_value() && schema.has_value());
    const Ownership ownership{.api_version = "ex.io/v1", .kind = kind, .schema = *schema};
    std::size_t number = 0;
    for (const json::Value& sequence : At(group, "sequences").get_array()) {
      std::optional<json::Value> live;
      std::size_t step_number = 0;
      bool diverged = false;
      for (const json::Value& step : sequence.get_array()) {
        const std::string id = fmt::format("applies/{}/{}/{}", kind, number, step_number);
        const std::string now = fmt::format("2026-11-21T16:00:{:02}Z", step_number++);
        if (diverged) continue;
        const std::string_view operation = json::FindString(step, {"operation"});
        const std::string_view manager = json::FindString(step, {"manager"});
        const json::Value& body = At(step, "body");
        const json::Value* old = live ? &*live : nullptr;
        std::vector<std::string> found;
        json::Value object;
        FieldErrors errors;
        if (operation == "apply" || operation == "force") {
          auto applied = Apply(ownership, old, body,
                               {.manager = manager, .force = operation == "force", .now = now});
          if (!applied) {
            for (const kube::StatusCause& cause : applied.error().causes) {
              found.push_back(fmt::format("{} {}: {}", cause.reason, cause.field, cause.message));
            }
            if (found.empty()) found.push_back(applied.error().message);
            std::ranges::sort(found);
          } else {
            object = std::move(applied->object);
            (*structural)->Default(object);
          }
        } else {
          if (operation == "merge") {
            auto patched = ApplyMergePatch(*live, json::Serialize(body));
            ASSERT_TRUE(patched.has_value());
            object = std::move(patched->object);
          } else {
            object = body;
          }
          (*structural)->Prune(object);
          (*structural)->DropNulls(object);
          (*structural)->Default(object);
          TrackUpdate(ownership, old, object, {.manager = manager, .now = now});
        }
        if (found.empty()) {
          errors = (*structural)->Validate(object, old).errors;
          found = Shown(errors);
        }
        auto wanted = Recorded(At(step, "failure"));
        if (wanted.empty() && !At(step, "failure").is_null()) {
          wanted = {std::string(At(At(step, "failure"), "message").get_string())};
        }
        bool met = wanted == found;
        std::string detail = Compare(wanted, found) + "\n" + json::Serialize(body);
        if (met && At(step, "failure").is_null()) {
          if (live && KeepTimesIfUnchanged(*live, object)) object = *live;
          const std::string entries = Entries(EntriesOf(object));
          const std::string recorded = Entries(At(step, "entries"));
          met = internal::DeepEqual(At(object, "spec"), At(step, "spec")) && entries == recorded;
          detail += fmt::format("\n{} {}\n{}\n{}\n{}\n-- recorded\n{}\n-- live before\n{}",
                                operation, manager, json::Canonical(At(object, "spec")),
                                json::Canonical(At(step, "spec")), entries, recorded,
                                live ? json::Canonical(At(*live, "spec")) : "");
          live = std::move(object);
          // What the server adds has no owner.
          json::Object& metadata = live->get_object()["metadata"].get_object();
          metadata["uid"] = "u";
          if (operation == "apply" || operation == "force") {
            ExpectNothingLeftToApply(ownership, **structural, *live, body, manager);
          }
        }
        score.Add(id, met, detail);
        diverged = !met;
      }
      ++number;
    }
  }
}

}  // namespace
}  // namespace kro::apiserver
