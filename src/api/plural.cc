#include "api/plural.h"

#include <algorithm>
#include <iterator>

namespace kro::api {
namespace {

// How far a dictionary entry reaches: also words that end in it, only the word itself, or words that
// end in it though its plural is not known as one.
enum class Reach { kSuffix, kWholeWord, kOneWay };

struct Entry {
  std::string_view singular;
  std::string_view plural;
  std::string_view other_plural;  // also left alone; empty: none
  Reach reach;
};

struct Suffix {
  std::string_view singular;
  std::string_view plural;
};

// Dictionary entries in their order: singular, plural, other plural, reach.
constexpr Entry kDictionary[] = {
    {"aircraft", "aircraft", "", Reach::kSuffix},
    {"beef", "beef", "beefs", Reach::kSuffix},
    {"bison", "bison", "", Reach::kSuffix},
    {"blues", "blues", "", Reach::kOneWay},
    {"chassis", "chassis", "", Reach::kSuffix},
    {"deer", "deer", "", Reach::kSuffix},
    {"fish", "fish", "fishes", Reach::kSuffix},
    {"moose", "moose", "", Reach::kSuffix},
    {"police", "police", "", Reach::kSuffix},
    {"salmon", "salmon", "salmons", Reach::kSuffix},
    {"series", "series", "", Reach::kSuffix},
    {"sheep", "sheep", "", Reach::kSuffix},
    {"shrimp", "shrimp", "shrimps", Reach::kSuffix},
    {"species", "species", "", Reach::kSuffix},
    {"swine", "swine", "swines", Reach::kSuffix},
    {"trout", "trout", "trouts", Reach::kSuffix},
    {"tuna", "tuna", "tunas", Reach::kSuffix},
    {"you", "you", "", Reach::kSuffix},
    {"child", "children", "", Reach::kSuffix},
    {"ox", "oxen", "", Reach::kWholeWord},
    {"foot", "feet", "", Reach::kSuffix},
    {"goose", "geese", "", Reach::kSuffix},
    {"man", "men", "", Reach::kSuffix},
    {"human", "humans", "", Reach::kSuffix},
    {"louse", "lice", "", Reach::kWholeWord},
    {"mouse", "mice", "", Reach::kSuffix},
    {"tooth", "teeth", "", Reach::kSuffix},
    {"woman", "women", "", Reach::kSuffix},
    {"die", "dice", "", Reach::kWholeWord},
    {"person", "people", "", Reach::kSuffix},
    {"adieu", "adieux", "adieus", Reach::kSuffix},
    {"fabliau", "fabliaux", "", Reach::kSuffix},
    {"bureau", "bureaus", "bureaux", Reach::kSuffix},
    {"criterion", "criteria", "", Reach::kSuffix},
    {"ganglion", "ganglia", "ganglions", Reach::kSuffix},
    {"lexicon", "lexica", "lexicons", Reach::kSuffix},
    {"mitochondrion", "mitochondria", "mitochondrions", Reach::kSuffix},
    {"noumenon", "noumena", "", Reach::kSuffix},
    {"phenomenon", "phenomena", "", Reach::kSuffix},
    {"taxon", "taxa", "", Reach::kSuffix},
    {"media", "media", "", Reach::kSuffix},
    {"medium", "media", "mediums", Reach::kOneWay},
    {"stadium", "stadiums", "stadia", Reach::kSuffix},
    {"aquarium", "aquaria", "aquariums", Reach::kSuffix},
    {"auditorium", "auditoria", "auditoriums", Reach::kSuffix},
    {"symposium", "symposia", "symposiums", Reach::kSuffix},
    {"curriculum", "curriculums", "curricula", Reach::kSuffix},
    {"quota", "quotas", "", Reach::kSuffix},
    {"alumnus", "alumni", "alumnuses", Reach::kSuffix},
    {"bacillus", "bacilli", "", Reach::kSuffix},
    {"cactus", "cacti", "cactuses", Reach::kSuffix},
    {"coccus", "cocci", "", Reach::kSuffix},
    {"focus", "foci", "focuses", Reach::kSuffix},
    {"locus", "loci", "locuses", Reach::kSuffix},
    {"nucleus", "nuclei", "nucleuses", Reach::kSuffix},
    {"octopus", "octupuses", "octopi", Reach::kSuffix},
    {"radius", "radii", "radiuses", Reach::kSuffix},
    {"syllabus", "syllabi", "", Reach::kSuffix},
    {"corpus", "corpora", "corpuses", Reach::kSuffix},
    {"genus", "genera", "", Reach::kSuffix},
    {"alumna", "alumnae", "", Reach::kSuffix},
    {"vertebra", "vertebrae", "", Reach::kSuffix},
    {"differentia", "differentiae", "", Reach::kSuffix},
    {"minutia", "minutiae", "", Reach::kSuffix},
    {"vita", "vitae", "", Reach::kSuffix},
    {"larva", "larvae", "", Reach::kSuffix},
    {"postcava", "postcavae", "", Reach::kSuffix},
    {"praecava", "praecavae", "", Reach::kSuffix},
    {"uva", "uvae", "", Reach::kSuffix},
    {"apex", "apices", "apexes", Reach::kSuffix},
    {"codex", "codices", "codexes", Reach::kSuffix},
    {"index", "indices", "indexes", Reach::kSuffix},
    {"latex", "latices", "latexes", Reach::kSuffix},
    {"vertex", "vertices", "vertexes", Reach::kSuffix},
    {"vortex", "vortices", "vortexes", Reach::kSuffix},
    {"appendix", "appendices", "appendixes", Reach::kSuffix},
    {"radix", "radices", "radixes", Reach::kSuffix},
    {"helix", "helices", "helixes", Reach::kSuffix},
    {"axis", "axes", "", Reach::kWholeWord},
    {"crisis", "crises", "", Reach::kSuffix},
    {"ellipsis", "ellipses", "", Reach::kOneWay},
    {"genesis", "geneses", "", Reach::kSuffix},
    {"oasis", "oases", "", Reach::kSuffix},
    {"thesis", "theses", "", Reach::kSuffix},
    {"testis", "testes", "", Reach::kSuffix},
    {"base", "bases", "", Reach::kSuffix},
    {"basis", "bases", "", Reach::kOneWay},
    {"alias", "aliases", "", Reach::kWholeWord},
    {"vedalia", "vedalias", "", Reach::kSuffix},
    {"use", "uses", "", Reach::kWholeWord},
    {"abuse", "abuses", "", Reach::kSuffix},
    {"cause", "causes", "", Reach::kSuffix},
    {"clause", "clauses", "", Reach::kSuffix},
    {"cruse", "cruses", "", Reach::kSuffix},
    {"excuse", "excuses", "", Reach::kSuffix},
    {"fuse", "fuses", "", Reach::kSuffix},
    {"house", "houses", "", Reach::kSuffix},
    {"misuse", "misuses", "", Reach::kSuffix},
    {"muse", "muses", "", Reach::kSuffix},
    {"pause", "pauses", "", Reach::kSuffix},
    {"ache", "aches", "", Reach::kSuffix},
    {"topaz", "topazes", "", Reach::kSuffix},
    {"buffalo", "buffaloes", "buffalos", Reach::kSuffix},
    {"potato", "potatoes", "", Reach::kSuffix},
    {"tomato", "tomatoes", "", Reach::kSuffix},
    {"equipment", "equipment", "", Reach::kSuffix},
    {"information", "information", "", Reach::kSuffix},
    {"jeans", "jeans", "", Reach::kSuffix},
    {"money", "money", "", Reach::kSuffix},
    {"news", "news", "", Reach::kSuffix},
    {"rice", "rice", "", Reach::kSuffix},
    {"dwarf", "dwarfs", "dwarves", Reach::kSuffix},
    {"hoof", "hoofs", "hooves", Reach::kSuffix},
    {"thief", "thieves", "", Reach::kSuffix},
    {"chive", "chives", "", Reach::kSuffix},
    {"hive", "hives", "", Reach::kSuffix},
    {"move", "moves", "", Reach::kSuffix},
    {"movie", "movies", "", Reach::kSuffix},
    {"cookie", "cookies", "", Reach::kSuffix},
    {"pretorium", "pretoriums", "", Reach::kSuffix},
    {"agenda", "agendas", "", Reach::kSuffix},
    {"formula", "formulas", "formulae", Reach::kSuffix},
    {"shoe", "shoes", "", Reach::kSuffix},
    {"toe", "toes", "", Reach::kWholeWord},
    {"graffiti", "graffiti", "", Reach::kSuffix},
};

// Suffixes in their order of priority; four are misspelt in the original and stay so.
constexpr Suffix kSuffixes[] = {
    {"tive", "tives"},    {"eaf", "eaves"},    {"oaf", "oaves"},       {"afe", "aves"},
    {"arf", "arves"},     {"rfe", "rves"},     {"rf", "rves"},         {"lf", "lves"},
    {"fe", "ves"},        {"ay", "ays"},       {"ey", "eys"},          {"oy", "oys"},
    {"quy", "quies"},     {"uy", "uys"},       {"y", "ies"},           {"eau", "eaux"},
    {"bula", "bulae"},    {"dula", "bulae"},   {"lula", "bulae"},      {"nula", "bulae"},
    {"vula", "bulae"},    {"hedron", "hedra"}, {"ium", "ia"},          {"seum", "seums"},
    {"eum", "ea"},        {"oum", "oa"},       {"stracum", "straca"},  {"dum", "da"},
    {"elum", "ela"},      {"ilum", "ila"},     {"olum", "ola"},        {"ulum", "ula"},
    {"llum", "lla"},      {"ylum", "yla"},     {"imum", "ima"},        {"ernum", "erna"},
    {"gnum", "gna"},      {"brum", "bra"},     {"crum", "cra"},        {"terum", "tera"},
    {"serum", "sera"},    {"trum", "tra"},     {"antum", "anta"},      {"atum", "ata"},
    {"entum", "enta"},    {"etum", "eta"},     {"itum", "ita"},        {"otum", "ota"},
    {"utum", "uta"},      {"ctum", "cta"},     {"ovum", "ova"},        {"trix", "trices"},
    {"iasis", "iases"},   {"mesis", "meses"},  {"kinesis", "kineses"}, {"resis", "reses"},
    {"gnosis", "gnoses"}, {"opsis", "opses"},  {"ysis", "yses"},       {"ouse", "ouses"},
    {"lause", "lauses"},  {"us", "uses"},      {"ch", "ches"},         {"io", "ios"},
    {"sh", "shes"},       {"ss", "sses"},      {"ez", "ezzes"},        {"iz", "izzes"},
    {"tz", "tzes"},       {"zz", "zzes"},      {"ano", "anos"},        {"lo", "los"},
    {"to", "tos"},        {"oo", "oos"},       {"o", "oes"},           {"x", "xes"},
};

std::string Lower(std::string_view text);
bool Apply(const Suffix& rule, std::string& word);

}  // namespace

// The steps of the spec, section 3.2. The acronym step survives only in three words.
std::string Plural(std::string_view kind) {
  std::string word = Lower(kind);
  for (const Entry& entry : kDictionary) {
    if (word == entry.singular) return std::string(entry.plural);
  }
  for (const Entry& entry : kDictionary) {
    if (entry.reach == Reach::kOneWay) continue;
    if (word == entry.plural || (!entry.other_plural.empty() && word == entry.other_plural)) {
      return word;
    }
  }
  if (word == "ssh" || word == "eia" || word == "tia") return word + "s";
  if (word == "aes" || word == "bss" || word == "cmos" || word == "des" || word == "dns" ||
      word == "ess" || word == "fcs" || word == "https" || word == "ids" || word == "ips" ||
      word == "mpls" || word == "pots") {
    return word;
  }
  for (auto entry = std::rbegin(kDictionary); entry != std::rend(kDictionary); ++entry) {
    if (entry->reach != Reach::kWholeWord && Apply({entry->singular, entry->plural}, word)) {
      return word;
    }
  }
  for (const Suffix& rule : kSuffixes) {
    if (Apply(rule, word)) return word;
  }
  return word.ends_with('s') ? word : word + "s";
}

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return lower;
}

// A word that already ends like the plural stays as it is: "area", "specimen".
bool Apply(const Suffix& rule, std::string& word) {
  if (word.ends_with(rule.plural)) return true;
  if (!word.ends_with(rule.singular)) return false;
  word.replace(word.size() - rule.singular.size(), rule.singular.size(), rule.plural);
  return true;
}

}  // namespace
}  // namespace kro::api
