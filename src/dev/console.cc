#include "dev/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>
#include <utility>

#include "api/constants.h"

namespace kro::dev {
namespace {

constexpr std::size_t kStateColumn = 44;

std::size_t Width(std::string_view text);
// At most `columns` characters.
std::string Cut(std::string_view text, std::size_t columns);
std::string Coloured(std::string_view state);

}  // namespace

Console::Console(std::function<void(std::string_view)> write, const Clock& clock, Tree tree,
                 std::function<std::size_t()> columns)
    : write_(std::move(write)), clock_(clock), tree_(tree), columns_(std::move(columns)) {}

void Console::Plain(std::string_view text) { Print(std::string(text)); }

void Console::Say(std::string_view text) {
  const std::time_t now = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(clock_.Now()));
  std::tm local{};
  localtime_r(&now, &local);
  std::string said = fmt::format("{:02}:{:02}:{:02} ", local.tm_hour, local.tm_min, local.tm_sec);
  for (const char c : text) {
    said += c;
    if (c == '\n') said += "         ";
  }
  Print(std::move(said));
}

void Console::Show(const std::vector<TreeLine>& lines,
                   const std::function<std::string(const TreeLine&)>& kind_of) {
  if (tree_ == Tree::kOff) return;
  if (tree_ == Tree::kLines) {
    std::set<std::string> there;
    for (const TreeLine& line : lines) {
      std::string text =
          fmt::format("{:>{}}{} {}  {}", "", 2 * line.depth, kind_of(line), line.name, line.state);
      if (!line.message.empty()) text += "  " + line.message;
      while (text.ends_with(' ')) text.pop_back();
      there.insert(line.uid);
      std::string& known = known_[line.uid];
      if (known == text) continue;
      known = text;
      Say(text);
    }
    std::erase_if(known_, [&](const auto& entry) {
      if (there.contains(entry.first)) return false;
      Say(entry.second.substr(0, entry.second.find("  ", entry.second.find_first_not_of(' '))) +
          "  gone");
      return true;
    });
    return;
  }
  std::vector<std::string> drawn;
  std::vector<bool> open;  // by depth: more follows on that level
  const std::size_t columns = std::max<std::size_t>(columns_(), 20);
  for (const TreeLine& line : lines) {
    const auto depth = static_cast<std::size_t>(line.depth);
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) text += open[i] ? "│ " : "  ";
    if (depth > 0) text += line.last ? "└ " : "├ ";
    open.resize(depth + 1);
    open[depth] = !line.last;
    text += kind_of(line) + " " + line.name;
    const std::size_t width = Width(text);
    text += std::string(width < kStateColumn ? kStateColumn - width : 1, ' ');
    text = Cut(text, columns);
    const std::size_t left = columns - std::min(columns, Width(text));
    text += left > line.state.size() ? Coloured(line.state) : "";
    if (!line.message.empty() && left > line.state.size() + 4) {
      const std::string first_line = line.message.substr(0, line.message.find('\n'));
      text += "  " + Cut(first_line, left - line.state.size() - 3);
    }
    drawn.push_back(std::move(text));
  }
  if (drawn == shown_) return;
  // Up to where the tree begins, away with it, and the new one in its place.
  std::string text = shown_.empty() ? "" : fmt::format("\x1b[{}A\x1b[J", shown_.size());
  shown_ = std::move(drawn);
  text += Drawn();
  write_(text);
}

void Console::Print(std::string text) {
  text += '\n';
  if (!shown_.empty()) {
    text = fmt::format("\x1b[{}A\x1b[J", shown_.size()) + text + Drawn();
  }
  write_(text);
}

std::string Console::Drawn() const {
  std::string text;
  for (const std::string& line : shown_) text += line + "\n";
  return text;
}

namespace {

std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Cut(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  for (std::size_t width = 0; bytes < text.size(); ++bytes) {
    if ((text[bytes] & 0xc0) != 0x80 && width++ == columns) break;
  }
  return std::string(text.substr(0, bytes));
}

std::string Coloured(std::string_view state) {
  std::string_view colour;
  if (state == api::state::kActive || state == "ready") colour = "32";
  if (state == api::state::kError) colour = "31";
  if (state == api::state::kInProgress || state == "deleting") colour = "33";
  return colour.empty() ? std::string(state) : fmt::format("\x1b[{}m{}\x1b[0m", colour, state);
}

}  // namespace
}  // namespace kro::dev
