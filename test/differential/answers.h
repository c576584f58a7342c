// The answers of a real server, recorded: test/data/apiserver/answers.json.gz.
#pragma once

#include <cstdint>

#include "differential/play.h"

namespace kro::differential {

struct Recording {
  std::uint64_t seeds = 0;
  Transcripts answers;
};

Recording ReadRecording();
void WriteRecording(const Recording& recording);

}  // namespace kro::differential
