// Mail addresses (RFC 5322), as Go's net/mail reads them.
#pragma once

#include <string_view>

namespace kro::apiserver::internal {

// Whether `text` is one address to which mail.ParseAddress has no objection: `a@b`, `Ann <a@b>`,
// `a@b (Ann)`, `"a b"@[::1]`, also a group of one, `team: a@b;`. Takes time linear in the text.
bool IsMailAddress(std::string_view text);

}  // namespace kro::apiserver::internal
