#include "json/yaml.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/base64.h"
#include "base/go_quote.h"
#include "json/internal/block.h"
#include "json/internal/flow.h"
#include "json/internal/scalar.h"
#include "json/kubectl_yaml.h"

namespace kro::json {
namespace {

using Style = SourceMap::Entry::Style;

constexpr std::string_view kSyntax = "KRO101";
constexpr std::string_view kDuplicateKey = "KRO102";
constexpr std::string_view kWrongType = "KRO103";
constexpr std::string_view kOtherKey = "KRO106";

// What the copies made by aliases and merge keys may weigh in bytes: this, or ten times the text.
constexpr std::size_t kFreeExpansion = 4 << 20;
// What the places of all values may weigh: each holds its whole path. Values whose path is too long for what is
// left have the place of the nearest one around them.
constexpr std::size_t kFreePlaces = 4 << 20;
constexpr std::size_t kPlacesPerByte = 48;
constexpr std::size_t kMaxText = 256 << 20;
// libfyaml reads all brackets that are open before it says anything, at 350 bytes each. Text has pairs of them, and
// at times a "${" alone.
constexpr std::size_t kMaxOpen = 100'000;
constexpr std::size_t kMaxDiagnostics = 100;
constexpr std::size_t kMaxComplaints = 10'000;
constexpr std::size_t kMaxHidden = 100;  // each reads the text once more

// What a key that a map has already means.
enum class DuplicateKeys { kRefuse, kLastWins };

// A node as written, before aliases are followed and scalars resolved.
struct Node {
  enum class Kind { kScalar, kMap, kList, kAlias };
  Kind kind = Kind::kScalar;
  Style style = Style::kPlain;
  std::string text;       // of a scalar: decoded; of an alias: its name
  std::string tag;        // long form, "!" or empty
  std::size_t first = 0;  // byte of the file where it begins, with its tag and anchor
  std::size_t begin = 0;  // bytes of the file, quotes and block header included
  std::size_t end = 0;
  std::uint32_t content_column = 0;
  std::vector<Node*> children;  // of a map: key, value, key, value …
  Node* target = nullptr;       // of an alias
  bool closed = true;           // false while it is being read
};

// Positions of bytes, at a constant price however long the lines are.
class Lines {
 public:
  explicit Lines(std::string_view text);
  Position At(std::size_t offset) const;

 private:
  static constexpr std::size_t kBlock = 256;

  // The code points before `offset`.
  std::size_t Count(std::size_t offset) const;

  std::string_view text_;
  std::vector<std::size_t> starts_;
  std::vector<std::size_t> counts_;  // before each block of the text
};

struct Context {
  std::string_view text;
  std::string_view source;
  Lines lines;
  Diagnostics diagnostics;

  void Report(std::string_view code, Position position, const FieldPath& path, std::string message,
              std::string hint = {});
};

// Refuses what libfyaml must not see: bytes that are no text of YAML. False after reporting.
bool CheckCharacters(Context& context);

// Reads libfyaml's events into nodes, one tree a document.
class Composer {
 public:
  // `text` may be the text of `context` with other blanks in the same places.
  Composer(Context& context, std::string_view text);
  ~Composer();

  // The roots of the documents; they live as long as the composer. Reports into the context.
  std::vector<Node*> Run();

 private:
  enum class Outcome { kDone, kAgain };

  struct ParserDelete {
    void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
  };
  struct DiagDelete {
    void operator()(fy_diag* diag) const { fy_diag_unref(diag); }
  };

  bool Start();
  Outcome Pass();
  bool Handle(fy_event* event);
  Node* Make(Node::Kind kind, fy_event* event);
  bool Scalar(fy_event* event);
  bool Alias(fy_event* event);
  bool Open(Node::Kind kind, fy_event* event);
  bool Place(Node* node);
  std::size_t HeaderBefore(std::size_t begin) const;
  bool Block(Node* node);
  void Hide(const Node& node, std::string text);
  int IndentationAround(const Node& node) const;
  void ReportSyntax();

  Context& context_;
  std::string_view text_;
  std::string patched_;                        // what `text_` shows once a block scalar is hidden
  std::map<std::size_t, std::string> hidden_;  // the texts of these scalars, by their headers
  bool again_ = false;
  std::unique_ptr<fy_diag, DiagDelete> diag_;
  std::unique_ptr<fy_parser, ParserDelete> parser_;
  std::deque<Node> nodes_;  // the roots point into it
  std::vector<Node*> roots_;
  std::vector<Node*> open_;
  std::unordered_map<std::string, Node*> anchors_;
  std::size_t last_ = 0;  // where the last node ended
};

// Turns a tree of nodes into a value, following aliases within a budget.
class Resolver {
 public:
  // Adds warnings and complaints to `read`, which outlives the resolver.
  Resolver(Context& context, DuplicateKeys duplicates, KubectlYaml& read)
      : context_(context),
        duplicates_(duplicates),
        read_(read),
        budget_(std::max(kFreeExpansion, context.text.size() * 10)),
        places_left_(std::max(kFreePlaces, context.text.size() * kPlacesPerByte)) {}

