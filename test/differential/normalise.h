// What of an answer is arbitrary is replaced, so that answers of two servers can be compared.
#pragma once

#include <map>
#include <string>

#include "json/value.h"

namespace kro::differential {

// Replaces UIDs, times, addresses and generated names, and numbers resourceVersions in the order in which
// they are first seen: a write that changes nothing must show in both servers. Sorts what has no order.
class Normaliser {
 public:
  json::Value Normalise(json::Value body);

 private:
  void Walk(json::Value& value, std::string_view key, int depth);
  std::string WithObject(std::string text);

  std::map<std::string, std::string> versions_;
};

// Where two values differ: "spec.a: 1 / 2", one a line, at most ten.
std::string Differences(const json::Value& one, const json::Value& other);

}  // namespace kro::differential
