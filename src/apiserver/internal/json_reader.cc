#include "apiserver/internal/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/go_quote.h"

namespace kro::apiserver::internal {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

void AppendUtf8(std::string& out, std::uint32_t code);
std::optional<std::uint32_t> ParseHex4(std::string_view text);
// The length of the UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t Utf8Length(std::string_view text);
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Result<Decoded> JsonReader::Read() {
  SkipSpace();
  auto value = ReadValue("", 0);
  if (!value) return std::unexpected(value.error());
  SkipSpace();
  if (!AtEnd()) return Unexpected("after top-level value");
  return Decoded{*std::move(value), {.fields = std::move(duplicates_), .lines = {}}};
}

Result<json::Value> JsonReader::ReadValue(const std::string& path, int depth) {
  if (AtEnd()) return Unexpected("");
  if (depth > json::kMaxDepth) return Fail(ErrorCode::kInvalid, "exceeded max depth");
  switch (text_[at_]) {
    case '{':
      return ReadObject(path, depth);
    case '[':
      return ReadArray(path, depth);
    case '"': {
      auto text = ReadString();
      if (!text) return std::unexpected(text.error());
      return json::Value(*text);
    }
    case 't':
    case 'f':
    case 'n':
      return ReadWord();
    default:
      if (text_[at_] == '-' || IsDigit(text_[at_])) return ReadNumber();
      return Unexpected("looking for beginning of value");
  }
}

Result<json::Value> JsonReader::ReadObject(const std::string& path, int depth) {
  json::Object object;
  ++at_;
  SkipSpace();
  if (!AtEnd() && text_[at_] == '}') {
    ++at_;
    return object;
  }
  while (true) {
    if (AtEnd() || text_[at_] != '"')
      return Unexpected("looking for beginning of object key string");
    auto key = ReadString();
    if (!key) return std::unexpected(key.error());
    SkipSpace();
    if (AtEnd() || text_[at_] != ':') return Unexpected("after object key");
    ++at_;
    SkipSpace();
    const std::size_t line = line_;
    std::string below = path.empty() ? *key : path + "." + *key;
    auto value = ReadValue(below, depth + 1);
    if (!value) return value;
    if (object.contains(*key)) {
      yaml_complaints_.push_back(
          fmt::format("line {}: key {} already set in map", line, GoQuote(*key)));
      if (told_.insert(below).second) duplicates_.push_back(std::move(below));
    }
    object[*key] = *std::move(value);
    SkipSpace();
    if (!AtEnd() && text_[at_] == '}') break;
    if (AtEnd() || text_[at_] != ',') return Unexpected("after object key:value pair");
    ++at_;
    SkipSpace();
  }
  ++at_;
  return object;
}

Result<json::Value> JsonReader::ReadArray(const std::string& path, int depth) {
  json::Array array;
  ++at_;
  SkipSpace();
  if (!AtEnd() && text_[at_] == ']') {
    ++at_;
    return array;
  }
  while (true) {
    auto value = ReadValue(fmt::format("{}[{}]", path, array.size()), depth + 1);
    if (!value) return value;
    array.push_back(*std::move(value));
    SkipSpace();
    if (!AtEnd() && text_[at_] == ']') break;
    if (AtEnd() || text_[at_] != ',') return Unexpected("after array element");
    ++at_;
    SkipSpace();
  }
  ++at_;
  return array;
}

Result<std::string> JsonReader::ReadString() {
  std::string out;
  ++at_;
  while (true) {
    if (AtEnd()) return Unexpected("");
    const char c = text_[at_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) return Unexpected("in string literal");
    if (c != '\\') {
      const std::size_t length = Utf8Length(text_.substr(at_));
      out += length == 0 ? kReplacement : text_.substr(at_, length);
      at_ += std::max<std::size_t>(length, 1);
      continue;
    }
    if (++at_ == text_.size()) return Unexpected("");
    switch (text_[at_]) {
      case '"':
      case '\\':
      case '/':
        out += text_[at_];
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        for (int i = 0; i < 4; ++i) {
          ++at_;
          if (AtEnd() || !std::isxdigit(static_cast<unsigned char>(text_[at_]))) {
            return Unexpected("in \\u hexadecimal character escape");
          }
        }
        std::uint32_t code = *ParseHex4(text_.substr(at_ - 3, 4));
        if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_ + 1, 2) == "\\u") {
          auto low = ParseHex4(text_.substr(std::min(at_ + 3, text_.size()), 4));
          if (low && *low >= 0xdc00 && *low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (*low - 0xdc00);
            at_ += 6;
          }
        }
        AppendUtf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
        break;
      }
      default:
        return Unexpected("in string escape code");
    }
    ++at_;
  }
  ++at_;
  return out;
}

Result<json::Value> JsonReader::ReadNumber() {
  const std::size_t begin = at_;
  if (text_[at_] == '-') {
    ++at_;
    if (AtEnd() || !IsDigit(text_[at_])) return Unexpected("in numeric literal");
  }
  if (text_[at_] == '0') {
    ++at_;
  } else {
    while (!AtEnd() && IsDigit(text_[at_])) ++at_;
  }
  if (!AtEnd() && text_[at_] == '.') {
    ++at_;
    if (AtEnd() || !IsDigit(text_[at_]))
      return Unexpected("after decimal point in numeric literal");
    while (!AtEnd() && IsDigit(text_[at_])) ++at_;
  }
  if (!AtEnd() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (!AtEnd() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (AtEnd() || !IsDigit(text_[at_])) return Unexpected("in exponent of numeric literal");
    while (!AtEnd() && IsDigit(text_[at_])) ++at_;
  }
  return json::Parse(text_.substr(begin, at_ - begin));
}

Result<json::Value> JsonReader::ReadWord() {
  const std::string_view word = text_[at_] == 't' ? "true" : text_[at_] == 'f' ? "false" : "null";
  for (std::size_t i = 0; i < word.size(); ++i, ++at_) {
    if (AtEnd() || text_[at_] != word[i]) {
      return Unexpected(fmt::format("in literal {} (expecting '{}')", word, word[i]));
    }
  }
  if (word == "null") return json::Value(nullptr);
  return json::Value(word == "true");
}

void JsonReader::SkipSpace() {
  while (!AtEnd() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }
}

std::unexpected<Error> JsonReader::Unexpected(std::string_view where) const {
  if (AtEnd()) return Fail(ErrorCode::kInvalid, "unexpected end of JSON input");
  const auto c = static_cast<unsigned char>(text_[at_]);
  std::string shown;
  if (c == '\'') {
    shown = "'\\''";
  } else if (c == '"') {
    shown = "'\"'";
  } else if (c == '\n' || c == '\r' || c == '\t') {
    shown = c == '\n' ? "'\\n'" : c == '\r' ? "'\\r'" : "'\\t'";
  } else if (c < 0x20) {
    shown = fmt::format("'\\x{:02x}'", c);
  } else {
    // Go shows a byte as the character with that number.
    shown = "'";
    AppendUtf8(shown, c);
    shown += "'";
  }
  return Fail(ErrorCode::kInvalid, "invalid character {} {}", shown, where);
}

namespace {

void AppendUtf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::optional<std::uint32_t> ParseHex4(std::string_view text) {
  if (text.size() != 4) return std::nullopt;
  std::uint32_t code = 0;
  for (char c : text) {
    if (!std::isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
    code = code * 16 + static_cast<std::uint32_t>(IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return code;
}

std::size_t Utf8Length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace
}  // namespace kro::apiserver::internal
