// Kubernetes' libraries for IP addresses and networks (spec section 4.12).

#include <fmt/format.h>

#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/network_address.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

struct IpValue : OpaqueBase {
  IpAddress address;
};

struct CidrValue : OpaqueBase {
  IpNetwork network;
};

const IpAddress& AddressOf(const Value& value) { return value.As<IpValue>().address; }
const IpNetwork& NetworkOf(const Value& value) { return value.As<CidrValue>().network; }

Value EqualAddresses(Context&, const Value& a, const Value& b) {
  return Value::Bool(AddressOf(a) == AddressOf(b));
}
Value EqualNetworks(Context&, const Value& a, const Value& b) {
  return Value::Bool(NetworkOf(a) == NetworkOf(b));
}

std::string ShowAddress(const Value& value) {
  return fmt::format("ip(\"{}\")", AddressOf(value).ToString());
}

std::string ShowNetwork(const Value& value) {
  return fmt::format("cidr(\"{}\")", NetworkOf(value).ToString());
}

constexpr OpaqueType kIpType{.name = "net.IP", .equal = EqualAddresses, .text = ShowAddress};
constexpr OpaqueType kCidrType{.name = "net.CIDR", .equal = EqualNetworks, .text = ShowNetwork};

Value ParseIp(Context& context, Args args);
Value IsIp(Context&, Args args) {
  return Value::Bool(IpAddress::Parse(args[0].AsString()).has_value());
}
Value IsCanonical(Context& context, Args args);
Value Family(Context&, Args args) { return Value::Int(AddressOf(args[0]).family()); }
template <bool (IpAddress::*kTest)() const>
Value TestIp(Context&, Args args) {
  return Value::Bool((AddressOf(args[0]).*kTest)());
}
Value IpToString(Context& context, Args args);
Value ParseCidr(Context& context, Args args);
Value IsCidr(Context&, Args args) {
  return Value::Bool(IpNetwork::Parse(args[0].AsString()).has_value());
}
Value ContainsIp(Context& context, Args args);
Value ContainsCidr(Context& context, Args args);
Value CidrIp(Context& context, Args args);
Value Masked(Context& context, Args args);
Value PrefixLength(Context&, Args args) { return Value::Int(NetworkOf(args[0]).prefix_length()); }
Value CidrToString(Context& context, Args args);

}  // namespace

