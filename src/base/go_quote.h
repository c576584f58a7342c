// Quoting, as Go's %q does it: messages are compared by users and tools with those of the original.
#pragma once

#include <string>
#include <string_view>

namespace kro {

// `text` in double quotes, with escapes for control, unprintable and malformed characters. The
// escapes are legal in expressions too, so that the result is also a string literal of CEL.
std::string GoQuote(std::string_view text);

// The same for one character in single quotes: '\'' and 'a'.
std::string GoQuoteCharacter(char32_t character);

}  // namespace kro
