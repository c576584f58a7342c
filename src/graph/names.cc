#include "graph/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "api/names.h"
#include "base/go_quote.h"
#include "graph/internal/report.h"

namespace kro::graph {
namespace {

constexpr std::string_view kPrefix = "failed to validate resourcegraphdefinition: ";
constexpr std::string_view kConvention = "naming convention violation: ";

using Ids = std::map<std::string, std::size_t, std::less<>>;  // with the index of the first

void CheckKind(const api::RgdSpec& spec, Diagnostics& faults);
Ids CheckIds(const api::RgdSpec& spec, Diagnostics& faults);
void CheckIterators(const api::Resource& resource, std::size_t index, const Ids& ids,
                    std::size_t max_dimensions, Diagnostics& faults);
std::string_view KindOf(const api::Resource& resource);
std::string CamelCase(std::string_view name, bool upper);

}  // namespace

Diagnostics CheckNames(const api::RgdSpec& spec, std::size_t max_dimensions) {
  Diagnostics faults;
  CheckKind(spec, faults);
  const Ids ids = CheckIds(spec, faults);
  for (std::size_t i = 0; i < spec.resources.size(); ++i) {
    CheckIterators(spec.resources[i], i, ids, max_dimensions, faults);
  }
  return Enclose(std::move(faults), {}, kPrefix);
}

namespace {

void CheckKind(const api::RgdSpec& spec, Diagnostics& faults) {
  const std::string kind = spec.schema ? spec.schema->kind : std::string();
  if (api::IsKindName(kind)) return;
  const json::FieldPath path({std::string("spec"), std::string("schema"), std::string("kind")});
  Diagnostic fault =
      Problem("KRO201", path,
              fmt::format("{}kind '{}' is not a valid KRO kind name: must be UpperCamelCase",
                          kConvention, kind));
  const std::string better = CamelCase(kind, true);
  if (api::IsKindName(better)) fault.hint = fmt::format("for instance '{}'", better);
  faults.push_back(std::move(fault));
}

Ids CheckIds(const api::RgdSpec& spec, Diagnostics& faults) {
  Ids ids;
  for (std::size_t i = 0; i < spec.resources.size(); ++i) {
    const std::string& id = spec.resources[i].id;
    const json::FieldPath path = ResourcePath(i).Child("id");
    const auto [first, is_new] = ids.emplace(id, i);
    if (api::IsReservedWord(id)) {
      Diagnostic fault = Problem(
          "KRO204", path, fmt::format("{}id {} is a reserved keyword in KRO", kConvention, id));
      fault.hint = fmt::format("for instance '{}Resource'", id);
      faults.push_back(std::move(fault));
    } else if (!api::IsResourceId(id)) {
      Diagnostic fault =
          Problem("KRO202", path,
                  fmt::format("{}id {} is not a valid KRO resource id: must be lower camelCase",
                              kConvention, id));
      // Without an id, one after the kind.
      if (id.empty()) fault.message = "a resource has no id";
      const std::string better = CamelCase(id.empty() ? KindOf(spec.resources[i]) : id, false);
      if (api::IsResourceId(better) && !api::IsReservedWord(better)) {
        fault.hint = fmt::format("for instance '{}{}'", id.empty() ? "id: " : "", better);
      }
      faults.push_back(std::move(fault));
    } else if (!is_new) {
      Diagnostic fault = Problem("KRO203", path,
                                 fmt::format("{}found duplicate resource IDs {}", kConvention, id));
      fault.related.push_back(
          {.where = {.path = ResourcePath(first->second).Child("id").ToString()},
           .message = "first used here"});
      faults.push_back(std::move(fault));
    }
  }
  return ids;
}

void CheckIterators(const api::Resource& resource, std::size_t index, const Ids& ids,
                    std::size_t max_dimensions, Diagnostics& faults) {
  const json::FieldPath path = ResourcePath(index).Child("forEach");
  const std::string prefix = fmt::format("resource {}: ", GoQuote(resource.id));
  if (resource.for_each.size() > max_dimensions) {
    faults.push_back(Problem("KRO206", path,
                             fmt::format("{}forEach cannot have more than {} dimensions, got {}",
                                         prefix, max_dimensions, resource.for_each.size())));
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < resource.for_each.size() && faults.size() < kMaxFaults; ++i) {
    const std::string& name = resource.for_each[i].name;
    const json::FieldPath here = path.Child(i).Child(name);
    const auto iterator = fmt::format("{}forEach iterator name {}", prefix, GoQuote(name));
    const bool is_new = seen.insert(name).second;
    if (!api::IsResourceId(name)) {
      Diagnostic fault =
          Problem("KRO206", here, fmt::format("{} is not valid: must be lowerCamelCase", iterator));
      const std::string better = CamelCase(name, false);
      if (api::IsResourceId(better)) fault.hint = fmt::format("for instance '{}'", better);
      faults.push_back(std::move(fault));
    } else if (api::IsReservedWord(name)) {
      faults.push_back(Problem("KRO204", here, fmt::format("{} is a reserved keyword", iterator)));
    } else if (const auto id = ids.find(name); id != ids.end()) {
      Diagnostic fault =
          Problem("KRO203", here, fmt::format("{} conflicts with resource ID", iterator));
      fault.related.push_back({.where = {.path = ResourcePath(id->second).Child("id").ToString()},
                               .message = "the resource"});
      faults.push_back(std::move(fault));
    } else if (!is_new) {
      faults.push_back(
          Problem("KRO203", here,
                  fmt::format("{}duplicate forEach iterator name {}", prefix, GoQuote(name))));
    }
  }
}

// As written; empty if there is none.
std::string_view KindOf(const api::Resource& resource) {
  if (resource.manifest) return json::FindString(*resource.manifest, {"kind"});
  return resource.external_ref ? std::string_view(resource.external_ref->kind) : std::string_view();
}

// "web-server" in the form webServer or WebServer; empty if no letter is left.
std::string CamelCase(std::string_view name, bool upper) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string camel;
  bool begins_word = upper;
  for (const char c : name) {
    if (!is_letter(c) && (!is_digit(c) || camel.empty())) {
      begins_word = upper || !camel.empty();
      continue;
    }
    const bool lower_first = camel.empty() && !upper;
    if (is_letter(c) && begins_word) {
      camel += static_cast<char>(c & ~0x20);
    } else {
      camel += is_letter(c) && lower_first ? static_cast<char>(c | 0x20) : c;
    }
    begins_word = false;
  }
  return camel;
}

}  // namespace
}  // namespace kro::graph
