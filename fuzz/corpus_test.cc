// Every fuzz target on its corpus, on the beginnings of its files and on nothing: what was found once stays mended.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#define KRO_FUZZ_TARGET(name) extern "C" int name(const std::uint8_t* data, std::size_t size);
#include "targets.inc"
#undef KRO_FUZZ_TARGET

namespace kro {
namespace {

struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

constexpr Target kTargets[] = {
#define KRO_FUZZ_TARGET(name) {#name, name},
#include "targets.inc"
#undef KRO_FUZZ_TARGET
};

class Corpus : public ::testing::TestWithParam<Target> {};

TEST_P(Corpus, IsRead) {
  const auto run = [](std::string_view text) {
    EXPECT_EQ(GetParam().run(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0);
  };
  run("");
  std::string_view folder = GetParam().name;
  folder.remove_suffix(std::string_view("_fuzz").size());
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(
           std::filesystem::path(KRO_SOURCE_DIR "/fuzz/corpus") / folder)) {
    SCOPED_TRACE(file.path().string());
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    run(text);
    run(std::string_view(text).substr(0, text.size() / 2));
    ++files;
  }
  EXPECT_GT(files, 0);
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, ::testing::ValuesIn(kTargets),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace kro
