// What the specification has otherwise than cel-go in kro's environment (docs/cel.md): overloads
// that take the places of those with the same ids.

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/utf8.h"
#include "cel/library.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Overload Changed(const Library& library, std::string_view id, std::string doc, EvalFunction eval,
                 std::vector<Example> examples);
template <bool kLast>
Value IndexOf(Context& context, Args args);
Value Milliseconds(Context&, Args args);
Value ParseIp(Context& context, Args args);
const Overload& Find(const Library& library, std::string_view id);

}  // namespace

const Library& SpecificationLibrary() {
  static const Library& library = *new Library{
      .name = "specification",
      .doc = "Where the specification departs from kro's environment.",
      .overloads = {
          Changed(StringsLibrary(), "string_index_of_string_int",
                  "The index of the first occurrence from an index on, or -1. An index past the "
                  "end is an error.",
                  IndexOf<false>,
                  {{"'tacocat'.indexOf('a', 3)", "5"},
                   {"'abc'.indexOf('a', 4)", "error: index out of range: 4"}}),
          Changed(StringsLibrary(), "string_last_index_of_string_int",
                  "The index of the last occurrence up to an index, or -1. An index past the end "
                  "is an error.",
                  IndexOf<true>,
                  {{"'tacocat'.lastIndexOf('a', 4)", "1"},
                   {"'abc'.lastIndexOf('a', 4)", "error: index out of range: 4"}}),
          Changed(StandardLibrary(), "duration_to_milliseconds",
                  "The milliseconds within the second.", Milliseconds,
                  {{"duration('123.321s').getMilliseconds()", "321"}}),
          Changed(
              NetworkLibrary(), "string_to_ip",
              "The address in a text. A mapped IPv4 address in hexadecimal is that IPv4 address.",
              ParseIp, {{"ip('::ffff:c0a8:1') == ip('192.168.0.1')", "true"}}),
      }};
  return library;
}

namespace {

Overload Changed(const Library& library, std::string_view id, std::string doc, EvalFunction eval,
                 std::vector<Example> examples) {
  Overload overload = Find(library, id);
  overload.doc = std::move(doc);
  overload.eval = eval;
  overload.examples = std::move(examples);
  return overload;
}

const Overload& Find(const Library& library, std::string_view id) {
  return *std::ranges::find(library.overloads, id, &Overload::id);
}

template <bool kLast>
Value IndexOf(Context& context, Args args) {
  static const Overload& upstream = Find(
      StringsLibrary(), kLast ? "string_last_index_of_string_int" : "string_index_of_string_int");
  const std::int64_t offset = args[2].AsInt();
  if (offset > 0 && static_cast<std::uint64_t>(offset) > CountCodePoints(args[0].AsString())) {
    return Fail(context, "index out of range: {}", offset);
  }
  return upstream.eval(context, args);
}

Value Milliseconds(Context&, Args args) {
  return Value::Int(args[0].AsDuration() / 1'000'000 % 1'000);
}

Value ParseIp(Context& context, Args args) {
  static const Overload& upstream = Find(NetworkLibrary(), "string_to_ip");
  const std::string text(args[0].AsString());
  in6_addr address;
  const bool hexadecimal = text.find('.') == text.npos;
  if (!hexadecimal || inet_pton(AF_INET6, text.c_str(), &address) != 1 ||
      !IN6_IS_ADDR_V4MAPPED(&address)) {
    return upstream.eval(context, args);
  }
  std::array<char, INET_ADDRSTRLEN> dotted{};
  inet_ntop(AF_INET, &address.s6_addr[12], dotted.data(), dotted.size());
  const Value mapped = MakeString(context, dotted.data());
  return upstream.eval(context, {&mapped, 1});
}

}  // namespace
}  // namespace kro::cel
