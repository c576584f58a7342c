// Kubernetes' format library: formats by name, and whether a text has one.

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <vector>

#include "api/names.h"
#include "cel/civil.h"
#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/url_value.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;
using Problems = std::vector<std::string>;

// A format, and what is wrong with a text that does not have it.
struct NamedFormat {
  std::string_view name;
  std::string_view doc;
  Problems (*check)(std::string_view text);
};

Problems CheckLabelPrefix(std::string_view text);
Problems CheckSubdomainPrefix(std::string_view text);
Problems CheckDns1035Prefix(std::string_view text);
Problems CheckQualifiedName(std::string_view text);
Problems CheckUri(std::string_view text);
Problems CheckUuid(std::string_view text);
Problems CheckByte(std::string_view text);
Problems CheckDate(std::string_view text);
Problems CheckDateTime(std::string_view text);

constexpr NamedFormat kFormats[] = {
    {"dns1123Label", "A label of RFC 1123, as names of namespaces.", api::CheckDns1123Label},
    {"dns1123Subdomain", "A subdomain of RFC 1123, as names of most objects.",
     api::CheckDns1123Subdomain},
    {"dns1035Label", "A label of RFC 1035, as names of services.", api::CheckDns1035Label},
    {"qualifiedName", "The key of a label or annotation.", CheckQualifiedName},
    {"dns1123LabelPrefix", "What may begin a label of RFC 1123.", CheckLabelPrefix},
    {"dns1123SubdomainPrefix", "What may begin a subdomain of RFC 1123.", CheckSubdomainPrefix},
    {"dns1035LabelPrefix", "What may begin a label of RFC 1035.", CheckDns1035Prefix},
    {"labelValue", "The value of a label.", api::CheckLabelValue},
    {"uri", "An absolute URL or an absolute path.", CheckUri},
    {"uuid", "A UUID.", CheckUuid},
    {"byte", "Base64, standard alphabet.", CheckByte},
    {"date", "A date: 2006-01-02.", CheckDate},
    {"datetime", "A date with a time: 2006-01-02T15:04:05Z.", CheckDateTime},
};

struct FormatValue : OpaqueBase {
  const NamedFormat* format;
};

const NamedFormat& FormatOf(const Value& value) { return *value.As<FormatValue>().format; }

Value EqualFormats(Context&, const Value& a, const Value& b) {
  return Value::Bool(&FormatOf(a) == &FormatOf(b));
}
std::string ShowFormat(const Value& value) {
  return fmt::format("format.{}()", FormatOf(value).name);
}

constexpr OpaqueType kFormatType{
    .name = "kubernetes.NamedFormat", .equal = EqualFormats, .text = ShowFormat};

Value Named(Context& context, Args args);
Value Validate(Context& context, Args args);
template <std::size_t kIndex>
Value Make(Context& context, Args) {
  return Value::Abstract(
      context.arena().New<FormatValue>(OpaqueBase{&kFormatType}, &kFormats[kIndex]));
}
template <std::size_t... kIndex>
std::vector<EvalFunction> Makers(std::index_sequence<kIndex...>) {
  return {Make<kIndex>...};
}

}  // namespace

const Library& NamedFormatLibrary() {
  static const Library library = [] {
    const Type format = Abstract(kFormatType.name);
    Library made{
        .name = "kubernetes.format",
        .doc = "Formats of texts by name.",
        .overloads = {
            {.function = "format.named",
             .id = "format-named",
             .params = {String()},
             .result = OptionalOf(format),
             .doc = "The format of that name, if there is one.",
             .examples = {{"format.named('dns1123Label').value() == format.dns1123Label()", "true"},
                          {"format.named('nope').hasValue()", "false"}},
             .eval = Named},
            {.function = "validate",
             .id = "format-validate",
             .style = Style::kReceiver,
             .params = {format, String()},
             .result = OptionalOf(ListOf(String())),
             .doc = "What is wrong with a text; nothing if it has the format.",
             .examples = {{"format.dns1123Label().validate('my-name').hasValue()", "false"},
                          {"format.uuid().validate('x').value()",
                           "['does not match the UUID format']"}},
             .eval = Validate},
        }};
    const auto makers = Makers(std::make_index_sequence<std::size(kFormats)>());
    for (std::size_t i = 0; i < std::size(kFormats); ++i) {
      made.overloads.push_back({.function = fmt::format("format.{}", kFormats[i].name),
                                .id = fmt::format("format-{}", kFormats[i].name),
                                .result = format,
                                .doc = std::string(kFormats[i].doc),
                                .eval = makers[i]});
    }
    return made;
  }();
  return library;
}

