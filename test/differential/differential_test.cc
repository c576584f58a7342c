// Every sequence of requests, sent to the embedded server: the answers are those that a real one gave when
// they were recorded (test/data/apiserver/README.md). known_differences.txt lists those that may differ.
#include <gtest/gtest.h>

#include "differential/answers.h"
#include "differential/play.h"

namespace kro::differential {
namespace {

TEST(Differential, TheEmbeddedServerAnswersAsRecorded) {
  const Recording recording = ReadRecording();
  ASSERT_GT(recording.answers.size(), 0U);
  const Suite suite = LoadSuite(recording.seeds);
  EmbeddedWorld world;
  Define(world, suite);
  Transcripts found;
  for (const Sequence& sequence : suite.sequences) found[sequence.id] = Play(world, sequence);
  Compare(suite, recording.answers, found);
}

TEST(Differential, EveryScenarioAndTrapOfTheSpecificationIsShown) { CheckCoverage(LoadSuite(0)); }

}  // namespace
}  // namespace kro::differential
