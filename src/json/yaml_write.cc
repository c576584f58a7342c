#include <fmt/format.h>

#include <algorithm>

#include "json/internal/scalar.h"
#include "json/yaml.h"

namespace kro::json {
namespace {

// Appends `value` as the rest of a line that ends in `-` or `key:` and the lines below it.
// `indent` is the column of a map's keys and of a list's dashes.
class Writer {
 public:
  std::string Write(const Value& value);

 private:
  void Map(const Object& object, std::size_t indent, int depth);
  void List(const Array& array, std::size_t indent, int depth);
  // After "key:".
  void Member(const Value& value, std::size_t indent, int depth);
  // After "-".
  void Element(const Value& value, std::size_t indent, int depth);
  void Scalar(const Value& value, std::size_t indent);
  void Text(std::string_view text, std::size_t indent);
  void Indent(std::size_t indent) { out_.append(indent, ' '); }

  std::string out_;
};

// What yaml-go's emitter finds out about a string before it chooses a style.
enum class Form { kPlain, kSingle, kDouble, kLiteral };
Form FormOf(std::string_view text);
bool HasSpecialCharacters(std::string_view text);
bool PlainAllowed(std::string_view text);
std::string DoubleQuoted(std::string_view text);
std::string SingleQuoted(std::string_view text);
bool IsBlock(const Value& value, int depth);

}  // namespace

std::string ToYaml(const Value& value) { return Writer().Write(value); }

namespace {

std::string Writer::Write(const Value& value) {
  if (!IsBlock(value, 0)) {
    Scalar(value, 0);
    if (!out_.ends_with('\n')) out_ += '\n';
  } else if (const Object* object = value.if_object()) {
    Map(*object, 0, 0);
  } else {
    List(value.get_array(), 0, 0);
  }
  return std::move(out_);
}

void Writer::Map(const Object& object, std::size_t indent, int depth) {
  bool first = true;
  for (const auto& member : object) {
    // The first key stands after the dash of a list, where one leads here.
    if (!first || out_.empty() || out_.back() == '\n') Indent(indent);
    first = false;
    const std::string_view key(member.key().data(), member.key().size());
    // A simple key is one line of at most 1024 characters; longer ones are explicit.
    const Form form = FormOf(key);
    std::string text = form == Form::kPlain    ? std::string(key)
                       : form == Form::kSingle ? SingleQuoted(key)
                                               : DoubleQuoted(key);
    if (text.size() > 128) {
      out_ += "? " + text + '\n';
      Indent(indent);
    } else {
      out_ += text;
    }
    out_ += ':';
    Member(member.value(), indent, depth + 1);
  }
}

void Writer::List(const Array& array, std::size_t indent, int depth) {
  bool first = true;
  for (const Value& element : array) {
    if (!first || out_.empty() || out_.back() == '\n') Indent(indent);
    first = false;
    out_ += '-';
    Element(element, indent, depth + 1);
  }
}

void Writer::Member(const Value& value, std::size_t indent, int depth) {
  if (!IsBlock(value, depth)) {
    out_ += ' ';
    Scalar(value, indent + 2);
    if (!out_.ends_with('\n')) out_ += '\n';
    return;
  }
  out_ += '\n';
  if (const Object* object = value.if_object()) {
    Map(*object, indent + 2, depth);
  } else {
    List(value.get_array(), indent, depth);
  }
}

void Writer::Element(const Value& value, std::size_t indent, int depth) {
  out_ += ' ';
  if (!IsBlock(value, depth)) {
    Scalar(value, indent + 2);
    if (!out_.ends_with('\n')) out_ += '\n';
  } else if (const Object* object = value.if_object()) {
    Map(*object, indent + 2, depth);
  } else {
    List(value.get_array(), indent + 2, depth);
  }
}

void Writer::Scalar(const Value& value, std::size_t indent) {
  if (const String* text = value.if_string()) {
    Text({text->data(), text->size()}, indent);
  } else {
    out_ += Serialize(value);
  }
}

void Writer::Text(std::string_view text, std::size_t indent) {
  switch (FormOf(text)) {
    case Form::kPlain:
      out_ += text;
      return;
    case Form::kSingle:
      out_ += SingleQuoted(text);
      return;
    case Form::kDouble:
      out_ += DoubleQuoted(text);
      return;
    case Form::kLiteral:
      break;
  }
  out_ += text.ends_with("\n\n") ? "|+" : text.ends_with('\n') ? "|" : "|-";
  out_ += '\n';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) Indent(indent == 0 ? 2 : indent);
    out_.append(text, at, end - at);
    out_ += '\n';
    at = end + 1;
  }
}

Form FormOf(std::string_view text) {
  if (HasSpecialCharacters(text)) return Form::kDouble;
  if (text.find('\n') != text.npos) {
    // A literal block cannot show blanks at the ends of lines, nor tell its indentation when it
    // begins with a blank.
    const bool literal = text.front() != ' ' && text.front() != '\t' && text.front() != '\n' &&
                         text.find(" \n") == text.npos && text.find("\t\n") == text.npos &&
                         text.back() != ' ' && text.back() != '\t';
    return literal ? Form::kLiteral : Form::kDouble;
  }
  if (NeedsQuotes(text)) return Form::kDouble;
  return PlainAllowed(text) ? Form::kPlain : Form::kSingle;
}

// Characters that only a double-quoted string can hold. Text that is no UTF-8 is let through: no
// YAML can hold it.
bool HasSpecialCharacters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return true;
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;  // C1 controls and NEL
    }
    const std::string_view three = text.substr(i, 3);
    if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9" || three == "\xef\xbb\xbf" ||
        three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf") {
      return true;
    }
  }
  return false;
}

bool PlainAllowed(std::string_view text) {
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (text.front() == ' ' || text.back() == ' ' || text.find('\t') != text.npos) return false;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text.front()) != text.npos) return false;
  if (text.front() == '?' || text.front() == ':') return false;
  if (text.front() == '-' && (text.size() == 1 || text[1] == ' ')) return false;
  return text.back() != ':' && text.find(": ") == text.npos && text.find(" #") == text.npos;
}

std::string SingleQuoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

// JSON's escapes are YAML's; the characters that JSON leaves alone and YAML does not are added.
std::string DoubleQuoted(std::string_view text) {
  const std::string json = Serialize(Value(boost::json::string_view(text.data(), text.size())));
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto c = static_cast<unsigned char>(json[i]);
    const std::string_view three = std::string_view(json).substr(i, 3);
    if (c == 0x7f) {
      out += "\\x7f";
    } else if (c == 0xc2 && i + 1 < json.size() && static_cast<unsigned char>(json[i + 1]) < 0xa0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(json[++i]));
    } else if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") {
      out += three.back() == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (three == "\xef\xbb\xbf" || three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf") {
      out += three[1] == '\xbb' ? "\\ufeff" : three[2] == '\xbe' ? "\\ufffe" : "\\uffff";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

// Whether a value is written below its key; empty ones are {} and [], and what nests deeper than a
// reader follows is written as JSON, which needs no recursion.
bool IsBlock(const Value& value, int depth) {
  if (depth >= kMaxDepth) return false;
  if (const Object* object = value.if_object()) return !object->empty();
  const Array* array = value.if_array();
  return array != nullptr && !array->empty();
}

}  // namespace
}  // namespace kro::json