  Document Run(const Node& root);

 private:
  // Each returns false after reporting; the walk goes on where it can, to report all faults.
  bool Resolve(const Node& node, const Node* key, Value& value, int depth);
  bool ResolveMap(const Node& node, Value& value, int depth);
  bool ResolveList(const Node& node, Value& value, int depth);
  bool ResolveScalar(const Node& node, Value& value);
  bool ResolveAlias(const Node& node, Value& value, int depth);
  bool ResolveKey(const Node& node, std::string& key);
  bool Repeated(const Node& map, std::size_t index, const std::string& key);
  void WarnOfBoolean(const Node& node, const std::string& key);
  bool Merge(const Node& node, Object& object, int depth);
  bool MergeOne(const Node& node, Object& object, int depth);
  bool Charge(const Node& node, std::size_t bytes);
  void Complain(const Node& node);
  void ComplainOfMembers(const Node& map, std::set<std::string>& keys);
  void ComplainOfMerged(const Node& node, std::set<std::string>& keys);
  std::string GoKey(const Node& node);
  void Record(const Node& node, const Node* key);
  Position At(const Node& node) const { return context_.lines.At(node.begin); }
  bool Fault(std::string_view code, const Node& node, std::string message, std::string hint = {});

  Context& context_;
  DuplicateKeys duplicates_;
  SourceMap map_;
  KubectlYaml& read_;
  Diagnostics warnings_;  // of this document
  FieldPath path_;
  std::size_t budget_;
  std::size_t places_left_;
  int copies_ = 0;   // how many aliases and merges surround the node at hand
  int aliases_ = 0;  // how many of these stand for a node elsewhere, which is told of there
  std::vector<const Node*> following_;
};

Parsed<KubectlYaml> ParseDocuments(std::string_view text, std::string_view source,
                                   DuplicateKeys duplicates);
bool IsMergeKey(const Node& node);
const Node& Followed(const Node& node);
std::string_view ShortTag(std::string_view tag);
std::optional<std::string> KeyText(const Value& value);
std::optional<std::string> DecodeBinary(std::string_view text);

}  // namespace

Parsed<std::vector<Document>> ParseYaml(std::string_view text, std::string_view source) {
  auto read = ParseDocuments(text, source, DuplicateKeys::kRefuse);
  if (!read) return std::unexpected(std::move(read).error());
  return std::move(read->documents);
}

Parsed<KubectlYaml> ParseKubectlYaml(std::string_view text, std::string_view source) {
  return ParseDocuments(text, source, DuplicateKeys::kLastWins);
}

Parsed<Document> ParseYamlDocument(std::string_view text, std::string_view source) {
  auto documents = ParseYaml(text, source);
  if (!documents) return std::unexpected(std::move(documents).error());
  if (documents->size() == 1) return std::move(documents->front());
  Diagnostic diagnostic;
  diagnostic.code = kSyntax;
  diagnostic.where.source = source;
  diagnostic.message = "expected one document, found none";
  if (!documents->empty()) {
    diagnostic.message = fmt::format("expected one document, found {}", documents->size());
    diagnostic.where.position = (*documents)[1].begin;
  }
  return std::unexpected(Diagnostics{std::move(diagnostic)});
}

namespace {

Parsed<KubectlYaml> ParseDocuments(std::string_view text, std::string_view source,
                                   DuplicateKeys duplicates) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Context context{text, source, Lines(text), {}};
  if (!CheckCharacters(context)) return std::unexpected(std::move(context.diagnostics));

  // JSON may be indented with tabs, which libfyaml refuses; in a valid text they stand outside
  // strings only.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool braced = first != text.npos && (text[first] == '{' || text[first] == '[');
  std::optional<Value> json;
  std::string spaced;
  if (braced) {
    if (auto parsed = Parse(text)) {
      json = *std::move(parsed);
      spaced = text;
      std::replace(spaced.begin(), spaced.end(), '\t', ' ');
    }
  }

  Composer composer(context, json ? std::string_view(spaced) : text);
  const std::vector<Node*> roots = composer.Run();
  if (!context.diagnostics.empty()) {
    // JSON that is no YAML, such as an escaped surrogate pair, has a value but no places.
    if (json) {
      KubectlYaml read;
      read.documents.push_back({*std::move(json), {}, context.lines.At(first)});
      return read;
    }
    return std::unexpected(std::move(context.diagnostics));
  }
  KubectlYaml read;
  for (const Node* root : roots) {
    Resolver resolver(context, duplicates, read);
    Document document = resolver.Run(*root);
    if (!document.value.is_null()) read.documents.push_back(std::move(document));
  }
  if (!context.diagnostics.empty()) return std::unexpected(std::move(context.diagnostics));
  return read;
}

Lines::Lines(std::string_view text) : text_(text), starts_{0} {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % kBlock == 0) counts_.push_back(count);
    if ((text[i] & 0xc0) != 0x80) ++count;
    const bool lone_return = text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    if (text[i] == '\n' || lone_return) starts_.push_back(i + 1);
  }
  counts_.push_back(count);
}

