// YAML files as kubectl takes them, for what authors write.
//
// Differs from ParseYaml (yaml.h) where that is stricter than kubectl: of a key that is repeated the last value
// counts. Says what was hardly meant as it is read: repeated keys (KRO102), and keys such as `n` and `on`, which
// YAML 1.1 takes for booleans (KRO106).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "json/yaml.h"

namespace kro::json {

struct KubectlYaml {
  std::vector<Document> documents;
  Diagnostics warnings;  // in the order of the text; the first hundred of a document
  // What go-yaml's strict reader says of repeated keys, `line 2: key "a" already set in map`, in its order: where
  // their values end. Members that `<<` brings count as the map's own, and what an alias brings each time. The
  // first ten thousand.
  std::vector<std::string> strict_complaints;
};

Parsed<KubectlYaml> ParseKubectlYaml(std::string_view text, std::string_view source = {});

}  // namespace kro::json