namespace {

Value Named(Context& context, Args args) {
  for (const NamedFormat& format : kFormats) {
    if (format.name != args[0].AsString()) continue;
    return MakeOptional(context, Value::Abstract(context.arena().New<FormatValue>(
                                     OpaqueBase{&kFormatType}, &format)));
  }
  return Value::None();
}

Value Validate(Context& context, Args args) {
  const std::string_view text = args[1].AsString();
  if (!ChargeText(context, text.size())) return Value::Error(kBudgetExceeded);
  const Problems problems = FormatOf(args[0]).check(text);
  if (problems.empty()) return Value::None();
  ListBuilder list(context, problems.size());
  for (const std::string& problem : problems) list.Add(MakeString(context, problem));
  return MakeOptional(context, list.Build());
}

// A generated name may end where a whole one may not: the last dash is taken for the letter to
// come.
std::string WithoutLastDash(std::string_view text) {
  std::string whole(text);
  if (whole.size() > 1 && whole.ends_with('-')) whole.back() = 'a';
  return whole;
}

Problems CheckLabelPrefix(std::string_view text) {
  return api::CheckDns1123Label(WithoutLastDash(text));
}
Problems CheckSubdomainPrefix(std::string_view text) {
  return api::CheckDns1123Subdomain(WithoutLastDash(text));
}
Problems CheckDns1035Prefix(std::string_view text) {
  return api::CheckDns1035Label(WithoutLastDash(text));
}

// An optional subdomain and a slash, then a name.
Problems CheckQualifiedName(std::string_view text) {
  constexpr std::size_t kMaxName = 63;
  constexpr std::string_view kShape =
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
      "alphanumeric "
      "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  Problems problems;
  std::string_view name = text;
  if (const std::size_t slash = text.find('/'); slash != text.npos) {
    const std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (name.find('/') != name.npos) {
      return {
          fmt::format("a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. "
                      "'example.com/MyName')",
                      kShape)};
    }
    if (prefix.empty()) {
      problems.push_back("prefix part must be non-empty");
    } else {
      for (const std::string& problem : api::CheckDns1123Subdomain(prefix)) {
        problems.push_back("prefix part " + problem);
      }
    }
  }
  if (name.empty()) {
    problems.push_back("name part must be non-empty");
  } else if (name.size() > kMaxName) {
    problems.push_back(fmt::format("name part must be no more than {} characters", kMaxName));
  }
  static const re2::RE2 shape("([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]");
  if (!re2::RE2::FullMatch({name.data(), name.size()}, shape)) {
    problems.push_back(fmt::format("name part {}", kShape));
  }
  return problems;
}

Problems CheckUri(std::string_view text) {
  auto url = Url::Parse(text);
  return url ? Problems() : Problems{url.error().message()};
}

Problems CheckUuid(std::string_view text) {
  static const re2::RE2 shape(
      "(?i)[0-9A-F]{8}-?[0-9A-F]{4}-?[0-9A-F]{4}-?[0-9A-F]{4}-?[0-9A-F]{12}");
  if (re2::RE2::FullMatch({text.data(), text.size()}, shape)) return {};
  return {"does not match the UUID format"};
}

Problems CheckByte(std::string_view text) {
  static const re2::RE2 shape(
      "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})");
  if (re2::RE2::FullMatch({text.data(), text.size()}, shape)) return {};
  return {"invalid base64"};
}

Problems CheckDate(std::string_view text) {
  const std::string time = std::string(text) + "T00:00:00Z";
  if (text.size() == 10 && ParseTimestamp(time, Rfc3339::kStrict)) return {};
  return {"invalid date"};
}

Problems CheckDateTime(std::string_view text) {
  if (ParseTimestamp(text, Rfc3339::kOpenApi)) return {};
  return {"invalid datetime"};
}

}  // namespace
}  // namespace kro::cel
