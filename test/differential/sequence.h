// A sequence of requests, as sequences.yaml holds them and as they are drawn at random.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kro::differential {

struct Step {
  // GET and so on; WATCH: the events of a watch until it ends; WAIT: the request in `awaited` again and
  // again, until it is answered with `awaited_code` and with `awaited_text` in the body.
  std::string method;
  std::string
      target;  // $C, $W, $T, $D, $S, $HPA1 … stand for collections in the sequence's namespace, $N
  // In a body %PAD:9% is a text of nine bytes.
  std::string body;
  std::string content_type;
  std::string accept;
  std::string user;  // impersonated; empty: the administrator
  std::vector<std::string> groups;
  std::string mark;  // %RV:mark% is from then on the resourceVersion of the object last seen
  std::string awaited;
  int awaited_code = 0;
  std::string awaited_text;
  std::string if_none_match;  // %ETAG% is that of the answer before
};

struct Sequence {
  std::string id;
  std::vector<Step> steps;
};

// What both servers are given, and asked.
struct Suite {
  std::vector<std::string> definitions;
  std::vector<Sequence> sequences;
};

// sequences.yaml, the examples, and the drawn sequences of seeds 1 to `seeds`.
Suite LoadSuite(std::uint64_t seeds);

// The kinds of examples/, and what happens to their objects.
std::vector<std::string> ExampleDefinitions();
std::vector<Sequence> ExampleSequences();

// Applies, updates and patches of one Thg by several managers.
Sequence RandomSequence(std::uint64_t seed);

// The same of a kind with a schema drawn at random. There are kRandomKinds of them.
inline constexpr std::uint64_t kRandomKinds = 12;
std::string RandomDefinition(std::uint64_t kind);
Sequence RandomKindSequence(std::uint64_t seed);

// Every sort of write: to an object of a kind whose schema is drawn with bounds, defaults and rules, of which
// there are kJudgedKinds, and to two of built-in kinds: one that is hardly more than data, and one that the server
// completes and judges.
inline constexpr std::uint64_t kJudgedKinds = 16;
std::string JudgedDefinition(std::uint64_t kind);
Sequence JudgedSequence(std::uint64_t seed);
Sequence BuiltinSequence(std::uint64_t seed);
Sequence RuledSequence(std::uint64_t seed);

}  // namespace kro::differential
