// When a request is sent again without asking the caller (spec kube-client section 8.2).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "http/transport.h"

namespace kro::kube {

inline constexpr int kMaxRepeats = 10;

// The Retry-After header if it is a number of seconds; a date counts as none.
std::optional<std::chrono::seconds> RetryAfterOf(const http::Headers& headers);

// How long to wait before sending again after this answer; nullopt: it is final. Only a 429 or 5xx with
// Retry-After is repeated, whatever the verb: the server says that it did nothing.
std::optional<Duration> RepeatAfterAnswer(int status, const http::Headers& headers,
                                          int repeats_done);

// The same when no answer came. Only what reads is repeated: a write may have been carried out.
std::optional<Duration> RepeatAfterBreak(std::string_view method, const Error& error,
                                         int repeats_done);

}  // namespace kro::kube
