// Console: what happens, line by line, and below it the tree of instances as it is now.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "dev/instance_tree.h"

namespace kro::dev {

// Used from one thread at a time.
class Console {
 public:
  enum class Tree {
    kLive,   // redrawn in its place below everything else: a terminal
    kLines,  // a line for each line of the tree that changed
    kOff,
  };
  // `write` takes finished text. `clock` outlives the console. `columns` gives the width of a terminal.
  Console(std::function<void(std::string_view)> write, const Clock& clock, Tree tree,
          std::function<std::size_t()> columns);

  // Without a time in front.
  void Plain(std::string_view text);
  // "10:02:52 text"; further lines of it are indented.
  void Say(std::string_view text);
  // `kind_of` finds the word for a resource, "WebApp".
  void Show(const std::vector<TreeLine>& lines,
            const std::function<std::string(const TreeLine&)>& kind_of);

 private:
  void Print(std::string text);
  std::string Drawn() const;

  std::function<void(std::string_view)> write_;
  const Clock& clock_;
  const Tree tree_;
  std::function<std::size_t()> columns_;
  std::vector<std::string> shown_;            // the tree as it is drawn
  std::map<std::string, std::string> known_;  // by UID: the line that was printed last
};

}  // namespace kro::dev
