// Kubernetes' semver library, versions 0 (spec section 4.13) and 1.

#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/semver_value.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

struct SemverValue : OpaqueBase {
  SemanticVersion version;
};

const SemanticVersion& VersionOf(const Value& value) { return value.As<SemverValue>().version; }

Value EqualVersions(Context&, const Value& a, const Value& b) {
  return Value::Bool(VersionOf(a) == VersionOf(b));
}

constexpr OpaqueType kSemverType{.name = "kubernetes.Semver", .equal = EqualVersions};

Value ParseSemver(Context& context, Args args);
Value IsSemver(Context&, Args args) {
  return Value::Bool(SemanticVersion::Parse(args[0].AsString()).has_value());
}
template <std::uint64_t SemanticVersion::* kPart>
Value GetPart(Context&, Args args) {
  return Value::Int(static_cast<std::int64_t>(VersionOf(args[0]).*kPart));
}
Value ParseLenient(Context& context, Args args);
Value IsLenient(Context& context, Args args);
Value CompareTo(Context& context, Args args);
Value IsLessThan(Context&, Args args) {
  return Value::Bool(VersionOf(args[0]) < VersionOf(args[1]));
}
Value IsGreaterThan(Context&, Args args) {
  return Value::Bool(VersionOf(args[0]) > VersionOf(args[1]));
}

}  // namespace

const Library& SemverLibrary() {
  static const Type semver = Object(kSemverType.name);
  static const Library library{
      .name = "kubernetes.semver",
      .doc = "Semantic versions.",
      .overloads = {
          {.function = "semver",
           .id = "string_to_semver",
           .params = {String()},
           .result = semver,
           .doc = "Reads a version of Semantic Versioning 2.0, strictly.",
           .examples = {{"semver('1.0.0+a') == semver('1.0.0+b')", "true"},
                        {"semver('')", "error: Version string empty"}},
           .eval = ParseSemver},
          {.function = "isSemver",
           .id = "is_semver_string",
           .params = {String()},
           .result = Bool(),
           .doc = "Whether semver() can read the text.",
           .examples = {{"isSemver('v1.0.0')", "false"}},
           .eval = IsSemver},
          {.function = "major",
           .id = "semver_major",
           .style = Style::kReceiver,
           .params = {semver},
           .result = Int(),
           .doc = "The first number.",
           .examples = {{"semver('1.2.3').major()", "1"}},
           .eval = GetPart<&SemanticVersion::major>},
          {.function = "minor",
           .id = "semver_minor",
           .style = Style::kReceiver,
           .params = {semver},
           .result = Int(),
           .doc = "The second number.",
           .examples = {{"semver('1.2.3').minor()", "2"}},
           .eval = GetPart<&SemanticVersion::minor>},
          {.function = "patch",
           .id = "semver_patch",
           .style = Style::kReceiver,
           .params = {semver},
           .result = Int(),
           .doc = "The third number.",
           .examples = {{"semver('1.2.3').patch()", "3"}},
           .eval = GetPart<&SemanticVersion::patch>},
          {.function = "compareTo",
           .id = "semver_compare_to",
           .style = Style::kReceiver,
           .params = {semver, semver},
           .result = Int(),
           .doc = "-1, 0 or 1: earlier, equal, later.",
           .examples = {{"semver('2.0.0').compareTo(semver('1.99.99'))", "1"}},
           .eval = CompareTo},
          {.function = "isLessThan",
           .id = "semver_is_less_than",
           .style = Style::kReceiver,
           .params = {semver, semver},
           .result = Bool(),
           .doc = "Whether the receiver is the earlier one.",
           .examples = {{"semver('1.0.0-alpha').isLessThan(semver('1.0.0'))", "true"}},
           .eval = IsLessThan},
          {.function = "isGreaterThan",
           .id = "semver_is_greater_than",
           .style = Style::kReceiver,
           .params = {semver, semver},
           .result = Bool(),
           .doc = "Whether the receiver is the later one.",
           .examples = {{"semver('1.10.0').isGreaterThan(semver('1.9.0'))", "true"}},
           .eval = IsGreaterThan},
      }};
  return library;
}

const Library& LenientSemverLibrary() {
  static const Library library{
      .name = "kubernetes.semver.lenient",
      .version = 1,
      .doc = "Semantic versions as people write them.",
      .overloads = {
          {.function = "semver",
           .id = "string_bool_to_semver",
           .params = {String(), Bool()},
           .result = Object(kSemverType.name),
           .doc = "Reads a version. If the second argument is true, a leading v is left out, "
                  "missing minor and "
                  "patch numbers are 0 and leading zeros do not count.",
           .examples = {{"semver('v1.02', true) == semver('1.2.0')", "true"},
                        {"semver('v1.0', false)", "error: No Major.Minor.Patch elements found"}},
           .eval = ParseLenient},
          {.function = "isSemver",
           .id = "is_semver_string_bool",
           .params = {String(), Bool()},
           .result = Bool(),
           .doc = "Whether semver() can read the text so.",
           .examples = {{"isSemver('v1.0', true)", "true"}, {"isSemver('v1.0', false)", "false"}},
           .eval = IsLenient},
      }};
  return library;
}

namespace {

// "v1.02-rc" has no minor number: only a version of three parts may have more than numbers.
Result<std::string> Normalized(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.starts_with('v')) text.remove_prefix(1);
  std::string out;
  int parts = 0;
  std::string_view rest = text;
  while (parts < 3 && rest.data() != nullptr) {
    const std::size_t dot = parts < 2 ? rest.find('.') : rest.npos;
    std::string_view part = rest.substr(0, dot);
    while (part.size() > 1 && part[0] == '0' && part[1] >= '0' && part[1] <= '9')
      part.remove_prefix(1);
    if (parts > 0) out += '.';
    out += part;
    ++parts;
    rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
  }
  if (parts < 3 && out.find_first_of("+-") != out.npos) {
    return Fail(ErrorCode::kInvalid, "Short version cannot contain PreRelease/Build meta data");
  }
  for (; parts < 3; ++parts) out += ".0";
  return out;
}

Value ParseLenient(Context& context, Args args) {
  if (!args[1].IsTrue()) return ParseSemver(context, args.first(1));
  auto text = Normalized(args[0].AsString());
  if (!text) return MakeError(context, text.error());
  const Value normal = NewString(context, *text);
  return normal.IsError() ? normal : ParseSemver(context, {&normal, 1});
}

Value IsLenient(Context& context, Args args) {
  if (!args[1].IsTrue()) return IsSemver(context, args.first(1));
  auto text = Normalized(args[0].AsString());
  return Value::Bool(text && SemanticVersion::Parse(*text).has_value());
}

Value ParseSemver(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  if (!ChargeText(context, text.size())) return Value::Error(kBudgetExceeded);
  auto version = SemanticVersion::Parse(text);
  if (!version) return MakeError(context, version.error());
  version->prerelease = context.arena().Copy(version->prerelease);
  return Value::Abstract(context.arena().New<SemverValue>(OpaqueBase{&kSemverType}, *version));
}

Value CompareTo(Context&, Args args) {
  auto order = VersionOf(args[0]) <=> VersionOf(args[1]);
  return Value::Int(order < 0 ? -1 : order > 0 ? 1 : 0);
}

}  // namespace
}  // namespace kro::cel
