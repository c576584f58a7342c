#include "apiserver/internal/mail_address.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>

#include "apiserver/internal/ip_text.h"
#include "base/base64.h"
#include "base/utf8.h"

namespace kro::apiserver::internal {
namespace {

// Takes what a reader names from the beginning of `rest_`; false if something else stands there. The words are those
// of RFC 5322, section 3, the leniency that of Go.
class AddressReader {
 public:
  explicit AddressReader(std::string_view text) : rest_(text) {}

  bool ReadSingleAddress();

 private:
  enum class Groups { kAllowed, kRefused };
  enum class Dots { kBetweenText, kAnywhere };

  // How many mailboxes it is: one, or those of a group.
  std::optional<std::size_t> ReadAddress(Groups groups);
  std::optional<std::size_t> ReadGroupList();
  // Takes nothing where it fails.
  bool ReadAddressSpec();
  bool ReadLocalPart();
  bool ReadDomain();
  bool ReadDomainLiteral();
  bool ReadNameInComment();
  bool ReadPhrase();
  // The text between the quotes. Takes nothing where it fails.
  std::optional<std::string_view> ReadQuotedString();
  std::optional<std::string_view> ReadAtom(Dots dots);
  // Behind the parenthesis that opens it; without the one that closes it.
  std::optional<std::string> ReadComment();
  bool SkipComments();
  void SkipSpace();
  bool Take(char c);

  std::string_view rest_;
};

// `=?utf-8?q?caf=C3=A9?=` (RFC 2047).
enum class EncodedWord { kNone, kEmpty, kText, kUnknownCharset };
EncodedWord ReadEncodedWord(std::string_view word);
bool IsKnownCharset(std::string_view charset);
// How many bytes the text stands for.
std::optional<std::size_t> DecodedSize(std::string_view encoding, std::string_view text);
std::optional<std::size_t> QuotedPrintableSize(std::string_view text);

bool IsSpace(char32_t c) { return c == ' ' || c == '\t'; }
bool IsVisible(char32_t c) { return (c > ' ' && c <= '~') || c >= 0x80; }
bool IsAtomText(char32_t c) {
  return IsVisible(c) && !std::u32string_view(U"()<>[]:;@\\,\"").contains(c);
}

}  // namespace

bool IsMailAddress(std::string_view text) { return AddressReader(text).ReadSingleAddress(); }

namespace {

bool AddressReader::ReadSingleAddress() {
  return ReadAddress(Groups::kAllowed) == 1U && SkipComments() && rest_.empty();
}

std::optional<std::size_t> AddressReader::ReadAddress(Groups groups) {
  const auto one_if = [](bool good) { return good ? std::optional<std::size_t>(1) : std::nullopt; };
  SkipSpace();
  if (ReadAddressSpec()) return one_if(ReadNameInComment());
  if (!rest_.starts_with('<') && !ReadPhrase()) return std::nullopt;
  SkipSpace();
  if (groups == Groups::kAllowed && Take(':')) return ReadGroupList();
  return one_if(Take('<') && ReadAddressSpec() && Take('>'));
}

std::optional<std::size_t> AddressReader::ReadGroupList() {
  std::size_t members = 0;
  SkipSpace();
  if (Take(';')) return members;
  while (true) {
    if (!ReadAddress(Groups::kRefused) || !SkipComments()) return std::nullopt;
    ++members;
    if (Take(';')) return members;
    if (!Take(',')) return std::nullopt;
  }
}

bool AddressReader::ReadAddressSpec() {
  const std::string_view before = rest_;
  SkipSpace();
  if (ReadLocalPart() && Take('@') && ReadDomain()) return true;
  rest_ = before;
  return false;
}

bool AddressReader::ReadLocalPart() {
  if (!rest_.starts_with('"')) return ReadAtom(Dots::kBetweenText).has_value();
  const auto text = ReadQuotedString();
  return text && !text->empty();
}

bool AddressReader::ReadDomain() {
  SkipSpace();
  return rest_.starts_with('[') ? ReadDomainLiteral() : ReadAtom(Dots::kBetweenText).has_value();
}

bool AddressReader::ReadDomainLiteral() {
  const std::size_t close = rest_.find(']');
  if (close == std::string_view::npos) return false;
  const std::string_view address = rest_.substr(1, close - 1);
  rest_.remove_prefix(close + 1);
  return IsIpv4Text(address) || IsIpv6Text(address);
}

// `a@b (Ann)`: there may be one. Its words must be readable, those of other comments need not.
bool AddressReader::ReadNameInComment() {
  SkipSpace();
  if (!Take('(')) return true;
  const auto comment = ReadComment();
  if (!comment) return false;
  std::string_view words = *comment;
  while (!words.empty()) {
    const std::size_t end = words.find_first_of(" \t");
    if (ReadEncodedWord(words.substr(0, end)) == EncodedWord::kUnknownCharset) return false;
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return true;
}

// Ends without complaint at what is no word, unless no word stands before it. Comments may follow a word that is not
// encoded, and all behind it.
bool AddressReader::ReadPhrase() {
  bool any_plain = false;
  bool any_decoded = false;
  while (true) {
    if (any_plain && !SkipComments()) return false;
    SkipSpace();
    if (rest_.empty()) return true;
    if (rest_.starts_with('"')) {
      if (!ReadQuotedString()) return any_plain || any_decoded;
      any_plain = true;
      continue;
    }
    const auto atom = ReadAtom(Dots::kAnywhere);
    if (!atom) return any_plain || any_decoded;
    switch (ReadEncodedWord(*atom)) {
      case EncodedWord::kNone:
        any_plain = true;
        break;
      case EncodedWord::kEmpty:
        break;
      case EncodedWord::kText:
        any_decoded = true;
        break;
      case EncodedWord::kUnknownCharset:
        return any_plain || any_decoded;
    }
  }
}

std::optional<std::string_view> AddressReader::ReadQuotedString() {
  bool escaped = false;
  for (std::size_t i = 1; i < rest_.size();) {
    const CodePoint c = DecodeCodePoint(rest_, i);
    if (!c.valid || (!IsVisible(c.value) && !IsSpace(c.value))) return std::nullopt;
    if (!escaped && c.value == '"') {
      const std::string_view text = rest_.substr(1, i - 1);
      rest_.remove_prefix(i + 1);
      return text;
    }
    escaped = !escaped && c.value == '\\';
    i += c.size;
  }
  return std::nullopt;
}

std::optional<std::string_view> AddressReader::ReadAtom(Dots dots) {
  std::size_t size = 0;
  while (size < rest_.size()) {
    const CodePoint c = DecodeCodePoint(rest_, size);
    if (!c.valid) return std::nullopt;
    if (!IsAtomText(c.value)) break;
    size += c.size;
  }
  if (size == 0) return std::nullopt;
  const std::string_view atom = rest_.substr(0, size);
  rest_.remove_prefix(size);
  if (dots == Dots::kBetweenText &&
      (atom.starts_with('.') || atom.ends_with('.') || atom.contains(".."))) {
    return std::nullopt;
  }
  return atom;
}

// Comments nest. A backslash takes the meaning from the character behind it; at the very end it has none.
std::optional<std::string> AddressReader::ReadComment() {
  std::string text;
  std::size_t depth = 1;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] == '\\' && i + 1 < rest_.size()) {
      ++i;
    } else if (rest_[i] == '(') {
      ++depth;
    } else if (rest_[i] == ')' && --depth == 0) {
      rest_.remove_prefix(i + 1);
      return text;
    }
    text += rest_[i];
  }
  return std::nullopt;
}