Position Lines::At(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto line = std::upper_bound(starts_.begin(), starts_.end(), offset) - 1;
  return {static_cast<std::uint32_t>(line - starts_.begin() + 1),
          static_cast<std::uint32_t>(Count(offset) - Count(*line) + 1)};
}

std::size_t Lines::Count(std::size_t offset) const {
  const std::size_t block = offset / kBlock;
  std::size_t count = counts_[block];
  for (std::size_t i = block * kBlock; i < offset; ++i) {
    if ((text_[i] & 0xc0) != 0x80) ++count;
  }
  return count;
}

void Context::Report(std::string_view code, Position position, const FieldPath& path,
                     std::string message, std::string hint) {
  if (diagnostics.size() >= kMaxDiagnostics) return;
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.where.source = source;
  diagnostic.where.path = path.ToString();
  diagnostic.where.position = position;
  diagnostic.hint = std::move(hint);
  diagnostics.push_back(std::move(diagnostic));
}

bool CheckCharacters(Context& context) {
  const std::string_view text = context.text;
  if (text.size() > kMaxText) {
    context.Report(kSyntax, {1, 1}, {}, fmt::format("text is larger than {} MiB", kMaxText >> 20));
    return false;
  }
  std::size_t open = 0;
  for (std::size_t i = 0; i < text.size();) {
    const bool expression = i > 0 && text[i - 1] == '$';
    if (text[i] == '[' || (text[i] == '{' && !expression)) ++open;
    if ((text[i] == ']' || text[i] == '}') && open > 0) --open;
    if (open > kMaxOpen) {
      context.Report(kSyntax, context.lines.At(i), {},
                     fmt::format("nested deeper than {}", kMaxDepth));
      return false;
    }
    const auto byte = [&](std::size_t n) {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0u;
    };
    const std::uint32_t lead = byte(0);
    std::uint32_t code = lead;
    std::size_t length = 1;
    bool valid = true;
    if (lead >= 0x80) {
      length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
      valid = lead >= 0xc2 && lead <= 0xf4;
      code = lead & (0x7fu >> length);
      for (std::size_t n = 1; n < length; ++n) {
        valid = valid && (byte(n) & 0xc0) == 0x80;
        code = code << 6 | (byte(n) & 0x3f);
      }
      valid = valid && !(length == 3 && code < 0x800) && !(length == 4 && code < 0x10000) &&
              !(code >= 0xd800 && code < 0xe000) && code <= 0x10ffff;
    }
    if (!valid) {
      context.Report(kSyntax, context.lines.At(i), {}, "invalid UTF-8");
      return false;
    }
    const bool control = (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
                         (code >= 0x7f && code < 0xa0 && code != 0x85) || code == 0xfffe ||
                         code == 0xffff || code == 0xfeff;
    if (control) {
      context.Report(kSyntax, context.lines.At(i), {},
                     fmt::format("character U+{:04X} is not allowed", code),
                     "write it as an escape inside double quotes");
      return false;
    }
    i += length;
  }
  return true;
}

Composer::Composer(Context& context, std::string_view text) : context_(context), text_(text) {}

// libfyaml 0.7 frees collected errors only when they are reset, and their tokens need the parser.
Composer::~Composer() {
  if (diag_ != nullptr) fy_diag_reset_error(diag_.get());
}

std::vector<Node*> Composer::Run() {
  if (text_.empty()) return {};
  while (Pass() == Outcome::kAgain) {
  }
  return std::move(roots_);
}

Composer::Outcome Composer::Pass() {
  if (!Start()) {
    context_.Report(kSyntax, {}, {}, "the YAML parser could not start");
    return Outcome::kDone;
  }
  bool good = true;
  while (good) {
    fy_event* event = fy_parser_parse(parser_.get());
    if (event == nullptr) break;
    good = Handle(event);
    fy_parser_event_free(parser_.get(), event);
  }
  if (again_) return Outcome::kAgain;
  if (good && fy_parser_get_stream_error(parser_.get())) ReportSyntax();
  return Outcome::kDone;
}

bool Composer::Start() {
  if (diag_ != nullptr) fy_diag_reset_error(diag_.get());
  parser_.reset();
  nodes_.clear();
  roots_.clear();
  open_.clear();
  anchors_.clear();
  last_ = 0;
  again_ = false;

  fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  diag_config.fp = nullptr;
  diag_config.output_fn = [](fy_diag*, void*, const char*, std::size_t) {};
  diag_config.colorize = false;
  diag_.reset(fy_diag_create(&diag_config));
  if (diag_ == nullptr) return false;
  fy_diag_set_collect_errors(diag_.get(), true);

  fy_parse_cfg config{};
  // The depth is limited here, where all kinds of nesting are counted alike.
  config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_COLLECT_DIAG | FYPCF_DISABLE_DEPTH_LIMIT |
                                                 FYPCF_JSON_NONE | FYPCF_DISABLE_MMAP_OPT);
  config.diag = diag_.get();
  parser_.reset(fy_parser_create(&config));
  return parser_ != nullptr && fy_parser_set_string(parser_.get(), text_.data(), text_.size()) == 0;
}

