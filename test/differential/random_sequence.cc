#include <fmt/format.h>

#include "apiserver/ids.h"
#include "differential/sequence.h"
#include "json/value.h"

namespace kro::differential {
namespace {

using Draws = apiserver::IdSource;

bool Chance(Draws& draws, std::uint64_t percent) { return draws.Draw(100) < percent; }

std::string Letter(Draws& draws) { return std::string(1, static_cast<char>('a' + draws.Draw(3))); }

json::Value Scalar(Draws& draws) { return json::Value(Letter(draws)); }

json::Object Pair(Draws& draws) {
  json::Object pair;
  if (Chance(draws, 60)) pair["x"] = Letter(draws);
  if (Chance(draws, 60)) pair["y"] = Letter(draws);
  return pair;
}

json::Array Set(Draws& draws) {
  json::Array items;
  for (char c = 'a'; c < 'e'; ++c) {
    if (Chance(draws, 40))
      items.insert(items.begin() + static_cast<std::ptrdiff_t>(draws.Draw(items.size() + 1)),
                   json::Value(std::string(1, c)));
  }
  return items;
}

json::Array Items(Draws& draws) {
  json::Array items;
  for (char c = 'p'; c < 's'; ++c) {
    if (!Chance(draws, 50)) continue;
    json::Object item;
    item["name"] = std::string(1, c);
    if (Chance(draws, 60)) item["v"] = draws.Draw(2);
    if (Chance(draws, 30)) item["w"] = draws.Draw(2);
    items.push_back(std::move(item));
  }
  return items;
}

json::Array Ports(Draws& draws) {
  json::Array items;
  for (int port : {80, 81}) {
    for (std::string_view protocol : {"", "UDP"}) {
      if (!Chance(draws, 30)) continue;
      json::Object item;
      item["port"] = port;
      if (!protocol.empty()) item["protocol"] = protocol;
      if (Chance(draws, 50)) item["v"] = draws.Draw(2);
      items.push_back(std::move(item));
    }
  }
  return items;
}

json::Object Spec(Draws& draws) {
  json::Object spec;
  if (Chance(draws, 50)) spec["a"] = Scalar(draws);
  if (Chance(draws, 40)) spec["b"] = Scalar(draws);
  if (Chance(draws, 30)) spec["n"] = draws.Draw(3);
  if (Chance(draws, 15)) spec["d"] = Scalar(draws);
  if (Chance(draws, 40)) spec["obj"] = Pair(draws);
  if (Chance(draws, 30)) spec["atom"] = Pair(draws);
  if (Chance(draws, 40)) spec["mp"] = Pair(draws);
  if (Chance(draws, 40)) spec["lset"] = Set(draws);
  if (Chance(draws, 40)) spec["lmap"] = Items(draws);
  if (Chance(draws, 30)) spec["lmap2"] = Ports(draws);
  if (Chance(draws, 25)) spec["latom"] = Items(draws);
  if (Chance(draws, 25)) {
    json::Object free;
    free["q"] = Pair(draws);
    if (Chance(draws, 40)) free["e"] = json::Object();
    spec["free"] = std::move(free);
  }
  return spec;
}

std::string Thg(Draws& draws, json::Object spec) {
  json::Object metadata;
  metadata["name"] = "t";
  if (Chance(draws, 25)) {
    json::Object labels;
    labels["l"] = Letter(draws);
    metadata["labels"] = std::move(labels);
  }
  json::Object object;
  object["apiVersion"] = "ex.io/v1";
  object["kind"] = "Thg";
  object["metadata"] = std::move(metadata);
  if (Chance(draws, 92)) object["spec"] = std::move(spec);
  return json::Serialize(object);
}

}  // namespace

Sequence RandomSequence(std::uint64_t seed) {
  Draws draws(seed);
  Sequence sequence{fmt::format("random-{}", seed), {}};
  const std::uint64_t length = 3 + draws.Draw(6);
  for (std::uint64_t i = 0; i < length; ++i) {
    const char manager = static_cast<char>('A' + draws.Draw(3));
    switch (draws.Draw(10)) {
      case 0: {
        json::Object patch;
        patch["spec"] = Spec(draws);
        sequence.steps.push_back({"PATCH", fmt::format("$T/t?fieldManager=U{}", manager),
                                  json::Serialize(patch), "application/merge-patch+json", ""});
        break;
      }
      case 1:
        sequence.steps.push_back(
            {"PATCH", fmt::format("$T/t?fieldManager=U{}", manager),
             fmt::format(R"([{{"op":"add","path":"/spec/a","value":"{}"}}])", Letter(draws)),
             "application/json-patch+json", ""});
        break;
      case 2:
        sequence.steps.push_back({"POST", fmt::format("$T?fieldManager=U{}", manager),
                                  Thg(draws, Spec(draws)), "application/json", ""});
        break;
      default:
        sequence.steps.push_back(
            {"PATCH",
             fmt::format("$T/t?fieldManager={}{}", manager, Chance(draws, 40) ? "&force=true" : ""),
             Thg(draws, Spec(draws)), "application/apply-patch+yaml", ""});
    }
  }
  sequence.steps.push_back({"GET", "$T/t", "", "", ""});
  return sequence;
}

}  // namespace kro::differential
