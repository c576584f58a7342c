// Reads JSON as Go's decoder does: the last of equal keys wins, what is no Unicode becomes U+FFFD, and
// what is wrong is said in its words.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "apiserver/decode.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Result<Decoded> Read();

  // After Read: what go-yaml says about repeated keys, `line 1: key "a" already set in map`.
  const std::vector<std::string>& yaml_complaints() const { return yaml_complaints_; }

 private:
  Result<json::Value> ReadValue(const std::string& path, int depth);
  Result<json::Value> ReadObject(const std::string& path, int depth);
  Result<json::Value> ReadArray(const std::string& path, int depth);
  Result<std::string> ReadString();
  Result<json::Value> ReadNumber();
  Result<json::Value> ReadWord();
  void SkipSpace();
  bool AtEnd() const { return at_ == text_.size(); }
  // `invalid character 'x' after object key`, or the end of the text.
  std::unexpected<Error> Unexpected(std::string_view where) const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<std::string> duplicates_;
  std::unordered_set<std::string> told_;  // the same
  std::vector<std::string> yaml_complaints_;
};

}  // namespace kro::apiserver::internal