bool Composer::Handle(fy_event* event) {
  switch (event->type) {
    case FYET_SCALAR:
      return Scalar(event);
    case FYET_ALIAS:
      return Alias(event);
    case FYET_MAPPING_START:
      return Open(Node::Kind::kMap, event);
    case FYET_SEQUENCE_START:
      return Open(Node::Kind::kList, event);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
      if (open_.empty()) return false;
      open_.back()->closed = true;
      open_.pop_back();
      return true;
    case FYET_DOCUMENT_START:
      anchors_.clear();
      return true;
    default:
      return true;
  }
}

Node* Composer::Make(Node::Kind kind, fy_event* event) {
  Node& node = nodes_.emplace_back();
  node.kind = kind;
  const fy_mark* begin = fy_event_start_mark(event);
  const fy_mark* end = fy_event_end_mark(event);
  node.begin = begin != nullptr ? std::min(begin->input_pos, text_.size()) : last_;
  node.end = end != nullptr ? std::clamp(end->input_pos, node.begin, text_.size()) : node.begin;
  node.first = node.begin;
  last_ = std::max(last_, node.end);
  const auto begins_at = [&](fy_token* token) {
    const fy_mark* mark = fy_token_start_mark(token);
    if (mark != nullptr) node.first = std::min(node.first, mark->input_pos);
  };
  if (fy_token* tag = fy_event_get_tag_token(event)) {
    begins_at(tag);
    std::size_t size = 0;
    const char* text = fy_token_get_text(tag, &size);
    if (text != nullptr) node.tag.assign(text, size);
  }
  if (fy_token* anchor = fy_event_get_anchor_token(event); anchor && kind != Node::Kind::kAlias) {
    begins_at(anchor);
    std::size_t size = 0;
    const char* text = fy_token_get_text(anchor, &size);
    if (text != nullptr) anchors_[std::string(text, size)] = &node;
  }
  return &node;
}

// libfyaml 0.7 finds where scalars end, but misreads runs of quotes ('a''''b' loses its b) and escapes
// near folded lines, and leaks when a plain scalar has many lines. So their text is decoded here.
bool Composer::Scalar(fy_event* event) {
  Node* node = Make(Node::Kind::kScalar, event);
  if (fy_token* token = event->scalar.value) {
    switch (fy_token_scalar_style(token)) {
      case FYSS_SINGLE_QUOTED:
        node->style = Style::kSingleQuoted;
        break;
      case FYSS_DOUBLE_QUOTED:
        node->style = Style::kDoubleQuoted;
        break;
      case FYSS_LITERAL:
        node->style = Style::kLiteral;
        break;
      case FYSS_FOLDED:
        node->style = Style::kFolded;
        break;
      default:
        break;
    }
  }
  // libfyaml's marks leave out quotes and block headers.
  if (node->style == Style::kSingleQuoted || node->style == Style::kDoubleQuoted) {
    if (node->begin > 0) --node->begin;
    if (node->end < text_.size()) ++node->end;
    const std::string_view raw = text_.substr(node->begin, node->end - node->begin);
    node->text = DecodeFlow(raw, node->style == Style::kSingleQuoted ? '\'' : '"');
  } else if (node->style == Style::kLiteral || node->style == Style::kFolded) {
    node->begin = HeaderBefore(node->begin);
    if (!Block(node)) return false;
  } else if (const auto hidden = hidden_.find(node->begin); hidden != hidden_.end()) {
    node->style = context_.text[node->begin] == '|' ? Style::kLiteral : Style::kFolded;
    node->text = hidden->second;
  } else {
    node->text = DecodeFlow(text_.substr(node->begin, node->end - node->begin), '\0');
  }
  return Place(node);
}

bool Composer::Alias(fy_event* event) {
  Node* node = Make(Node::Kind::kAlias, event);
  if (node->begin > 0) --node->begin;  // the '*'
  std::size_t size = 0;
  const char* text = fy_token_get_text(event->alias.anchor, &size);
  if (text != nullptr) node->text.assign(text, size);
  const auto found = anchors_.find(node->text);
  if (found == anchors_.end()) {
    context_.Report(kSyntax, context_.lines.At(node->begin), {},
                    fmt::format("unknown anchor '{}'", node->text));
    return false;
  }
  if (!found->second->closed) {
    context_.Report(kSyntax, context_.lines.At(node->begin), {},
                    fmt::format("anchor '{}' contains itself", node->text));
    return false;
  }
  node->target = found->second;
  return Place(node);
}