const Library& NetworkLibrary() {
  static const Type ip = Abstract(kIpType.name);
  static const Type cidr = Abstract(kCidrType.name);
  static const Library library{
      .name = "kubernetes.network",
      .doc = "IP addresses and networks.",
      .overloads = {
          {.function = "ip",
           .id = "string_to_ip",
           .params = {String()},
           .result = ip,
           .doc = "Reads an IPv4 or IPv6 address, strictly.",
           .examples = {{"ip('::1') == ip('0::1')", "true"},
                        {"ip('fe80::1%lo')",
                         "error: IP address \"fe80::1%lo\" with zone value is not allowed"}},
           .eval = ParseIp},
          {.function = "ip",
           .id = "cidr_ip",
           .style = Style::kReceiver,
           .params = {cidr},
           .result = ip,
           .doc = "The address of a network as written.",
           .examples = {{"string(cidr('192.168.0.1/24').ip())", "'192.168.0.1'"}},
           .eval = CidrIp},
          {.function = "isIP",
           .id = "is_ip",
           .params = {String()},
           .result = Bool(),
           .doc = "Whether ip() can read the text.",
           .examples = {{"isIP('1.2.3')", "false"}},
           .eval = IsIp},
          {.function = "ip.isCanonical",
           .id = "ip_is_canonical",
           .params = {String()},
           .result = Bool(),
           .doc = "Whether an address is written in its canonical form.",
           .examples = {{"ip.isCanonical('2001:DB8::ABCD')", "false"}},
           .eval = IsCanonical},
          {.function = "family",
           .id = "ip_family",
           .style = Style::kReceiver,
           .params = {ip},
           .result = Int(),
           .doc = "4 or 6.",
           .examples = {{"ip('::1').family()", "6"}},
           .eval = Family},
          {.function = "isUnspecified",
           .id = "ip_is_unspecified",
           .style = Style::kReceiver,
           .params = {ip},
           .result = Bool(),
           .doc = "Whether it is 0.0.0.0 or ::.",
           .examples = {{"ip('0.0.0.0').isUnspecified()", "true"}},
           .eval = TestIp<&IpAddress::IsUnspecified>},
          {.function = "isLoopback",
           .id = "ip_is_loopback",
           .style = Style::kReceiver,
           .params = {ip},
           .result = Bool(),
           .doc = "Whether it is in 127.0.0.0/8 or ::1.",
           .examples = {{"ip('127.1.2.3').isLoopback()", "true"}},
           .eval = TestIp<&IpAddress::IsLoopback>},
          {.function = "isLinkLocalMulticast",
           .id = "ip_is_link_local_multicast",
           .style = Style::kReceiver,
           .params = {ip},
           .result = Bool(),
           .doc = "Whether it is in 224.0.0.0/24 or ff02::/16.",
           .examples = {{"ip('224.0.0.1').isLinkLocalMulticast()", "true"}},
           .eval = TestIp<&IpAddress::IsLinkLocalMulticast>},
          {.function = "isLinkLocalUnicast",
           .id = "ip_is_link_local_unicast",
           .style = Style::kReceiver,
           .params = {ip},
           .result = Bool(),
           .doc = "Whether it is in 169.254.0.0/16 or fe80::/10.",
           .examples = {{"ip('169.254.1.1').isLinkLocalUnicast()", "true"}},
           .eval = TestIp<&IpAddress::IsLinkLocalUnicast>},
          {.function = "isGlobalUnicast",
           .id = "ip_is_global_unicast",
           .style = Style::kReceiver,
           .params = {ip},
           .result = Bool(),
           .doc = "Whether it addresses one host beyond the link; private networks count.",
           .examples = {{"ip('10.0.0.1').isGlobalUnicast()", "true"},
                        {"ip('255.255.255.255').isGlobalUnicast()", "false"}},
           .eval = TestIp<&IpAddress::IsGlobalUnicast>},
          {.function = "string",
           .id = "ip_to_string",
           .params = {ip},
           .result = String(),
           .doc = "The canonical text of an address.",
           .examples = {{"string(ip('2001:DB8::0:1'))", "'2001:db8::1'"}},
           .eval = IpToString},
          {.function = "cidr",
           .id = "string_to_cidr",
           .params = {String()},
           .result = cidr,
           .doc = "Reads a network; bits after the prefix are kept.",
           .examples = {{"cidr('192.168.0.1/24') == cidr('192.168.0.0/24')", "false"}},
           .eval = ParseCidr},
          {.function = "isCIDR",
           .id = "is_cidr",
           .params = {String()},
           .result = Bool(),
           .doc = "Whether cidr() can read the text.",
           .examples = {{"isCIDR('::1/129')", "false"}},
           .eval = IsCidr},
          {.function = "containsIP",
           .id = "cidr_contains_ip_string",
           .style = Style::kReceiver,
           .params = {cidr, String()},
           .result = Bool(),
           .doc = "Whether an address is in the network; never across families.",
           .examples = {{"cidr('192.168.0.0/24').containsIP('192.168.1.1')", "false"}},
           .eval = ContainsIp},
          {.function = "containsIP",
           .id = "cidr_contains_ip_ip",
           .style = Style::kReceiver,
           .params = {cidr, ip},
           .result = Bool(),
           .doc = "Whether an address is in the network; never across families.",
           .examples = {{"cidr('10.1.0.0/16').containsIP(ip('10.1.0.1'))", "true"}},
           .eval = ContainsIp},
          {.function = "containsCIDR",
           .id = "cidr_contains_cidr_string",
           .style = Style::kReceiver,
           .params = {cidr, String()},
           .result = Bool(),
           .doc = "Whether all of another network is in this one.",
           .examples = {{"cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", "true"}},
           .eval = ContainsCidr},
          {.function = "containsCIDR",
           .id = "cidr_contains_cidr",
           .style = Style::kReceiver,
           .params = {cidr, cidr},
           .result = Bool(),
           .doc = "Whether all of another network is in this one.",
           .examples = {{"cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))", "false"}},
           .eval = ContainsCidr},
          {.function = "masked",
           .id = "cidr_masked",
           .style = Style::kReceiver,
           .params = {cidr},
           .result = cidr,
           .doc = "The network with the bits after the prefix cleared.",
           .examples = {{"string(cidr('192.168.0.1/24').masked())", "'192.168.0.0/24'"}},
           .eval = Masked},
          {.function = "prefixLength",
           .id = "cidr_prefix_length",
           .style = Style::kReceiver,
           .params = {cidr},
           .result = Int(),
           .doc = "The number of bits of the prefix.",
           .examples = {{"cidr('10.0.0.0/8').prefixLength()", "8"}},
           .eval = PrefixLength},
          {.function = "string",
           .id = "cidr_to_string",
           .params = {cidr},
           .result = String(),
           .doc = "The text of a network.",
           .examples = {{"string(cidr('192.168.0.1/24'))", "'192.168.0.1/24'"}},
           .eval = CidrToString},
      }};
  return library;
}

