// Kubernetes' URL library (spec section 4.10).

#include <fmt/format.h>

#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/url_value.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

// The parts are cut once, when the value is made.
struct UrlValue : OpaqueBase {
  std::string_view text;  // what was parsed
  std::string_view canonical;
  std::string_view scheme;
  std::string_view host;
  std::string_view hostname;
  std::string_view port;
  std::string_view path;
};

Value EqualUrls(Context&, const Value& a, const Value& b) {
  return Value::Bool(a.As<UrlValue>().canonical == b.As<UrlValue>().canonical);
}

std::string ShowUrl(const Value& value) {
  return fmt::format("url({})", json::Serialize(json::Value(value.As<UrlValue>().canonical)));
}

constexpr OpaqueType kUrlType{.name = "kubernetes.URL", .equal = EqualUrls, .text = ShowUrl};

Value MakeUrl(Context& context, Args args);
Value IsUrl(Context&, Args args) { return Value::Bool(Url::IsValid(args[0].AsString())); }
Value GetQuery(Context& context, Args args);

template <std::string_view UrlValue::* kPart>
Value GetPart(Context&, Args args) {
  return Value::String(args[0].As<UrlValue>().*kPart);
}

}  // namespace

const Library& UrlLibrary() {
  static const Type url = Object(kUrlType.name);
  static const Library library{
      .name = "kubernetes.url",
      .doc = "Taking URLs apart.",
      .overloads = {
          {.function = "url",
           .id = "string_to_url",
           .params = {String()},
           .result = url,
           .doc = "Reads an absolute URL or an absolute path.",
           .examples = {{"url('https://h/p') == url('https://h/p')", "true"},
                        {"url('')",
                         "error: URL parse error during conversion from string: parse \"\": empty "
                         "url"}},
           .eval = MakeUrl},
          {.function = "isURL",
           .id = "is_url_string",
           .params = {String()},
           .result = Bool(),
           .doc = "Whether url() can read the text.",
           .examples = {{"isURL('/abs')", "true"}, {"isURL('../rel')", "false"}},
           .eval = IsUrl},
          {.function = "getScheme",
           .id = "url_get_scheme",
           .style = Style::kReceiver,
           .params = {url},
           .result = String(),
           .doc = "The scheme in lower case, empty if there is none.",
           .examples = {{"url('HTTPS://Example.com').getScheme()", "'https'"}},
           .eval = GetPart<&UrlValue::scheme>},
          {.function = "getHost",
           .id = "url_get_host",
           .style = Style::kReceiver,
           .params = {url},
           .result = String(),
           .doc = "Host and port, with the brackets of an IPv6 address.",
           .examples = {{"url('https://[::1]:80/').getHost()", "'[::1]:80'"}},
           .eval = GetPart<&UrlValue::host>},
          {.function = "getHostname",
           .id = "url_get_hostname",
           .style = Style::kReceiver,
           .params = {url},
           .result = String(),
           .doc = "The host without port and brackets.",
           .examples = {{"url('https://[::1]:80/').getHostname()", "'::1'"}},
           .eval = GetPart<&UrlValue::hostname>},
          {.function = "getPort",
           .id = "url_get_port",
           .style = Style::kReceiver,
           .params = {url},
           .result = String(),
           .doc = "The port as text, empty if there is none.",
           .examples = {{"url('https://[::1]:80/').getPort()", "'80'"}},
           .eval = GetPart<&UrlValue::port>},
          {.function = "getEscapedPath",
           .id = "url_get_escaped_path",
           .style = Style::kReceiver,
           .params = {url},
           .result = String(),
           .doc = "The path, percent-encoded and otherwise as written.",
           .examples = {{"url('https://example.com/a b').getEscapedPath()", "'/a%20b'"}},
           .eval = GetPart<&UrlValue::path>},
          {.function = "getQuery",
           .id = "url_get_query",
           .style = Style::kReceiver,
           .params = {url},
           .result = MapOf(String(), ListOf(String())),
           .doc = "The parameters of the query with their values; malformed ones are left out.",
           .examples = {{"url('/p?k=a&k=b+c').getQuery()", "{'k': ['a', 'b c']}"}},
           .eval = GetQuery},
      }};
  return library;
}

namespace {

Value MakeUrl(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  if (!ChargeText(context, 4 * text.size())) return Value::Error(kBudgetExceeded);
  auto url = Url::Parse(text);
  if (!url) return MakeError(context, url.error());
  auto keep = [&](std::string_view part) { return context.arena().Copy(part); };
  return Value::Abstract(context.arena().New<UrlValue>(
      OpaqueBase{&kUrlType}, keep(text), keep(url->ToString()), keep(url->scheme()),
      keep(url->host()), keep(url->Hostname()), keep(url->Port()), keep(url->EscapedPath())));
}

Value GetQuery(Context& context, Args args) {
  auto url = Url::Parse(args[0].As<UrlValue>().text);
  if (!url) return MakeError(context, url.error());
  MapBuilder query(context);
  for (const auto& [name, values] : url->Query()) {
    ListBuilder list(context, values.size());
    for (const std::string& value : values) list.Add(NewString(context, value));
    query.Put(NewString(context, name), list.Build());
  }
  return query.Build();
}

}  // namespace
}  // namespace kro::cel
