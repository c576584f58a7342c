// The lexer takes any text: its tokens stand in order inside the text and end with kEnd, what is
// left between them is white space, a comment or reported; a literal is unquoted or refused with a
// reason.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cel/lexer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro::cel;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Issues issues;
  const auto tokens = Tokenize(text, issues);
  if (tokens.empty() || tokens.back().kind != TokenKind::kEnd) std::abort();
  Arena arena;
  std::uint32_t end = 0;
  for (const Token& token : tokens) {
    if (token.begin < end || token.end < token.begin || token.end > size) std::abort();
    end = token.end;
    if (token.kind != TokenKind::kString && token.kind != TokenKind::kBytes) continue;
    std::string_view problem;
    if (!Unquote(text.substr(token.begin, token.end - token.begin), arena, problem) &&
        problem.empty())
      std::abort();
  }
  for (const Issue& issue : issues) {
    if (!issue.span || issue.span->end > size || issue.message.empty()) std::abort();
  }
  return 0;
}
