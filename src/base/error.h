// Error: why a function could not do what it was asked, for the program and for the person.
//
// A function that can fail returns Result<T>. The code answers "what should the caller do?",
// the message explains. `Fail` starts an error, `Annotate` passes one on and adds the frame that
// only this layer knows. Messages start in lower case, name the offending value and leave out
// "failed to".
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kro {

// What the caller should do about an error.
enum class ErrorCode {
  kInvalid,      // report it; the same input fails again
  kNotFound,     // it is gone
  kPending,      // wait for a change of what is missing
  kConflict,     // read again, then retry
  kForbidden,    // refused by policy; back off, report
  kThrottled,    // back off for as long as the server asks
  kUnavailable,  // back off; nothing is known about the outcome
  kExhausted,    // a budget (cost, size, depth, time) ran out
  kCancelled,    // the caller's own scope ended
  kInternal,     // our bug
};

std::string_view ToString(ErrorCode code);

class Error {
 public:
  Error(ErrorCode code, std::string message);

  ErrorCode code() const { return code_; }

  // The frames joined with ": ", outermost first.
  std::string message() const;

  // Innermost first.
  const std::vector<std::string>& frames() const { return frames_; }

  // Adds an outer frame.
  void Push(std::string frame) { frames_.push_back(std::move(frame)); }

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::vector<std::string> frames_;
};

template <typename T>
using Result = std::expected<T, Error>;

// Starts an error: `return Fail(ErrorCode::kInvalid, "unknown type '{}'", name);`
template <typename... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}

// Passes an error on with one more frame: `return Annotate(value, "resource '{}'", id);`
template <typename... Args>
std::unexpected<Error> Annotate(Error error, fmt::format_string<Args...> format, Args&&... args) {
  error.Push(fmt::format(format, std::forward<Args>(args)...));
  return std::unexpected(std::move(error));
}

template <typename T, typename... Args>
std::unexpected<Error> Annotate(const Result<T>& failed, fmt::format_string<Args...> format,
                                Args&&... args) {
  return Annotate(failed.error(), format, std::forward<Args>(args)...);
}

}  // namespace kro
