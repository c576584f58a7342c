// The prompt of `kro cel`: expressions one after the other, over the same variables.
//
// On a terminal: history (kept in $XDG_STATE_HOME/kro/cel_history), completion with the tabulator,
// the type of what is being written at the right edge. Else the lines of standard input are the
// expressions.
#pragma once

#include "cli/cel_session.h"

namespace kro::cli {

// Runs until the input ends. kNo if an expression was refused and nobody was there to see it.
ExitCode RunCelPrompt(const CelSession& session);

}  // namespace kro::cli
