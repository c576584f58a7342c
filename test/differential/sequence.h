// A sequence of requests, as sequences.yaml holds them and as they are drawn at random.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kro::differential {

struct Step {
  std::string method;
  std::string target;  // $C, $W, $T, $D, $S, $N stand for collections in the sequence's namespace
  std::string body;
  std::string content_type;
  std::string accept;
};

struct Sequence {
  std::string id;
  std::vector<Step> steps;
};

// Applies, updates and patches of one Thg by several managers.
Sequence RandomSequence(std::uint64_t seed);

}  // namespace kro::differential
