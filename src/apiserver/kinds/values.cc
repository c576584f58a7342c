#include "apiserver/kinds/values.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <type_traits>

#include "cel/library/quantity_value.h"

namespace kro::apiserver {
namespace {

// g++ says with -Wpedantic that it is not in the standard.
__extension__ typedef __int128 Wide;

// A quantity as an exact number: mantissa times 10^exponent or times 1024^power.
std::optional<std::string> NormalQuantity(std::string_view text);

// What `value` holds of this type, else an empty one.
template <typename T>
const T& OrEmpty(const json::Value* value) {
  static const T kEmpty;
  if constexpr (std::is_same_v<T, json::Array>) {
    return value != nullptr && value->is_array() ? value->get_array() : kEmpty;
  } else {
    return value != nullptr && value->is_object() ? value->get_object() : kEmpty;
  }
}

}  // namespace

json::Object& Child(json::Object& object, std::string_view key) {
  json::Value& value = object[key];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

json::Object& Child(json::Object& object, std::initializer_list<std::string_view> path) {
  json::Object* at = &object;
  for (std::string_view key : path) at = &Child(*at, key);
  return *at;
}

json::Object* FindChild(json::Object& object, std::string_view key) {
  json::Value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

json::Array* FindArray(json::Object& object, std::string_view key) {
  json::Value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

void SetNullIfEmpty(json::Object& object, std::string_view key) {
  const json::Array* list = FindArray(object, key);
  if (list == nullptr || list->empty()) object[key] = nullptr;
}

void SetDefault(json::Object& object, std::string_view key, json::Value value) {
  json::Value* there = object.if_contains(key);
  if (there == nullptr) {
    object.emplace(key, std::move(value));
  } else if (there->is_null()) {
    *there = std::move(value);
  }
}

std::string_view StringAt(const json::Value& object, std::initializer_list<std::string_view> path) {
  return json::FindString(object, path);
}

std::string_view StringAt(const json::Object& object,
                          std::initializer_list<std::string_view> path) {
  const json::Value* value = FindAt(object, path);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

std::int64_t IntAt(const json::Value& object, std::initializer_list<std::string_view> path,
                   std::int64_t otherwise) {
  const json::Value* value = json::Find(object, path);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

bool BoolAt(const json::Value& object, std::initializer_list<std::string_view> path) {
  const json::Value* value = json::Find(object, path);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::Value* FindAt(const json::Object& object,
                          std::initializer_list<std::string_view> path) {
  const json::Object* at = &object;
  const json::Value* value = nullptr;
  for (std::string_view key : path) {
    value = at == nullptr ? nullptr : at->if_contains(key);
    if (value == nullptr) return nullptr;
    at = value->if_object();
  }
  return value;
}

const json::Array& ArrayAt(const json::Value& object,
                           std::initializer_list<std::string_view> path) {
  return OrEmpty<json::Array>(json::Find(object, path));
}

const json::Array& ArrayAt(const json::Object& object,
                           std::initializer_list<std::string_view> path) {
  return OrEmpty<json::Array>(FindAt(object, path));
}

const json::Object& ObjectAt(const json::Value& object,
                             std::initializer_list<std::string_view> path) {
  return OrEmpty<json::Object>(json::Find(object, path));
}

const json::Object& ObjectAt(const json::Object& object,
                             std::initializer_list<std::string_view> path) {
  return OrEmpty<json::Object>(FindAt(object, path));
}

void SetCount(json::Object& object, std::string_view key, std::int64_t count) {
  if (count == 0) {
    object.erase(key);
  } else {
    object[key] = count;
  }
}

void NormaliseQuantity(json::Value& quantity) {
  std::string text;
  if (quantity.is_string()) {
    text = quantity.get_string();
  } else if (quantity.is_number()) {
    text = json::Serialize(quantity);
  } else {
    return;
  }
  if (auto normal = NormalQuantity(text)) {
    if (!quantity.is_string() || quantity.get_string() != *normal) quantity = *normal;
  }
}

void NormaliseQuantities(json::Object& object, std::string_view key) {
  json::Object* quantities = FindChild(object, key);
  if (quantities == nullptr) return;
  for (auto& member : *quantities) NormaliseQuantity(member.value());
}

bool QuantityLess(const json::Value* a, const json::Value* b) {
  if (a == nullptr || b == nullptr || !a->is_string() || !b->is_string()) return false;
  const auto one = cel::Quantity::Parse(std::string_view(a->get_string()));
  const auto other = cel::Quantity::Parse(std::string_view(b->get_string()));
  return one && other && *one < *other;
}

namespace {

// Canonical form of resource.Quantity: no fraction, the largest suffix that keeps the value whole, in
// the family (decimal or binary) that it was written in.
std::optional<std::string> NormalQuantity(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kBinary = {"",   "Ki", "Mi", "Gi",
                                                              "Ti", "Pi", "Ei"};
  static constexpr std::array<std::string_view, 10> kDecimal = {"n", "u", "m", "",  "k",
                                                                "M", "G", "T", "P", "E"};
  std::string_view rest = text;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  // 128 bits hold every quantity of 18 digits in units of a billionth.
  Wide digits = 0;
  int fraction = 0;
  int count = 0;
  bool point = false;
  while (!rest.empty() && ((rest[0] >= '0' && rest[0] <= '9') || (rest[0] == '.' && !point))) {
    if (rest[0] == '.') {
      point = true;
    } else {
      if (++count > 18) return std::nullopt;
      digits = digits * 10 + (rest[0] - '0');
      if (point) ++fraction;
    }
    rest.remove_prefix(1);
  }
  if (count == 0) return std::nullopt;
  if (fraction > 9) return std::nullopt;
  for (int i = fraction; i < 9; ++i) digits *= 10;  // in billionths
  constexpr Wide kBillion = 1'000'000'000;
  const auto print = [&](Wide number, std::string_view suffix) {
    return fmt::format("{}{}{}", negative && number != 0 ? "-" : "",
                       static_cast<std::uint64_t>(number), suffix);
  };
  for (std::size_t power = 1; power < kBinary.size(); ++power) {
    if (rest != kBinary[power]) continue;
    for (std::size_t i = 0; i < power; ++i) {
      digits *= 1024;
      if (digits > (Wide{1} << 100)) return std::nullopt;
    }
    digits = (digits + kBillion - 1) / kBillion;
    std::size_t at = 0;
    while (at + 1 < kBinary.size() && digits != 0 && digits % 1024 == 0) {
      digits /= 1024;
      ++at;
    }
    return print(digits, kBinary[at]);
  }
  if (rest.starts_with('e') || (rest.starts_with('E') && rest.size() > 1)) {
    int exponent = 0;
    bool down = rest.size() > 1 && rest[1] == '-';
    std::string_view number =
        rest.substr(rest.size() > 1 && (rest[1] == '-' || rest[1] == '+') ? 2 : 1);
    if (number.empty() || number.size() > 2) return std::nullopt;
    for (char c : number) {
      if (c < '0' || c > '9') return std::nullopt;
      exponent = exponent * 10 + (c - '0');
    }
    if (exponent > 18) return std::nullopt;
    // The family of exponents keeps its own notation; only whole numbers are rewritten.
    for (int i = 0; i < exponent; ++i) {
      if (down) {
        if (digits % 10 != 0) return std::nullopt;
        digits /= 10;
      } else {
        digits *= 10;
        if (digits > (Wide{1} << 110)) return std::nullopt;
      }
    }
    if (digits % kBillion != 0) return std::nullopt;
    digits /= kBillion;
    int zeros = 0;
    while (digits != 0 && digits % 1000 == 0) {
      digits /= 1000;
      zeros += 3;
    }
    return print(digits, zeros == 0 ? "" : fmt::format("e{}", zeros));
  }
  for (std::size_t at = 0; at < kDecimal.size(); ++at) {
    if (rest != kDecimal[at]) continue;
    for (std::size_t i = 3; i < at; ++i) {
      digits *= 1000;
      if (digits > (Wide{1} << 110)) return std::nullopt;
    }
    for (std::size_t i = at; i < 3; ++i) digits = (digits + 999) / 1000;
    std::size_t unit = 0;
    while (unit + 1 < kDecimal.size() && digits != 0 && digits % 1000 == 0) {
      digits /= 1000;
      ++unit;
    }
    if (digits == 0) return "0";
    return print(digits, kDecimal[unit]);
  }
  return std::nullopt;
}

}  // namespace
}  // namespace kro::apiserver
