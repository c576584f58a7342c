// Budget: what the expressions of one pass may take.
//
// A step is about one element looked at or 16 bytes made: 100 million take about a second.
#pragma once

#include <cstdint>

namespace kro::runtime {

struct Budget {
  std::int64_t expression = 50'000'000;           // steps of one expression
  std::int64_t steps = 200'000'000;               // of all together
  std::int64_t memory = std::int64_t{128} << 20;  // bytes of all that the pass makes
};

}  // namespace kro::runtime
