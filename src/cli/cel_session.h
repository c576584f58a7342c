// CelSession: variables with their data and types, and expressions over them. What `kro cel` does,
// without the terminal.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cel/cel.h"
#include "cli/cel_command.h"
#include "json/value.h"

namespace kro::cli {

class CelSession {
 public:
  // Reads the files that the options name. Variables without a schema are dyn.
  static std::expected<std::unique_ptr<const CelSession>, Output> Open(const CelOptions& options);

  // The value, the type, the cost and what was read.
  Output Explain(std::string_view expression) const;

  // The type in an author's words: "list(int)"; empty if the expression does not check.
  std::string TypeOf(std::string_view expression) const;

  // The keys of the map that the expression gives with the data; none if it gives no map.
  std::vector<std::string> KeysOf(std::string_view expression) const;

  // The variables and their types, one a line.
  std::string ShowVariables() const;

  const cel::Environment& environment() const { return environment_; }

 private:
  explicit CelSession(const CelOptions& options) : options_(options) {}

  std::vector<cel::Binding> Bind(cel::Context& context) const;

  CelOptions options_;
  json::Value vars_ = json::Object();
  std::map<std::string, json::Value, std::less<>> schemas_;
  std::map<std::string, std::shared_ptr<const cel::SchemaTree>, std::less<>> trees_;
  cel::SchemaTypes types_;
  cel::Environment environment_ = cel::Environment::Kro();
};

}  // namespace kro::cli
