#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "differential/sequence.h"
#include "json/value.h"
#include "json/yaml.h"

namespace kro::differential {
namespace {

std::string MediaType(std::string_view word) {
  static const std::map<std::string_view, std::string> kTypes = {
      {"merge", "application/merge-patch+json"},
      {"json", "application/json-patch+json"},
      {"strategic", "application/strategic-merge-patch+json"},
      {"apply", "application/apply-patch+yaml"},
      {"yaml", "application/yaml"}};
  if (word.empty()) return "application/json";
  auto known = kTypes.find(word);
  return known == kTypes.end() ? std::string(word) : known->second;
}

std::string Word(std::string& words) {
  std::string word = words.substr(0, words.find(' '));
  words.erase(0, std::min(words.size(), word.size() + 1));
  return word;
}

Step ReadStep(const json::Value& item) {
  Step step;
  std::string words(json::FindString(item, {"do"}));
  step.method = Word(words);
  if (step.method == "WAIT") {
    step.awaited_code = std::stoi(Word(words));
    step.awaited = Word(words);
  }
  step.target = words;
  if (const json::Value* body = json::Find(item, "body")) {
    step.body = body->is_string() ? std::string(body->get_string()) : json::Serialize(*body);
  }
  step.content_type = MediaType(json::FindString(item, {"type"}));
  step.accept = json::FindString(item, {"accept"});
  step.user = json::FindString(item, {"as"});
  step.mark = json::FindString(item, {"mark"});
  step.awaited_text = json::FindString(item, {"has"});
  step.if_none_match = json::FindString(item, {"if_none_match"});
  if (const json::Value* groups = json::Find(item, "groups")) {
    for (const json::Value& group : groups->as_array()) step.groups.emplace_back(group.as_string());
  }
  return step;
}

}  // namespace

Suite LoadSuite(std::uint64_t seeds) {
  Suite suite;
  std::ifstream file(KRO_SOURCE_DIR "/test/differential/sequences.yaml");
  std::stringstream text;
  text << file.rdbuf();
  auto document = json::ParseYamlDocument(text.str(), "sequences.yaml");
  EXPECT_TRUE(document) << Render(document.error().front());
  if (!document) return suite;
  const json::Value& root = document->value;
  for (const json::Value& definition : json::Find(root, "definitions")->as_array()) {
    suite.definitions.push_back(json::Serialize(definition));
  }
  for (std::uint64_t kind = 0; kind < kRandomKinds; ++kind) {
    suite.definitions.push_back(RandomDefinition(kind));
  }
  for (std::uint64_t kind = 0; kind < kJudgedKinds; ++kind) {
    suite.definitions.push_back(JudgedDefinition(kind));
  }
  for (std::string& definition : ExampleDefinitions()) {
    suite.definitions.push_back(std::move(definition));
  }
  for (Sequence& sequence : ExampleSequences()) suite.sequences.push_back(std::move(sequence));
  for (const json::Value& entry : json::Find(root, "sequences")->as_array()) {
    Sequence sequence{std::string(json::FindString(entry, {"id"})), {}};
    for (const json::Value& item : json::Find(entry, "steps")->as_array()) {
      sequence.steps.push_back(ReadStep(item));
    }
    suite.sequences.push_back(std::move(sequence));
  }
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    suite.sequences.push_back(RandomSequence(seed));
    suite.sequences.push_back(RandomKindSequence(seed));
    suite.sequences.push_back(JudgedSequence(seed));
    suite.sequences.push_back(BuiltinSequence(seed));
    suite.sequences.push_back(RuledSequence(seed));
  }
  return suite;
}

}  // namespace kro::differential
