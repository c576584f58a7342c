// QueryParameters: the decoded query of a request target.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kro::apiserver {

class QueryParameters {
 public:
  QueryParameters() = default;
  // `text` without its '?'. Parts that cannot be decoded are left out, as Go does it.
  explicit QueryParameters(std::string_view text);

  // The first value; nullopt if the name does not occur.
  std::optional<std::string_view> Find(std::string_view name) const;
  // The first value, "" if there is none.
  std::string_view Get(std::string_view name) const;
  std::vector<std::string_view> All(std::string_view name) const;
  // As a boolean parameter is read: there, and neither "false" nor "0".
  bool IsOn(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

// Decodes %XX and, in a query, '+'. nullopt for a broken escape.
enum class PlusIs { kPlus, kSpace };
std::optional<std::string> PercentDecode(std::string_view text, PlusIs plus);

}  // namespace kro::apiserver
