// Base64 (RFC 4648) with the leniency and the error positions of Go's encoding/base64.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace kro {

enum class Base64Alphabet { kStandard, kUrlSafe };
enum class Base64Padding { kRequired, kForbidden };

// Padded text in the standard alphabet.
std::string EncodeBase64(std::string_view bytes);
// Text in the URL-safe alphabet, without padding.
std::string EncodeBase64Url(std::string_view bytes);

// The bytes, or the offset of the first wrong input byte. CR and LF are skipped, unused trailing
// bits are not checked.
std::expected<std::string, std::size_t> DecodeBase64(std::string_view text, Base64Alphabet alphabet,
                                                     Base64Padding padding);

// The same into `out`, which has room for DecodedBase64Size(text.size()) bytes; gives their number.
std::expected<std::size_t, std::size_t> DecodeBase64To(char* out, std::string_view text,
                                                       Base64Alphabet alphabet,
                                                       Base64Padding padding);
constexpr std::size_t DecodedBase64Size(std::size_t text_size) { return text_size / 4 * 3 + 3; }

}  // namespace kro
