#include "cli/cel_command.h"

#include "cli/cel_session.h"

namespace kro::cli {

Output RunCel(const CelOptions& options) {
  auto session = CelSession::Open(options);
  return session ? (*session)->Explain(options.expression) : std::move(session.error());
}

}  // namespace kro::cli
