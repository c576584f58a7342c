#include "differential/answers.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "apiserver/internal/builtin_documents.h"

namespace kro::differential {
namespace {

constexpr const char* kFile = KRO_SOURCE_DIR "/test/data/apiserver/answers.json.gz";

}  // namespace

Recording ReadRecording() {
  Recording recording;
  std::ifstream file(kFile, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  auto text = apiserver::Gunzip(bytes.str());
  EXPECT_TRUE(text) << kFile;
  if (!text) return recording;
  auto value = json::Parse(*text);
  EXPECT_TRUE(value) << kFile;
  if (!value) return recording;
  recording.seeds = json::Find(*value, "seeds")->to_number<std::uint64_t>();
  for (const auto& [id, answers] : json::Find(*value, "answers")->as_object()) {
    recording.answers[std::string(id)] = {answers.as_array().begin(), answers.as_array().end()};
  }
  return recording;
}

void WriteRecording(const Recording& recording) {
  json::Object answers;
  for (const auto& [id, list] : recording.answers) {
    answers[id] = json::Array(list.begin(), list.end());
  }
  json::Object root;
  root["seeds"] = recording.seeds;
  root["answers"] = std::move(answers);
  std::ofstream(kFile, std::ios::binary) << apiserver::Gzip(json::Canonical(root));
}

}  // namespace kro::differential
