// An Error of the engine as an error value of the language.
#pragma once

#include "base/error.h"
#include "cel/value.h"

namespace kro::cel {

inline Value MakeError(Context& context, const Error& error) {
  return Fail(context, "{}", error.message());
}

}  // namespace kro::cel
