// The file of `--data-dir`: what the input holds as it is, or as the contents of records, each behind two bytes with
// its length, that are hashed as the journal does. A server starts with whatever is read, or the file is refused.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "apiserver/journal.h"
#include "apiserver/server.h"
#include "base/hash.h"

using namespace kro;

namespace {

constexpr std::string_view kHeader("KROSTATE\1\0\0\0", 12);

class StoppedClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime(std::chrono::seconds(1'767'225'600)); }
  MonotonicTime Monotonic() const override { return MonotonicTime(std::chrono::hours(1)); }
};

void PutNumber(std::uint64_t number, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((number >> (8 * i)) & 255);
}

std::string FileOf(std::string_view input) {
  if (input.starts_with(kHeader)) return std::string(input);
  std::string file(kHeader);
  while (input.size() >= 2) {
    const std::size_t length =
        static_cast<unsigned char>(input[0]) | static_cast<unsigned char>(input[1]) << 8;
    const std::string_view content = input.substr(2, length);
    PutNumber(content.size(), 4, file);
    PutNumber(Hash64(content), 8, file);
    file += content;
    input.remove_prefix(std::min(input.size(), 2 + length));
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string folder =
      (std::filesystem::temp_directory_path() / ("kro-journal-" + std::to_string(getpid())))
          .string();
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/state", std::ios::binary | std::ios::trunc)
      << FileOf({reinterpret_cast<const char*>(data), size});
  auto opened = apiserver::Journal::Open(folder, {});
  if (!opened) {
    if (opened.error().message().empty()) std::abort();
    return 0;
  }
  if (opened->state.objects.empty()) return 0;
  static const StoppedClock clock;
  apiserver::Server server(clock, apiserver::IdSource(1), {}, std::move(opened->state));
  for (int i = 0; i < 3; ++i) static_cast<void>(server.RunDue());
  return 0;
}
