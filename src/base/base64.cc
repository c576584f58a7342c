#include "base/base64.h"

#include <array>
#include <cstdint>

namespace kro {
namespace {

int SextetOf(char c, Base64Alphabet alphabet);
bool IsLineBreak(char c) { return c == '\r' || c == '\n'; }

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t left = bytes.size() - i;
    auto byte = [&](std::size_t k) {
      return k < left ? std::uint32_t{static_cast<unsigned char>(bytes[i + k])} : 0U;
    };
    std::uint32_t group = (byte(0) << 16) | (byte(1) << 8) | byte(2);
    out += kDigits[(group >> 18) & 63];
    out += kDigits[(group >> 12) & 63];
    out += left > 1 ? kDigits[(group >> 6) & 63] : '=';
    out += left > 2 ? kDigits[group & 63] : '=';
  }
  return out;
}

std::string EncodeBase64Url(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (unsigned char byte : bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 6) {
      held -= 6;
      text += kAlphabet[(bits >> held) & 0x3f];
    }
  }
  if (held > 0) text += kAlphabet[(bits << (6 - held)) & 0x3f];
  return text;
}

std::expected<std::string, std::size_t> DecodeBase64(std::string_view text, Base64Alphabet alphabet,
                                                     Base64Padding padding) {
  std::string out(DecodedBase64Size(text.size()), '\0');
  auto size = DecodeBase64To(out.data(), text, alphabet, padding);
  if (!size) return std::unexpected(size.error());
  out.resize(*size);
  return out;
}

std::expected<std::size_t, std::size_t> DecodeBase64To(char* out, std::string_view text,
                                                       Base64Alphabet alphabet,
                                                       Base64Padding padding) {
  const bool padded = padding == Base64Padding::kRequired;
  std::size_t size = 0;
  std::size_t at = 0;
  auto skip_breaks = [&] {
    while (at < text.size() && IsLineBreak(text[at])) ++at;
  };
  bool done = false;
  while (!done) {
    std::uint32_t group = 0;
    std::size_t sextets = 0;
    while (sextets < 4) {
      if (at == text.size()) {
        if (sextets == 0) return size;
        if (sextets == 1 || padded) return std::unexpected(at - sextets);
        done = true;
        break;
      }
      char c = text[at++];
      int sextet = SextetOf(c, alphabet);
      if (sextet >= 0) {
        group = (group << 6) | static_cast<std::uint32_t>(sextet);
        ++sextets;
        continue;
      }
      if (IsLineBreak(c)) continue;
      if (!padded || c != '=' || sextets < 2) return std::unexpected(at - 1);
      if (sextets == 2) {
        skip_breaks();
        if (at == text.size()) return std::unexpected(text.size());
        if (text[at] != '=') return std::unexpected(at - 1);
        ++at;
      }
      skip_breaks();
      if (at < text.size()) return std::unexpected(at);
      done = true;
      break;
    }
    group <<= 6 * (4 - sextets);
    for (std::size_t i = 0; i + 1 < sextets; ++i) {
      out[size++] = static_cast<char>((group >> (16 - 8 * i)) & 0xFF);
    }
  }
  return size;
}

namespace {

int SextetOf(char c, Base64Alphabet alphabet) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (alphabet == Base64Alphabet::kStandard ? '+' : '-')) return 62;
  if (c == (alphabet == Base64Alphabet::kStandard ? '/' : '_')) return 63;
  return -1;
}

}  // namespace
}  // namespace kro
