#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace kro {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MemorySink final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

TEST(Logger, WritesAConstantMessageAndFields) {
  MemorySink sink;
  Logger(sink).Info("synced", {{"gvr", "apps/v1/deployments"}, {"objects", 3}, {"cold", true}});
  ASSERT_EQ(sink.lines.size(), 1u);
  EXPECT_THAT(sink.lines[0],
              EndsWith(R"("level":"info","msg":"synced","gvr":"apps/v1/deployments","objects":3,)"
                       R"("cold":true})"));
}

TEST(Logger, AChildCarriesItsContext) {
  MemorySink sink;
  Logger(sink).With({{"rgd", "web"}}).Error("compile", {{"nodes", 2}});
  EXPECT_THAT(sink.lines.at(0), EndsWith(R"("msg":"compile","rgd":"web","nodes":2})"));
}

TEST(Logger, DropsWhatIsBelowItsLevel) {
  MemorySink sink;
  Logger(sink).Debug("noise");
  EXPECT_THAT(sink.lines, IsEmpty());
}

TEST(Logger, AllCopiesFollowAChangeOfTheLevel) {
  MemorySink sink;
  const Logger logger(sink);
  const Logger child = logger.With({{"rgd", "web"}});
  logger.SetLevel(LogLevel::kDebug);
  child.Debug("heard");
  EXPECT_EQ(sink.lines.size(), 1u);
  child.SetLevel(LogLevel::kError);
  logger.Warning("not heard");
  EXPECT_EQ(sink.lines.size(), 1u);
}

TEST(Logger, AlwaysWritesLegalJson) {
  MemorySink sink;
  Logger(sink).Info("m", {{"text", std::string("a\"\\\n\0\xff\xc3\xa9", 8)},
                          {"nan", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_THAT(sink.lines.at(0), HasSubstr(R"("text":"a\"\\\u000a\u0000)"
                                          "\xef\xbf\xbd\xc3\xa9\",\"nan\":null"));
}

}  // namespace
}  // namespace kro
