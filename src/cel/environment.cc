#include "cel/environment.h"

#include <algorithm>
#include <array>

#include "cel/library.h"
#include "cel/macros.h"
#include "cel/messages.h"

namespace kro::cel {

Environment::Environment(std::span<const Library* const> libraries, Dialect dialect)
    : dialect_(std::move(dialect)) {
  auto functions = std::make_shared<FunctionTable>();
  auto add = [&](const Library& library) {
    for (const Overload& overload : library.overloads) {
      Function& function = (*functions)[overload.function];
      function.name = overload.function;
      auto same = std::ranges::find(function.overloads, overload.id, &Overload::id);
      if (same != function.overloads.end()) {
        *same = &overload;
      } else {
        function.overloads.push_back(&overload);
      }
    }
  };
  add(MacroFunctions());
  if (dialect_.well_known_messages) add(MessageFunctions());
  for (const Library* library : libraries) add(*library);
  functions_ = std::move(functions);
}

Environment Environment::Kro() {
  static const Environment kro = [] {
    Environment environment(KroLibraries(), {.conditions = true});
    environment.AddVariable("runtime", Object("kro.run.Runtime"));
    return environment;
  }();
  return kro;
}

Environment Environment::Kubernetes() {
  static const Environment kubernetes(KubernetesLibraries(),
                                      {.bindings = false, .mixed_comparisons = true});
  return kubernetes;
}

Environment Environment::Standard() {
  static const Environment standard = [] {
    const std::array libraries = {&StandardLibrary(), &OptionalLibrary(),     &StringsLibrary(),
                                  &ListsLibrary(),    &EncodersLibrary(),     &NetworkLibrary(),
                                  &MathLibrary(),     &SpecificationLibrary()};
    return Environment(libraries, {.mixed_comparisons = true,
                                   .blocks = true,
                                   .well_known_messages = true,
                                   .rules = Rules::kSpecification});
  }();
  return standard;
}

std::int32_t Environment::AddVariable(std::string_view name, Type type) {
  auto [entry, added] =
      slots_.try_emplace(std::string(name), static_cast<std::int32_t>(variables_.size()));
  if (added) {
    variables_.push_back({std::string(name), type});
  } else {
    variables_[static_cast<std::size_t>(entry->second)].type = type;
  }
  return entry->second;
}

void Environment::AddOverload(const Overload* overload) {
  auto functions = std::make_shared<FunctionTable>(*functions_);
  Function& function = (*functions)[overload->function];
  function.name = overload->function;
  function.overloads.push_back(overload);
  functions_ = std::move(functions);
}

const Function* Environment::FindFunction(std::string_view name) const {
  auto found = functions_->find(name);
  return found == functions_->end() ? nullptr : &found->second;
}

std::int32_t Environment::FindVariable(std::string_view name) const {
  auto found = slots_.find(name);
  return found == slots_.end() ? -1 : found->second;
}

std::vector<std::string> Environment::FunctionNames() const {
  std::vector<std::string> names;
  for (const auto& [name, function] : *functions_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace kro::cel