bool Composer::Open(Node::Kind kind, fy_event* event) {
  Node* node = Make(kind, event);
  if (!Place(node)) return false;
  node->closed = false;
  open_.push_back(node);
  if (open_.size() <= static_cast<std::size_t>(kMaxDepth)) return true;
  context_.Report(kSyntax, context_.lines.At(node->begin), {},
                  fmt::format("nested deeper than {}", kMaxDepth));
  return false;
}

bool Composer::Place(Node* node) {
  if (open_.empty()) {
    roots_.push_back(node);
  } else {
    open_.back()->children.push_back(node);
  }
  return true;
}

// Where the header (`|2-`) of a block scalar stands whose text begins at `begin`: the first '|' or
// '>' of the last line before it that only a header can follow.
std::size_t Composer::HeaderBefore(std::size_t begin) const {
  std::size_t line_end = begin;
  while (line_end > 0) {
    std::size_t line = line_end;
    while (line > 0 && text_[line - 1] != '\n' && text_[line - 1] != '\r') --line;
    const std::string_view text = text_.substr(line, line_end - line);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '|' && text[i] != '>') continue;
      if (i > 0 && text[i - 1] != ' ' && text[i - 1] != '\t') continue;
      const std::size_t rest = text.find_first_not_of("0123456789+-", i + 1);
      if (rest == text.npos) return line + i;
      const std::size_t comment = text.find_first_not_of(" \t", rest);
      if (comment == text.npos || (comment > rest && text[comment] == '#')) return line + i;
    }
    if (line == 0) break;
    line_end = line - 1;
  }
  return begin;
}

// libfyaml 0.7 finds block scalars, but misreads last lines without a break, empty lines between
// lines that are indented more, and scalars of blanks only.
bool Composer::Block(Node* node) {
  BlockText block = DecodeBlock(text_.substr(node->begin), IndentationAround(*node));
  const std::size_t end = node->begin + block.end;
  const std::size_t near = std::min(end, node->end);
  const std::size_t far = std::max(end, node->end);
  if (text_.substr(near, far - near).find_first_not_of(" \t\r\n") != text_.npos) {
    const std::string_view header = text_.substr(node->begin, 1);
    const bool found = header == "|" || header == ">";
    if (found && block.empty && hidden_.size() < kMaxHidden) {
      Hide(*node, std::move(block.text));
    } else {
      context_.Report(kSyntax, context_.lines.At(node->begin), {},
                      "the end of the block scalar is ambiguous",
                      block.empty ? "write an empty text as \"\"" : "quote the text");
    }
    return false;
  }
  node->text = std::move(block.text);
  if (!block.empty) node->content_column = static_cast<std::uint32_t>(block.indentation + 1);
  return true;
}

// libfyaml also takes the line after an empty block scalar for its text if that line is not
// indented less. So the whole text is read again with a plain scalar where the header stands.
void Composer::Hide(const Node& node, std::string text) {
  if (patched_.empty()) patched_ = text_;
  std::size_t at = node.begin;
  patched_[at++] = '~';
  while (at < patched_.size() && std::string_view("0123456789+-").contains(patched_[at])) {
    patched_[at++] = ' ';
  }
  text_ = patched_;
  hidden_.emplace(node.begin, std::move(text));
  again_ = true;
}

// How far the map or list is indented that holds the block scalar; -1 at the root.
int Composer::IndentationAround(const Node& node) const {
  if (open_.empty()) return -1;
  const Node& parent = *open_.back();
  const bool list = parent.kind == Node::Kind::kList;
  const bool value = !list && parent.children.size() % 2 == 1;
  // Where the item or the key of the scalar stands on its line; "- - a: |" has three places.
  const auto line_of = [&](std::size_t at) {
    while (at > 0 && text_[at - 1] != '\n' && text_[at - 1] != '\r') --at;
    return at;
  };
  const std::size_t anchor = value ? parent.children.back()->begin : node.begin;
  const std::size_t line = line_of(anchor);
  std::optional<std::size_t> dash;
  std::size_t at = line;
  while (at < anchor && (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '-')) {
    if (text_[at] == '-') {
      if (text_[at + 1] != ' ' && text_[at + 1] != '\t') break;
      dash = at;
    }
    ++at;
  }
  if (list) at = dash ? *dash : line + (parent.begin - line_of(parent.begin));
  return static_cast<int>(at - line);
}

void Composer::ReportSyntax() {
  void* iterator = nullptr;
  while (fy_diag_error* error = fy_diag_errors_iterate(diag_.get(), &iterator)) {
    if (error->type != FYET_ERROR) continue;
    std::string message = error->msg != nullptr ? error->msg : "syntax error";
    std::string hint;
    if (message.find("tab ") != message.npos) hint = "indent with spaces";
    if (message.starts_with("invalid nested block mapping")) {
      hint = "a value that holds ': ' must be quoted";
    }
    if (message.starts_with("plain scalar cannot start")) hint = "quote the value";
    // libfyaml 0.7 does not read an empty item of a list that stands as far left as its key.
    if (message == "did not find expected node content") hint = "write null for an empty item";
    context_.Report(kSyntax,
                    {static_cast<std::uint32_t>(std::max(0, error->line)),
                     static_cast<std::uint32_t>(std::max(0, error->column))},
                    {}, std::move(message), std::move(hint));
    return;
  }
  context_.Report(kSyntax, context_.lines.At(last_), {}, "syntax error after this place");
}