namespace {

Value MakeIp(Context& context, const IpAddress& address) {
  return Value::Abstract(context.arena().New<IpValue>(OpaqueBase{&kIpType}, address));
}

Value MakeCidr(Context& context, const IpNetwork& network) {
  return Value::Abstract(context.arena().New<CidrValue>(OpaqueBase{&kCidrType}, network));
}

Value ParseIp(Context& context, Args args) {
  auto address = IpAddress::Parse(args[0].AsString());
  if (!address) return MakeError(context, address.error());
  return MakeIp(context, *address);
}

Value IsCanonical(Context& context, Args args) {
  auto address = IpAddress::Parse(args[0].AsString());
  if (!address) return MakeError(context, address.error());
  return Value::Bool(address->ToString() == args[0].AsString());
}

Value IpToString(Context& context, Args args) {
  return NewString(context, AddressOf(args[0]).ToString());
}

Value ParseCidr(Context& context, Args args) {
  auto network = IpNetwork::Parse(args[0].AsString());
  if (!network) return MakeError(context, network.error());
  return MakeCidr(context, *network);
}

Value ContainsIp(Context&, Args args) {
  if (args[1].IsOpaque(kIpType)) {
    return Value::Bool(NetworkOf(args[0]).Contains(AddressOf(args[1])));
  }
  auto address = IpAddress::Parse(args[1].AsString());
  if (!address) return NoSuchOverload();
  return Value::Bool(NetworkOf(args[0]).Contains(*address));
}

Value ContainsCidr(Context& context, Args args) {
  if (args[1].IsOpaque(kCidrType)) {
    return Value::Bool(NetworkOf(args[0]).Contains(NetworkOf(args[1])));
  }
  auto network = IpNetwork::Parse(args[1].AsString());
  if (!network) return MakeError(context, network.error());
  return Value::Bool(NetworkOf(args[0]).Contains(*network));
}

Value CidrIp(Context& context, Args args) { return MakeIp(context, NetworkOf(args[0]).address()); }

Value Masked(Context& context, Args args) { return MakeCidr(context, NetworkOf(args[0]).Masked()); }

Value CidrToString(Context& context, Args args) {
  return NewString(context, NetworkOf(args[0]).ToString());
}

}  // namespace
}  // namespace kro::cel
