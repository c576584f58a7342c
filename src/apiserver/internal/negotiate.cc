#include "apiserver/internal/negotiate.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "apiserver/internal/status.h"

namespace kro::apiserver {
namespace {

struct MediaRange {
  std::string_view type;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;

  std::string_view Parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (key == name) return value;
    }
    return {};
  }
};

std::vector<MediaRange> ParseAccept(std::string_view accept);
std::string_view Trim(std::string_view text);
std::optional<Form> FormOf(const MediaRange& range, bool& unknown_transform);

}  // namespace

Answer<Form> NegotiateForm(std::string_view accept, Of of) {
  if (Trim(accept).empty()) return Form{};
  bool unknown_transform = false;
  for (const MediaRange& range : ParseAccept(accept)) {
    if (auto form = FormOf(range, unknown_transform)) return *form;
  }
  if (unknown_transform) {
    return std::unexpected(NotAcceptableStatus(
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"));
  }
  std::string text =
      "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
      "application/vnd.kubernetes.protobuf";
  if (of == Of::kCollection) {
    text += ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
  }
  return std::unexpected(NotAcceptableStatus(std::move(text)));
}

std::string_view AggregatedDiscoveryVersion(std::string_view accept) {
  for (const MediaRange& range : ParseAccept(accept)) {
    if (range.type != "application/json" && range.type != "*/*") continue;
    if (range.Parameter("as") == "APIGroupDiscoveryList" &&
        range.Parameter("g") == "apidiscovery.k8s.io") {
      std::string_view version = range.Parameter("v");
      if (version == "v2" || version == "v2beta1") return version == "v2" ? "v2" : "v2beta1";
      continue;
    }
    if (range.Parameter("as").empty()) return {};
  }
  return {};
}

namespace {

std::vector<MediaRange> ParseAccept(std::string_view accept) {
  std::vector<MediaRange> ranges;
  while (!accept.empty()) {
    std::string_view part = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), part.size() + 1));
    MediaRange range;
    bool first = true;
    while (true) {
      std::string_view word = part.substr(0, part.find(';'));
      if (first) {
        range.type = Trim(word);
        first = false;
      } else if (std::size_t equals = word.find('='); equals != std::string_view::npos) {
        range.parameters.emplace_back(Trim(word.substr(0, equals)), Trim(word.substr(equals + 1)));
      }
      if (word.size() == part.size()) break;
      part.remove_prefix(word.size() + 1);
    }
    if (!range.type.empty()) ranges.push_back(std::move(range));
  }
  return ranges;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// nullopt if the range asks for what this server has not.
std::optional<Form> FormOf(const MediaRange& range, bool& unknown_transform) {
  Form form;
  if (range.type == "application/yaml") {
    form.format = Format::kYaml;
  } else if (range.type != "application/json" && range.type != "*/*") {
    return std::nullopt;
  }
  std::string_view as = range.Parameter("as");
  if (as.empty()) return form;
  std::string_view group = range.Parameter("g");
  std::string_view version = range.Parameter("v");
  if (group != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) {
    unknown_transform = true;
    return std::nullopt;
  }
  form.meta_version = version;
  if (as == "PartialObjectMetadata") {
    form.transform = Transform::kPartialObject;
  } else if (as == "PartialObjectMetadataList") {
    form.transform = Transform::kPartialList;
  } else if (as == "Table") {
    form.transform = Transform::kTable;
  } else {
    unknown_transform = true;
    return std::nullopt;
  }
  return form;
}

}  // namespace
}  // namespace kro::apiserver