Document Resolver::Run(const Node& root) {
  Document document;
  document.begin = At(root);
  Resolve(root, nullptr, document.value, 0);
  document.map = std::move(map_);
  read_.warnings.insert(read_.warnings.end(), std::make_move_iterator(warnings_.begin()),
                        std::make_move_iterator(warnings_.end()));
  // Of a document without faults the walk ends where this one did.
  if (duplicates_ == DuplicateKeys::kLastWins && context_.diagnostics.empty()) Complain(root);
  return document;
}

bool Resolver::Resolve(const Node& node, const Node* key, Value& value, int depth) {
  Record(node, key);
  if (!Charge(node, sizeof(Value) + node.text.size())) return false;
  switch (node.kind) {
    case Node::Kind::kScalar:
      return ResolveScalar(node, value);
    case Node::Kind::kAlias:
      return ResolveAlias(node, value, depth);
    default:
      break;
  }
  if (depth == kMaxDepth) {
    return Fault(kSyntax, node, fmt::format("nested deeper than {}", kMaxDepth));
  }
  return node.kind == Node::Kind::kMap ? ResolveMap(node, value, depth + 1)
                                       : ResolveList(node, value, depth + 1);
}

bool Resolver::ResolveMap(const Node& node, Value& value, int depth) {
  if (!node.tag.empty() && node.tag != "!" && ShortTag(node.tag) != "!!map") {
    return Fault(kWrongType, node, fmt::format("unknown tag '{}' on a map", ShortTag(node.tag)));
  }
  Object& object = value.emplace_object();
  bool good = true;
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Node& key_node = *node.children[i];
    if (IsMergeKey(key_node)) continue;
    std::string key;
    if (!ResolveKey(key_node, key)) {
      good = false;
      continue;
    }
    if (!Charge(key_node, sizeof(boost::json::key_value_pair) + key.size())) return false;
    path_.Push(std::string_view(key));
    const auto [member, added] = object.emplace(key, nullptr);
    WarnOfBoolean(key_node, key);
    if (added || Repeated(node, i, key)) {
      good = Resolve(*node.children[i + 1], &key_node, member->value(), depth) && good;
    } else if (aliases_ == 0) {
      good = false;
    }
    path_.Pop();
    if (context_.diagnostics.size() >= kMaxDiagnostics) return false;
  }
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    if (IsMergeKey(*node.children[i])) {
      good = Merge(*node.children[i + 1], object, depth) && good;
    }
  }
  return good;
}

// Whether the value of a key that the map has already counts; reports or warns.
bool Resolver::Repeated(const Node& map, std::size_t index, const std::string& key) {
  const bool counts = duplicates_ == DuplicateKeys::kLastWins;
  if (aliases_ > 0 || std::max(warnings_.size(), context_.diagnostics.size()) >= kMaxDiagnostics) {
    return counts;
  }
  // Keys that cannot be read are met again here; they are reported already.
  auto& diagnostics = context_.diagnostics;
  const auto reported = static_cast<std::ptrdiff_t>(diagnostics.size());
  std::optional<Position> first;
  std::string earlier;
  for (std::size_t j = 0; j < index && !first; j += 2) {
    const Node& other = *map.children[j];
    if (!IsMergeKey(other) && ResolveKey(other, earlier) && earlier == key) first = At(other);
  }
  diagnostics.erase(diagnostics.begin() + reported, diagnostics.end());
  Fault(kDuplicateKey, *map.children[index], fmt::format("duplicate key '{}'", key),
        counts ? "the last one counts; remove the others" : "remove one of them");
  Diagnostic& diagnostic = diagnostics.back();
  if (first) {
    Location where = diagnostic.where;
    where.position = *first;
    diagnostic.related.push_back({std::move(where), "it is here first"});
  }
  if (!counts) return false;
  diagnostic.severity = Severity::kWarning;
  warnings_.push_back(std::move(diagnostic));
  diagnostics.pop_back();
  return true;
}

void Resolver::WarnOfBoolean(const Node& node, const std::string& key) {
  if (aliases_ > 0 || node.kind != Node::Kind::kScalar || node.style != Style::kPlain) return;
  if (key == node.text || (key != "true" && key != "false")) return;
  if (warnings_.size() >= kMaxDiagnostics) return;
  Diagnostic warning{.code = std::string(kOtherKey), .severity = Severity::kWarning};
  warning.message = fmt::format("the key {} is read as \"{}\"", node.text, key);
  warning.hint =
      fmt::format("an unquoted y, n, yes, no, on or off is a boolean: write \"{}\"", node.text);
  warning.where.source = context_.source;
  warning.where.path = path_.ToString();
  warning.where.position = At(node);
  warnings_.push_back(std::move(warning));
}

