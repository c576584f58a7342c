#include "kube/watch_decoder.h"

namespace kro::kube {
namespace {

std::unexpected<Error> TooLarge(std::size_t limit);

}  // namespace

Result<std::optional<std::string>> FrameDecoder::Next() {
  for (; scan_ < buffer_.size(); ++scan_) {
    char c = buffer_[scan_];
    if (depth_ == 0) {
      if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
      if (c != '{') {
        return Fail(ErrorCode::kInvalid,
                    "unable to decode an event from the watch stream: "
                    "expected '{{', found '{}'",
                    c);
      }
      begin_ = scan_;
      depth_ = 1;
      continue;
    }
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      ++scan_;
      if (scan_ - begin_ > max_frame_) return TooLarge(max_frame_);
      std::string frame = buffer_.substr(begin_, scan_ - begin_);
      // Consumed text is dropped in large steps, so that many small frames cost linear time.
      if (scan_ == buffer_.size() || scan_ > (std::size_t{1} << 16)) {
        buffer_.erase(0, scan_);
        scan_ = 0;
      }
      begin_ = scan_;
      return frame;
    }
  }
  if (depth_ == 0) {
    buffer_.clear();
    begin_ = scan_ = 0;
    return std::nullopt;
  }
  if (scan_ - begin_ > max_frame_) return TooLarge(max_frame_);
  return std::nullopt;
}

Result<WatchEvent> ParseWatchEvent(std::string_view frame) {
  auto value = json::Parse(frame);
  if (!value) return Annotate(value, "unable to decode an event from the watch stream");
  json::Value* object = json::Find(*value, "object");
  std::string_view type = json::FindString(*value, {"type"});
  if (object == nullptr || !object->is_object()) {
    return Fail(ErrorCode::kInvalid,
                "unable to decode an event from the watch stream: '{}' without object", type);
  }
  WatchEvent event{WatchEvent::Type::kError, nullptr};
  if (type == "ADDED") {
    event.type = WatchEvent::Type::kAdded;
  } else if (type == "MODIFIED") {
    event.type = WatchEvent::Type::kModified;
  } else if (type == "DELETED") {
    event.type = WatchEvent::Type::kDeleted;
  } else if (type == "BOOKMARK") {
    event.type = WatchEvent::Type::kBookmark;
  } else if (type != "ERROR") {
    return Fail(ErrorCode::kInvalid,
                "unable to decode an event from the watch stream: unknown type '{}'", type);
  }
  event.object = std::move(*object);
  return event;
}

bool EndsInitialEvents(const WatchEvent& event) {
  return event.type == WatchEvent::Type::kBookmark &&
         json::FindString(event.object, {"metadata", "annotations", "k8s.io/initial-events-end"}) ==
             "true";
}

namespace {

std::unexpected<Error> TooLarge(std::size_t limit) {
  return Fail(ErrorCode::kExhausted,
              "unable to decode an event from the watch stream: larger than {} bytes", limit);
}

}  // namespace
}  // namespace kro::kube
