// Watch events out of a byte stream (spec kube-client section 17).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "json/value.h"

namespace kro::kube {

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark, kError };
  Type type;
  json::Value object;  // of kError: a Status
};

// Cuts a stream into JSON objects by their structure: newlines mean nothing, a frame may be split at
// any byte.
class FrameDecoder {
 public:
  static constexpr std::size_t kMaxFrame = std::size_t{16} << 20;

  explicit FrameDecoder(std::size_t max_frame = kMaxFrame) : max_frame_(max_frame) {}

  void Feed(std::string_view bytes) { buffer_ += bytes; }

  // The next whole frame, nullopt if more bytes are needed. kExhausted for a frame beyond the limit,
  // kInvalid for text that is no JSON object; after either nothing more can be read.
  Result<std::optional<std::string>> Next();

  // Bytes of an unfinished frame wait.
  bool InsideFrame() const { return depth_ > 0; }

 private:
  std::size_t max_frame_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the frame
  std::size_t scan_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

// Reads {"type": …, "object": …}.
Result<WatchEvent> ParseWatchEvent(std::string_view frame);

// The bookmark that ends the initial state of a streaming list.
bool EndsInitialEvents(const WatchEvent& event);

}  // namespace kro::kube
