// The stream of a watch, given whole and in pieces: the same frames, the same end. Events of good frames name an
// object.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kube/watch_decoder.h"

using namespace kro;

namespace {

// Frames, then what ended them.
std::vector<std::string> FramesOf(std::string_view stream, std::size_t piece) {
  kube::FrameDecoder decoder(std::size_t{1} << 16);
  std::vector<std::string> frames;
  while (!stream.empty()) {
    decoder.Feed(stream.substr(0, piece));
    stream.remove_prefix(std::min(piece, stream.size()));
    while (true) {
      auto frame = decoder.Next();
      if (!frame) {
        frames.push_back(frame.error().message());
        return frames;
      }
      if (!*frame) break;
      frames.push_back(std::move(**frame));
    }
  }
  frames.emplace_back(decoder.InsideFrame() ? "inside" : "between");
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const auto frames = FramesOf(stream, std::max<std::size_t>(size, 1));
  if (FramesOf(stream, 1) != frames || FramesOf(stream, 7) != frames) std::abort();
  for (const std::string& frame : frames) {
    const auto event = kube::ParseWatchEvent(frame);
    if (event && !event->object.is_object()) std::abort();
    if (event) static_cast<void>(kube::EndsInitialEvents(*event));
  }
  return 0;
}
