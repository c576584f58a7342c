#include "cli/cel_prompt.h"

#include <fmt/format.h>
#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/cel_completion.h"

namespace kro::cli {
namespace {

constexpr const char* kHelp =
    "an expression    its value, type, cost and what it reads\n"
    ":vars            the variables\n"
    ":help            this\n"
    ":quit            leave; so does the end of input\n"
    "tabulator        completes names; the type of what is written stands at the right\n";
constexpr int kHistory = 1000;

// What libedit's callbacks find behind the editor.
struct Prompt {
  const CelSession& session;
  std::string type;  // at the right edge
};

enum class Next { kGoOn, kQuit };

Next Answer(const CelSession& session, std::string_view line, bool& refused);
ExitCode RunLines(const CelSession& session);
ExitCode RunTerminal(const CelSession& session);
std::string HistoryPath();
unsigned char OnInsert(EditLine* editor, int character);
unsigned char OnTab(EditLine* editor, int);
char* LeftPrompt(EditLine*);
char* RightPrompt(EditLine* editor);
std::string InColumns(const std::vector<std::string>& words, std::size_t width);

Prompt& PromptOf(EditLine* editor) {
  void* data = nullptr;
  el_get(editor, EL_CLIENTDATA, &data);
  return *static_cast<Prompt*>(data);
}

}  // namespace

ExitCode RunCelPrompt(const CelSession& session) {
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? RunTerminal(session) : RunLines(session);
}

namespace {

ExitCode RunLines(const CelSession& session) {
  bool refused = false;
  char* line = nullptr;
  std::size_t capacity = 0;
  for (ssize_t size = 0; (size = getline(&line, &capacity, stdin)) >= 0;) {
    if (Answer(session, {line, static_cast<std::size_t>(size)}, refused) == Next::kQuit) break;
  }
  std::free(line);
  return refused ? ExitCode::kNo : ExitCode::kOk;
}

ExitCode RunTerminal(const CelSession& session) {
  std::setlocale(LC_CTYPE, "");
  Prompt prompt{session, {}};
  const std::unique_ptr<EditLine, decltype(&el_end)> editor(el_init("kro", stdin, stdout, stderr),
                                                            el_end);
  const std::unique_ptr<History, decltype(&history_end)> past(history_init(), history_end);
  if (!editor || !past) return RunLines(session);

  HistEvent event;
  history(past.get(), &event, H_SETSIZE, kHistory);
  history(past.get(), &event, H_SETUNIQUE, 1);
  const std::string path = HistoryPath();
  if (!path.empty()) history(past.get(), &event, H_LOAD, path.c_str());

  EditLine* el = editor.get();
  el_set(el, EL_CLIENTDATA, &prompt);
  el_set(el, EL_EDITOR, "emacs");
  el_set(el, EL_SIGNAL, 1);
  el_set(el, EL_HIST, history, past.get());
  el_set(el, EL_PROMPT, LeftPrompt);
  el_set(el, EL_RPROMPT, RightPrompt);
  el_set(el, EL_ADDFN, "kro-complete", "complete", OnTab);
  el_set(el, EL_ADDFN, "kro-insert", "insert and show the type", OnInsert);
  el_set(el, EL_BIND, "^I", "kro-complete", nullptr);
  el_set(el, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // Each character brings the type up to date.
  for (char c = ' '; c < 0x7f; ++c) {
    // By its number: `^`, `\` and `-` mean something else here.
    el_set(el, EL_BIND, fmt::format("\\{:03o}", c).c_str(), "kro-insert", nullptr);
  }

  fmt::print("Expressions over {} variables; :help lists the rest.\n",
             session.environment().variables().size());
  bool refused = false;
  int count = 0;
  for (;;) {
    prompt.type.clear();
    // Before the prompt shows: keys that come in cooked mode lose their meaning (^D, ^C, the
    // tabulator).
    el_set(el, EL_PREP_TERM, 1);
    const char* line = el_gets(el, &count);
    if (!line || count <= 0) break;
    const std::string_view text(line, static_cast<std::size_t>(count));
    if (text.find_first_not_of(" \t\r\n") != text.npos) history(past.get(), &event, H_ENTER, line);
    if (Answer(session, text, refused) == Next::kQuit) break;
  }
  if (!path.empty()) {
    std::error_code ignored;  // a history that cannot be kept is no reason to complain
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    history(past.get(), &event, H_SAVE, path.c_str());
  }
  return ExitCode::kOk;
}

Next Answer(const CelSession& session, std::string_view line, bool& refused) {
  while (!line.empty() && std::string_view(" \t\r\n").find(line.back()) != line.npos)
    line.remove_suffix(1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  if (line.empty()) return Next::kGoOn;
  if (line == ":quit" || line == ":q") return Next::kQuit;
  if (line == ":help") {
    fmt::print("{}", kHelp);
  } else if (line == ":vars") {
    fmt::print("{}", session.ShowVariables());
  } else if (line.starts_with(':')) {
    fmt::print("unknown command '{}'; :help lists them\n", line);
    refused = true;
  } else {
    const Output output = session.Explain(line);
    fmt::print("{}", output.out);
    std::fflush(stdout);
    fmt::print(stderr, "{}", output.err);
    refused |= output.code != ExitCode::kOk;
  }
  std::fflush(stdout);
  return Next::kGoOn;
}

std::string HistoryPath() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return fmt::format("{}/kro/cel_history", state);
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? ""
                                          : fmt::format("{}/.local/state/kro/cel_history", home);
}

char* LeftPrompt(EditLine*) {
  static char text[] = "cel> ";
  return text;
}

char* RightPrompt(EditLine* editor) {
  Prompt& prompt = PromptOf(editor);
  const LineInfo* line = el_line(editor);
  const std::string_view text(line->buffer,
                              static_cast<std::size_t>(line->lastchar - line->buffer));
  const bool blank = text.find_first_not_of(" \n") == text.npos;
  prompt.type = blank || text.starts_with(':') ? "" : prompt.session.TypeOf(text);
  return prompt.type.data();
}

unsigned char OnInsert(EditLine* editor, int character) {
  const char text[] = {static_cast<char>(character), '\0'};
  return el_insertstr(editor, text) == 0 ? CC_REFRESH : CC_ERROR;
}

// Writes what all possibilities have in common; if that is nothing new, lists them.
unsigned char OnTab(EditLine* editor, int) {
  const Prompt& prompt = PromptOf(editor);
  const LineInfo* line = el_line(editor);
  const std::string_view text(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
  const Completion completion = Complete(prompt.session, text);
  if (completion.words.empty()) return CC_ERROR;
  std::string common = completion.words.front();
  for (const std::string& word : completion.words) {
    const auto end = std::ranges::mismatch(common, word).in1;
    common.erase(end, common.end());
  }
  const std::size_t written = text.size() - completion.begin;
  if (common.size() > written) {
    return el_insertstr(editor, common.c_str() + written) == 0 ? CC_REFRESH : CC_ERROR;
  }
  winsize window{};
  const bool sized = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
  fmt::print("\n{}", InColumns(completion.words, sized ? window.ws_col : 80));
  std::fflush(stdout);
  return CC_REDISPLAY;
}

std::string InColumns(const std::vector<std::string>& words, std::size_t width) {
  std::size_t widest = 0;
  for (const std::string& word : words) widest = std::max(widest, word.size() + 2);
  const std::size_t columns = std::max<std::size_t>(1, width / widest);
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size() || (i + 1) % columns == 0;
    text += last ? words[i] + "\n" : fmt::format("{:<{}}", words[i], widest);
  }
  return text;
}

}  // namespace
}  // namespace kro::cli
