#include "kube/retry.h"

#include <charconv>

#include "kube/api_error.h"

namespace kro::kube {

std::optional<std::chrono::seconds> RetryAfterOf(const http::Headers& headers) {
  const std::string* text = headers.Find("Retry-After");
  if (text == nullptr || text->empty()) return std::nullopt;
  int seconds = 0;
  auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (failure != std::errc() || end != text->data() + text->size() || seconds < 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(seconds);
}

std::optional<Duration> RepeatAfterAnswer(int status, const http::Headers& headers,
                                          int repeats_done) {
  if (status != 429 && status < 500) return std::nullopt;
  if (repeats_done >= kMaxRepeats) return std::nullopt;
  return RetryAfterOf(headers);
}

std::optional<Duration> RepeatAfterBreak(std::string_view method, const Error& error,
                                         int repeats_done) {
  if (method != "GET" || repeats_done >= kMaxRepeats) return std::nullopt;
  if (error.code() != ErrorCode::kUnavailable || IsConnectFailure(error)) return std::nullopt;
  return std::chrono::seconds(1);
}

}  // namespace kro::kube
