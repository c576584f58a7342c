#include "controller/immutable_fields.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kro::controller {
namespace {

constexpr int kUnprocessable = 422;

constexpr std::string_view kWords[] = {
    "immutable",     "may not be changed", "may not change", "cannot be changed",
    "cannot change", "updates to ",        "oldself"};

bool SaysImmutable(std::string_view message);

}  // namespace

std::optional<std::vector<std::string>> ImmutableFields(const kube::Status& status) {
  if (status.code != kUnprocessable) return std::nullopt;
  std::vector<std::string> fields;
  if (status.causes.empty()) {
    return SaysImmutable(status.message) ? std::optional(std::move(fields)) : std::nullopt;
  }
  for (const kube::StatusCause& cause : status.causes) {
    if (!SaysImmutable(cause.message)) return std::nullopt;
    if (!cause.field.empty() && std::ranges::find(fields, cause.field) == fields.end()) {
      fields.push_back(cause.field);
    }
  }
  return fields;
}

std::string TellOfReplacement(std::string_view object, const std::vector<std::string>& fields) {
  const std::string which =
      fields.empty() ? std::string() : fmt::format(" ({})", fmt::join(fields, ", "));
  return fmt::format(
      "; immutable fields of {}{} would change, for which it would have to be deleted and made "
      "anew: "
      "kro does not delete it by itself",
      object, which);
}

namespace {

// The reason stands last, behind the value that was refused; a dump of the difference may follow on lines
// of its own.
bool SaysImmutable(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  if (const std::size_t colon = message.rfind(": "); colon != std::string_view::npos) {
    message.remove_prefix(colon);
  }
  std::string lower(message);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char letter) { return std::tolower(letter); });
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace
}  // namespace kro::controller