bool AddressReader::SkipComments() {
  SkipSpace();
  while (Take('(')) {
    if (!ReadComment()) return false;
    SkipSpace();
  }
  return true;
}

void AddressReader::SkipSpace() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
}

bool AddressReader::Take(char c) {
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

// What is no encoded word, or cannot be decoded, stands for itself.
EncodedWord ReadEncodedWord(std::string_view word) {
  if (word.size() < 8 || !word.starts_with("=?") || !word.ends_with("?=") ||
      std::ranges::count(word, '?') != 4) {
    return EncodedWord::kNone;
  }
  word = word.substr(2, word.size() - 4);
  const std::size_t first = word.find('?');
  const std::size_t second = word.find('?', first + 1);
  if (first == 0) return EncodedWord::kNone;
  const auto size =
      DecodedSize(word.substr(first + 1, second - first - 1), word.substr(second + 1));
  if (!size) return EncodedWord::kNone;
  if (!IsKnownCharset(word.substr(0, first))) return EncodedWord::kUnknownCharset;
  return *size == 0 ? EncodedWord::kEmpty : EncodedWord::kText;
}

// Whatever the case; to Go, U+017F is an s of another case.
bool IsKnownCharset(std::string_view charset) {
  std::string name;
  while (!charset.empty()) {
    const bool long_s = charset.starts_with("\u017F");
    const auto c = static_cast<unsigned char>(charset.front());
    name += long_s ? 's' : static_cast<char>(std::tolower(c));
    charset.remove_prefix(long_s ? 2 : 1);
  }
  return name == "utf-8" || name == "iso-8859-1" || name == "us-ascii";
}

std::optional<std::size_t> DecodedSize(std::string_view encoding, std::string_view text) {
  if (encoding == "q" || encoding == "Q") return QuotedPrintableSize(text);
  if (encoding != "b" && encoding != "B") return std::nullopt;
  const auto bytes = DecodeBase64(text, Base64Alphabet::kStandard, Base64Padding::kRequired);
  return bytes ? std::optional(bytes->size()) : std::nullopt;
}

std::optional<std::size_t> QuotedPrintableSize(std::string_view text) {
  const auto is_digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i, ++size) {
    const char c = text[i];
    if (c == '=') {
      if (i + 2 >= text.size() || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) {
        return std::nullopt;
      }
      i += 2;
    } else if (!(c >= ' ' && c <= '~') && c != '\t' && c != '\r' && c != '\n') {
      return std::nullopt;
    }
  }
  return size;
}

}  // namespace
}  // namespace kro::apiserver::internal