bool Resolver::ResolveList(const Node& node, Value& value, int depth) {
  if (!node.tag.empty() && node.tag != "!" && ShortTag(node.tag) != "!!seq") {
    return Fault(kWrongType, node, fmt::format("unknown tag '{}' on a list", ShortTag(node.tag)));
  }
  Array& array = value.emplace_array();
  bool good = true;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    path_.Push(i);
    good = Resolve(*node.children[i], nullptr, array.emplace_back(nullptr), depth) && good;
    path_.Pop();
    if (!good && context_.diagnostics.size() >= kMaxDiagnostics) return false;
  }
  return good;
}

// go-yaml 2, decode.go and resolve.go: a tag of the core schema forces the type, also on quoted
// text; without one, only plain text is resolved.
bool Resolver::ResolveScalar(const Node& node, Value& value) {
  const auto text = [&](std::string_view content) {
    value.emplace_string().assign(content.data(), content.size());
    return true;
  };
  const std::string_view tag = ShortTag(node.tag);
  if (tag == "!" || tag == "!!str" || tag == "!!timestamp") return text(node.text);
  if (tag.empty() && node.style != Style::kPlain) return text(node.text);
  if (tag == "!!binary") {
    const auto bytes = DecodeBinary(node.text);
    if (!bytes) return Fault(kWrongType, node, "!!binary holds no valid base64");
    if (!Parse(Serialize(Value(boost::json::string_view(*bytes))))) {
      return Fault(kWrongType, node, "!!binary holds bytes that are no UTF-8 text",
                   "JSON strings hold text only");
    }
    return text(*bytes);
  }
  const bool known =
      tag.empty() || tag == "!!bool" || tag == "!!int" || tag == "!!float" || tag == "!!null";
  if (!known) {
    return Fault(kWrongType, node, fmt::format("unknown tag '{}'", tag), "remove the tag");
  }
  const std::optional<Value> resolved = ResolvePlain(node.text);
  if (!resolved) {
    return Fault(kWrongType, node, fmt::format("{} has no form in JSON", node.text),
                 "quote it if a string is meant");
  }
  const bool fits = tag.empty() || (tag == "!!bool" && resolved->is_bool()) ||
                    (tag == "!!int" && (resolved->is_int64() || resolved->is_uint64())) ||
                    (tag == "!!float" && resolved->is_number()) ||
                    (tag == "!!null" && resolved->is_null());
  if (!fits) return Fault(kWrongType, node, fmt::format("'{}' is no {}", node.text, tag));
  value = *resolved;
  return true;
}

bool Resolver::ResolveAlias(const Node& node, Value& value, int depth) {
  ++copies_;
  ++aliases_;
  const bool good = Resolve(*node.target, nullptr, value, depth);
  --aliases_;
  --copies_;
  return good;
}

// As sigs.k8s.io/yaml turns keys into strings: `yes: 1` is the key "true".
bool Resolver::ResolveKey(const Node& node, std::string& key) {
  const Node& target = Followed(node);
  if (target.kind != Node::Kind::kScalar) {
    return Fault(kWrongType, node, "a key must be a scalar, not a map or a list");
  }
  if (target.tag.empty() && target.style == Style::kPlain && target.text == "<<") {
    key = target.text;
    return true;
  }
  Value value;
  if (!ResolveScalar(target, value)) return false;
  auto text = KeyText(value);
  if (!text) {
    return Fault(kWrongType, node, fmt::format("a key must be a string, not {}", TypeName(value)),
                 "quote the key");
  }
  key = *std::move(text);
  return true;
}

// Members of the merged maps that are missing; earlier maps of a list win.
bool Resolver::Merge(const Node& node, Object& object, int depth) {
  if (node.kind == Node::Kind::kList) {
    for (const Node* child : node.children) {
      if (!MergeOne(*child, object, depth)) return false;
    }
    return true;
  }
  return MergeOne(node, object, depth);
}

bool Resolver::MergeOne(const Node& node, Object& object, int depth) {
  const Node& target = Followed(node);
  if (target.kind != Node::Kind::kMap) {
    return Fault(kWrongType, node, "'<<' merges a map or a list of maps");
  }
  Value merged;
  if (depth == kMaxDepth) {
    return Fault(kSyntax, node, fmt::format("nested deeper than {}", kMaxDepth));
  }
  const int followed = &target == &node ? 0 : 1;
  ++copies_;
  aliases_ += followed;
  const bool good = Charge(node, sizeof(Value)) && ResolveMap(target, merged, depth + 1);
  aliases_ -= followed;
  --copies_;
  // What is merged through a chain of maps is moved once for each of them.
  if (!good || !Charge(node, merged.get_object().size() * sizeof(Value))) return false;
  for (auto& member : merged.get_object()) object.emplace(member.key(), std::move(member.value()));
  return true;
}

