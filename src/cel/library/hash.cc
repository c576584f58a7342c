// kro's hash library (spec section 4.14).

#include "base/hash.h"

#include <openssl/evp.h>

#include <array>

#include "cel/library.h"
#include "cel/library/budget.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value HashSha256(Context& context, Args args);
Value HashMd5(Context& context, Args args);
Value HashFnv64a(Context& context, Args args);

}  // namespace

const Library& HashLibrary() {
  static const Library library{
      .name = "kro.hash",
      .doc = "Digests of text.",
      .overloads = {
          {.function = "hash.sha256",
           .id = "hash.sha256_string",
           .params = {String()},
           .result = Bytes(),
           .doc = "SHA-256 of the UTF-8 text, 32 bytes.",
           .examples = {{"base64.encode(hash.sha256('abc'))",
                         "'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"}},
           .eval = HashSha256},
          {.function = "hash.md5",
           .id = "hash.md5_string",
           .params = {String()},
           .result = Bytes(),
           .doc = "MD5 of the UTF-8 text, 16 bytes. Not for secrets.",
           .examples = {{"'%x'.format([hash.md5('abc')])", "'900150983cd24fb0d6963f7d28e17f72'"}},
           .eval = HashMd5},
          {.function = "hash.fnv64a",
           .id = "hash.fnv64a_string",
           .params = {String()},
           .result = Bytes(),
           .doc = "FNV-1a of the UTF-8 text, 8 bytes, the highest first. Not for secrets.",
           .examples = {{"'%x'.format([hash.fnv64a('abc')])", "'e71fa2190541574b'"}},
           .eval = HashFnv64a},
      }};
  return library;
}

namespace {

Value HashSha256(Context& context, Args args) {
  if (!ChargeText(context, args[0].AsString().size())) return Value::Error(kBudgetExceeded);
  auto digest = Sha256(args[0].AsString());
  return NewBytes(context, AsBytes(digest));
}

Value HashMd5(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  if (!ChargeText(context, text.size())) return Value::Error(kBudgetExceeded);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return Value::Error("hash.md5: not available on this system");
  }
  return NewBytes(context, {reinterpret_cast<const char*>(digest.data()), size});
}

Value HashFnv64a(Context& context, Args args) {
  if (!ChargeText(context, args[0].AsString().size())) return Value::Error(kBudgetExceeded);
  std::uint64_t hash = Fnv1a64(args[0].AsString());
  std::array<char, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(hash >> (56 - 8 * i) & 0xFF);
  }
  return NewBytes(context, {bytes.data(), bytes.size()});
}

}  // namespace
}  // namespace kro::cel
