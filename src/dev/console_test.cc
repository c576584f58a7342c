#include "dev/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::dev {
namespace {

using testing::HasSubstr;
using testing::Not;

class FixedClock final : public Clock {
 public:
  WallTime Now() const override { return {}; }
  MonotonicTime Monotonic() const override { return {}; }
};

struct Screen {
  explicit Screen(Console::Tree tree, std::size_t columns = 80)
      : console([this](std::string_view text) { out += text; }, clock, tree,
                [columns] { return columns; }) {}
  void Show(std::vector<TreeLine> lines) {
    console.Show(lines, [](const TreeLine& line) { return line.kind; });
  }
  FixedClock clock;
  std::string out;
  Console console;
};

const TreeLine kTop{.uid = "1", .kind = "Web", .name = "default/a", .state = "ACTIVE"};
const TreeLine kBelow{
    .uid = "2", .depth = 1, .last = true, .kind = "Deployment", .name = "a", .state = "2/2 ready"};

TEST(Console, WithoutATerminalPrintsTheLinesThatChanged) {
  Screen screen(Console::Tree::kLines);
  screen.Show({kTop, kBelow});
  EXPECT_THAT(screen.out, HasSubstr("Web default/a  ACTIVE\n"));
  EXPECT_THAT(screen.out, HasSubstr("  Deployment a  2/2 ready\n"));
  screen.out.clear();
  TreeLine changed = kTop;
  changed.state = "ERROR";
  changed.message = "no";
  screen.Show({changed, kBelow});
  EXPECT_THAT(screen.out, HasSubstr("Web default/a  ERROR  no\n"));
  EXPECT_THAT(screen.out, Not(HasSubstr("Deployment")));
  screen.out.clear();
  screen.Show({changed});
  EXPECT_THAT(screen.out, HasSubstr("  Deployment a  gone\n"));
}

TEST(Console, OnATerminalRedrawsTheTreeBelowWhatIsSaid) {
  Screen screen(Console::Tree::kLive);
  screen.Show({kTop, kBelow});
  EXPECT_THAT(screen.out, HasSubstr("└ Deployment a"));
  screen.out.clear();
  screen.console.Plain("hello");
  EXPECT_TRUE(screen.out.starts_with("\x1b[2A\x1b[Jhello\nWeb default/a")) << screen.out;
  screen.out.clear();
  screen.Show({kTop, kBelow});
  EXPECT_EQ(screen.out, "") << "nothing changed";
}

TEST(Console, CutsLinesThatAreTooLong) {
  Screen screen(Console::Tree::kLive, 20);
  TreeLine wide = kTop;
  wide.name = std::string(100, 'x');
  screen.Show({wide});
  EXPECT_EQ(screen.out, "Web xxxxxxxxxxxxxxxx\n");
}

TEST(Console, IndentsFurtherLines) {
  Screen screen(Console::Tree::kOff);
  screen.console.Say("one\ntwo");
  EXPECT_THAT(screen.out, HasSubstr(" one\n         two\n"));
}

}  // namespace
}  // namespace kro::dev