bool Resolver::Charge(const Node& node, std::size_t bytes) {
  if (copies_ == 0) return true;
  if (bytes <= budget_) {
    budget_ -= bytes;
    return true;
  }
  // Reported once: the budget stays spent, and every caller gives up.
  if (budget_ > 0) Fault(kSyntax, node, "aliases expand to too much data");
  budget_ = 0;
  return false;
}

void Resolver::Complain(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kScalar:
      return;
    case Node::Kind::kAlias:
      return Complain(*node.target);
    case Node::Kind::kList:
      for (const Node* child : node.children) Complain(*child);
      return;
    case Node::Kind::kMap: {
      std::set<std::string> keys;
      ComplainOfMembers(node, keys);
    }
  }
}

void Resolver::ComplainOfMembers(const Node& map, std::set<std::string>& keys) {
  for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
    const Node& value = *map.children[i + 1];
    if (IsMergeKey(*map.children[i])) {
      ComplainOfMerged(value, keys);
      continue;
    }
    Complain(value);
    const auto [key, added] = keys.insert(GoKey(*map.children[i]));
    if (added || read_.strict_complaints.size() >= kMaxComplaints) continue;
    read_.strict_complaints.push_back(
        fmt::format("line {}: key {} already set in map",
                    context_.lines.At(std::min(value.first, value.begin)).line, *key));
  }
}

// Of a list the last map comes first.
void Resolver::ComplainOfMerged(const Node& node, std::set<std::string>& keys) {
  if (node.kind != Node::Kind::kList) return ComplainOfMembers(Followed(node), keys);
  for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
    ComplainOfMembers(Followed(**child), keys);
  }
}

// As Go's %#v shows it: the text "1" is another key than the number.
std::string Resolver::GoKey(const Node& node) {
  Value value;
  ResolveScalar(Followed(node), value);
  if (value.is_string()) return GoQuote(value.get_string());
  return KeyText(value).value_or("");
}

void Resolver::Record(const Node& node, const Node* key) {
  if (copies_ > 0) return;
  std::size_t weight = sizeof(SourceMap::Entry) + node.text.size();
  for (const PathSegment& segment : path_.segments()) {
    const auto* name = std::get_if<std::string>(&segment);
    weight += sizeof(PathSegment) + (name == nullptr ? 0 : name->size());
  }
  if (weight > places_left_) return;
  places_left_ -= weight;
  SourceMap::Entry entry;
  entry.value = At(node);
  if (key != nullptr) entry.key = At(*key);
  if (node.kind == Node::Kind::kScalar) {
    entry.style = node.style;
    entry.raw = context_.text.substr(node.begin, node.end - node.begin);
    entry.content_column = node.content_column;
  }
  map_.Add(path_, std::move(entry));
}

bool Resolver::Fault(std::string_view code, const Node& node, std::string message,
                     std::string hint) {
  context_.Report(code, At(node), path_, std::move(message), std::move(hint));
  return false;
}

bool IsMergeKey(const Node& node) {
  return node.kind == Node::Kind::kScalar && node.text == "<<" &&
         ((node.style == Style::kPlain && node.tag.empty()) || ShortTag(node.tag) == "!!merge");
}

const Node& Followed(const Node& node) {
  return node.kind == Node::Kind::kAlias ? *node.target : node;
}

std::string_view ShortTag(std::string_view tag) {
  static constexpr std::string_view kCore = "tag:yaml.org,2002:";
  static constexpr std::string_view kShort[] = {"!!str",       "!!bool",   "!!int", "!!float",
                                                "!!null",      "!!binary", "!!map", "!!seq",
                                                "!!timestamp", "!!merge"};
  if (!tag.starts_with(kCore)) return tag;
  for (std::string_view name : kShort) {
    if (name.substr(2) == tag.substr(kCore.size())) return name;
  }
  return tag;
}

std::optional<std::string> KeyText(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::string:
      return std::string(value.get_string().data(), value.get_string().size());
    case boost::json::kind::bool_:
    case boost::json::kind::int64:
      return Serialize(value);
    case boost::json::kind::double_: {
      // Go's FormatFloat(key, 'g', -1, 32).
      const auto number = static_cast<float>(value.get_double());
      const float size = number < 0 ? -number : number;
      char buffer[64];
      const auto format =
          size < 1e-4F || size >= 1e6F ? std::chars_format::scientific : std::chars_format::fixed;
      if (size > std::numeric_limits<float>::max()) return number < 0 ? "-.inf" : ".inf";
      return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number, format).ptr);
    }
    default:
      return std::nullopt;
  }
}

// White space of any kind may stand in a !!binary scalar.
std::optional<std::string> DecodeBinary(std::string_view text) {
  std::string dense(text);
  std::erase_if(dense, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  auto bytes = DecodeBase64(dense, Base64Alphabet::kStandard, Base64Padding::kRequired);
  if (!bytes) return std::nullopt;
  return *std::move(bytes);
}

}  // namespace
}  // namespace kro::json
